/* New destinations, and merging. */
#include "state/destinations.h"

#include "base/prefetch.h"

#include <stdlib.h>

enum {
    PAGES = 65536,
    PAGE_WORDS = 1024,
    SLOTS6_FIRST = 256,
};

bool destinations_init(struct destinations *set, struct memory *memory)
{
    *set = (struct destinations){.memory = memory_hold(memory)};
    set->pages = memory_grow(memory, NULL, 0, PAGES * sizeof *set->pages);
    return set->pages;
}

static void sketch4(struct destinations *set, uint32_t address)
{
    hll_add(set->sketch4, HLL_LARGE_BITS, hash_u64(address, HASH_FIXED));
}

/* What the bits of a page say, to the sketch. */
static void sketch_page(struct destinations *set, uint32_t high, const uint64_t *page)
{
    for (uint32_t word = 0; word < PAGE_WORDS; word++)
        for (uint64_t bits = page[word]; bits; bits &= bits - 1)
            sketch4(set, high << 16 | word * 64 | (uint32_t)__builtin_ctzll(bits));
}

static void drop_pages(struct destinations *set)
{
    for (size_t i = 0; set->pages_n && i < PAGES; i++) {
        if (!set->pages[i])
            continue;
        memory_free(set->memory, set->pages[i], PAGE_WORDS * sizeof *set->pages[i]);
        set->pages[i] = NULL;
        set->pages_n--;
    }
}

/* From here on only the sketch counts. */
static void leave_pages(struct destinations *set)
{
    for (uint32_t i = 0; i < PAGES; i++)
        if (set->pages[i])
            sketch_page(set, i, set->pages[i]);
    drop_pages(set);
    set->over4 = true;
}

static void drop_slots6(struct destinations *set)
{
    memory_free(set->memory, set->slots6, set->slots6_cap * sizeof *set->slots6);
    set->slots6 = NULL;
    set->slots6_cap = 0;
    set->over6 = true;
}

void destinations_fini(struct destinations *set)
{
    if (!set->pages)
        return;
    drop_pages(set);
    drop_slots6(set);
    memory_free(set->memory, set->pages, PAGES * sizeof *set->pages);
    memory_drop(set->memory);
    set->pages = NULL;
}

void destinations_clear(struct destinations *set)
{
    uint64_t **pages = set->pages;
    struct memory *memory = set->memory;
    drop_pages(set);
    drop_slots6(set);
    *set = (struct destinations){.memory = memory, .pages = pages};
}

/* The page of an address, made if it may be; else NULL, and the set is over its limit. */
static uint64_t *make_page(struct destinations *set, uint32_t high)
{
    if (set->over4 || set->pages[high])
        return set->pages[high];
    uint64_t *page = NULL;
    if (set->pages_n < DESTINATIONS_PAGES_MAX) {
        page = memory_grow(set->memory, NULL, 0, PAGE_WORDS * sizeof *page);
        set->memory_refused += !page;
    }
    if (!page) {
        leave_pages(set);
        return NULL;
    }
    set->pages_n++;
    set->pages[high] = page;
    return page;
}

void destinations_add_slow4(struct destinations *set, uint32_t address)
{
    uint64_t *page = make_page(set, address >> 16);
    if (!page) {
        sketch4(set, address);
        return;
    }
    uint64_t *word = page + (address & 0xffff) / 64, bit = (uint64_t)1 << (address % 64);
    set->n4 += !(*word & bit);
    *word |= bit;
}

static bool is_zero(struct ip6 address)
{
    return !(address.hi | address.lo);
}

static uint32_t first_slot6(uint32_t cap, struct ip6 address, const uint64_t key[static 2])
{
    return (uint32_t)hash_u64(address.lo ^ hash_u64(address.hi, key), key) & (cap - 1);
}

void destinations_prefetch6(const struct destinations *set, struct ip6 address,
                            const uint64_t key[static 2])
{
    if (set->slots6_cap)
        prefetch(&set->slots6[first_slot6(set->slots6_cap, address, key)]);
}

