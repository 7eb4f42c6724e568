/* Distinct destinations of all counted packets.
 *
 * IPv4: one bit an address, in pages of a /16 (8 KiB) made on demand; exact for up to 4,096
 * pages, which a /8 and its neighbours never reach. IPv6: an exact set of up to 65,536
 * addresses. Beyond either limit a sketch gives an estimate (standard error 0.8 %): that of
 * IPv4 takes what the bits say when they go, that of IPv6 is fed all along. Exact or not
 * depends on the set of destinations alone. */
#pragma once

#include "base/hash.h"
#include "state/hll.h"
#include "state/memory.h"

#include <nightscope/packet.h>

enum {
    DESTINATIONS_PAGES_MAX = 4096,
    DESTINATIONS_IP6_MAX = 65536,
};

struct destinations {
    struct memory *memory; /* of pages and slots, a reference; may be NULL */
    uint64_t **pages;      /* 65,536 pointers */
    uint32_t pages_n;
    bool over4, over6; /* only the sketch counts */
    uint64_t n4;

    struct ip6 *slots6; /* open addressing; :: marks a free slot */
    uint32_t slots6_cap, n6;
    bool has_zero6; /* :: itself */

    uint8_t sketch4[HLL_LARGE], sketch6[HLL_LARGE];
    uint64_t memory_refused;
};

bool destinations_init(struct destinations *set, struct memory *memory);
void destinations_fini(struct destinations *set);
void destinations_clear(struct destinations *set);
void destinations_add_slow4(struct destinations *set, uint32_t address);
/* Asks for the memory that destinations_add6() will look at first. */
void destinations_prefetch6(const struct destinations *set, struct ip6 address,
                            const uint64_t key[static 2]);
void destinations_add6(struct destinations *set, struct ip6 address,
                       const uint64_t key[static 2]);
void destinations_merge(struct destinations *into, const struct destinations *from,
                        const uint64_t key[static 2]);
/* Parts of another set: the bits of a page; what its sketches say, when only they count. */
void destinations_add_page(struct destinations *set, uint32_t high, const uint64_t *page);
void destinations_leave4(struct destinations *set, const uint8_t sketch[static HLL_LARGE]);
void destinations_add_sketch6(struct destinations *set, bool over,
                              const uint8_t sketch[static HLL_LARGE]);
uint64_t destinations_count(const struct destinations *set, bool *ret_estimated);

static inline uint64_t *destinations_word(const struct destinations *set, uint32_t address)
{
    uint64_t *page = set->pages[address >> 16];
    return page ? page + (address & 0xffff) / 64 : NULL;
}

/* True when the address is new for sure: nothing counted here has had it before. */
static inline bool destinations_add4(struct destinations *set, uint32_t address)
{
    uint64_t *word = destinations_word(set, address);
    if (!word) {
        destinations_add_slow4(set, address);
        return false;
    }
    uint64_t bits = *word; /* new or not: neither is rare, so no branch */
    bool is_new = ~bits >> (address % 64) & 1;
    set->n4 += is_new;
    *word = bits | (uint64_t)1 << (address % 64);
    return is_new;
}