/* The slot that holds the address, or where it goes. */
static struct ip6 *find6(struct ip6 *slots, uint32_t cap, struct ip6 address,
                         const uint64_t key[static 2])
{
    uint32_t slot = first_slot6(cap, address, key);
    while (!is_zero(slots[slot]) &&
           (slots[slot].hi != address.hi || slots[slot].lo != address.lo))
        slot = (slot + 1) & (cap - 1);
    return &slots[slot];
}

static bool grow6(struct destinations *set, const uint64_t key[static 2])
{
    uint32_t cap = set->slots6_cap ? set->slots6_cap * 2 : SLOTS6_FIRST;
    struct ip6 *slots = memory_grow(set->memory, NULL, 0, cap * sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < set->slots6_cap; i++)
        if (!is_zero(set->slots6[i]))
            *find6(slots, cap, set->slots6[i], key) = set->slots6[i];
    memory_free(set->memory, set->slots6, set->slots6_cap * sizeof *set->slots6);
    set->slots6 = slots;
    set->slots6_cap = cap;
    return true;
}

void destinations_add6(struct destinations *set, struct ip6 address,
                       const uint64_t key[static 2])
{
    if (!set->over6 && !is_zero(address)) {
        struct ip6 *slot = NULL;
        if (set->slots6_cap) {
            slot = find6(set->slots6, set->slots6_cap, address, key);
            if (!is_zero(*slot))
                return;
        }
        bool limit = set->n6 == DESTINATIONS_IP6_MAX;
        bool full = !limit && set->n6 + 1 > set->slots6_cap / 2;
        bool memory = full && !grow6(set, key);
        set->memory_refused += memory;
        if (limit || memory) {
            drop_slots6(set);
        } else {
            if (full) /* the slots have moved */
                slot = find6(set->slots6, set->slots6_cap, address, key);
            *slot = address;
            set->n6++;
        }
    } else if (!set->over6) {
        if (set->has_zero6)
            return;
        set->has_zero6 = true;
    }
    uint64_t hash = hash_u64(address.lo ^ hash_u64(address.hi, HASH_FIXED), HASH_FIXED);
    hll_add(set->sketch6, HLL_LARGE_BITS, hash);
}

void destinations_add_page(struct destinations *set, uint32_t high, const uint64_t *from)
{
    uint64_t *page = make_page(set, high);
    if (!page)
        sketch_page(set, high, from);
    for (unsigned word = 0; page && word < PAGE_WORDS; word++) {
        uint64_t fresh = from[word] & ~page[word];
        set->n4 += (unsigned)__builtin_popcountll(fresh);
        page[word] |= fresh;
    }
}

void destinations_leave4(struct destinations *set, const uint8_t sketch[static HLL_LARGE])
{
    hll_merge(set->sketch4, sketch, HLL_LARGE_BITS);
    if (!set->over4)
        leave_pages(set);
}

void destinations_add_sketch6(struct destinations *set, bool over,
                              const uint8_t sketch[static HLL_LARGE])
{
    if (over && !set->over6)
        drop_slots6(set);
    hll_merge(set->sketch6, sketch, HLL_LARGE_BITS);
}

void destinations_merge(struct destinations *into, const struct destinations *from,
                        const uint64_t key[static 2])
{
    into->memory_refused += from->memory_refused;
    if (from->over4)
        destinations_leave4(into, from->sketch4);
    for (uint32_t i = 0; i < PAGES; i++)
        if (from->pages[i])
            destinations_add_page(into, i, from->pages[i]);
    if (from->over6 && !into->over6)
        drop_slots6(into);
    for (uint32_t i = 0; !into->over6 && i < from->slots6_cap; i++)
        if (!is_zero(from->slots6[i]))
            destinations_add6(into, from->slots6[i], key);
    if (from->has_zero6)
        destinations_add6(into, (struct ip6){0}, key);
    hll_merge(into->sketch6, from->sketch6, HLL_LARGE_BITS);
}

uint64_t destinations_count(const struct destinations *set, bool *ret_estimated)
{
    *ret_estimated = set->over4 || set->over6;
    return (set->over4 ? hll_estimate(set->sketch4, HLL_LARGE_BITS) : set->n4) +
           (set->over6 ? hll_estimate(set->sketch6, HLL_LARGE_BITS) : set->n6 + set->has_zero6);
}
