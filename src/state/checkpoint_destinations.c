/* Distinct destinations.
 *
 *   IPv4: flags | n | n x { page | 8 KiB of bits } | sketch, if only that counts
 *   IPv6: n | n x address, ascending, or nothing if only the sketch counts | sketch
 *
 * Every target takes all of them: a source that goes on at one of them may have sent to any,
 * and an address that is new to a target is taken for new to its sources. */
#include "state/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum {
    OVER4 = 1,
    OVER6 = 2,
    ZERO6 = 4,
    FLAGS = 7,
    PAGES = 65536,
    PAGE_BYTES = 8192,
    LARGE_RANK_MAX = 64 - HLL_LARGE_BITS + 1,
};

static int by_number(const void *left, const void *right)
{
    const struct ip6 *a = left, *b = right;
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    return (a->lo > b->lo) - (a->lo < b->lo);
}

static void put_pages(struct bytes_out *out, const struct destinations *set)
{
    bytes_put_u64(out, set->pages_n);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (!set->pages[i])
            continue;
        bytes_put_u64(out, i);
        for (unsigned word = 0; word < PAGE_BYTES / 8; word++)
            bytes_put_u64(out, set->pages[i][word]);
    }
}

static void put_addresses6(struct bytes_out *out, const struct destinations *set)
{
    struct ip6 *order = malloc((set->n6 + 1) * sizeof *order);
    uint32_t n = 0;
    if (!order) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < set->slots6_cap; i++)
        if (set->slots6[i].hi | set->slots6[i].lo)
            order[n++] = set->slots6[i];
    qsort(order, n, sizeof *order, by_number);
    bytes_put_u64(out, n);
    for (uint32_t i = 0; i < n; i++)
        checkpoint_put_address(out, &(struct address){.is6 = true, .v6 = order[i]});
    free(order);
}

void checkpoint_put_destinations(struct bytes_out *out, const struct destinations *set)
{
    bytes_put_u64(out, (set->over4 ? OVER4 : 0U) | (set->over6 ? OVER6 : 0U) |
                           (set->has_zero6 ? ZERO6 : 0U));
    bytes_put_u64(out, set->memory_refused);
    if (set->over4)
        checkpoint_put_registers(out, set->sketch4, HLL_LARGE);
    else
        put_pages(out, set);
    if (!set->over6)
        put_addresses6(out, set);
    checkpoint_put_registers(out, set->sketch6, HLL_LARGE);
}

static void take_pages(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, DESTINATIONS_PAGES_MAX);
    uint64_t page[PAGE_BYTES / 8];
    for (uint64_t i = 0, next = 0; i < n && !in->bytes->failed; i++) {
        uint32_t high = (uint32_t)bytes_take_u64(in->bytes, PAGES - 1);
        in->bytes->failed |= high < next;
        next = high + 1;
        checkpoint_take_numbers(in, page, PAGE_BYTES / 8);
        for (unsigned target = 0; target < in->n && !in->bytes->failed; target++)
            destinations_add_page(&in->targets[target]->destinations, high, page);
    }
}

static void take_addresses6(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, DESTINATIONS_IP6_MAX);
    struct ip6 before = {0};
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        struct ip6 address = checkpoint_take_address(in, true).v6;
        in->bytes->failed |= by_number(&before, &address) >= 0;
        before = address;
        for (unsigned target = 0; target < in->n && !in->bytes->failed; target++)
            destinations_add6(&in->targets[target]->destinations, address,
                              in->targets[target]->config.table_key);
    }
}

void checkpoint_take_destinations(struct checkpoint_in *in)
{
    uint64_t flags = bytes_take_u64(in->bytes, FLAGS);
    uint8_t sketch[HLL_LARGE];
    in->targets[0]->destinations.memory_refused += bytes_take_u64(in->bytes, UINT64_MAX);
    if (flags & OVER4)
        checkpoint_take_registers(in, LARGE_RANK_MAX, HLL_LARGE, sketch);
    else
        take_pages(in);
    for (unsigned target = 0; flags & OVER4 && target < in->n; target++)
        destinations_leave4(&in->targets[target]->destinations, sketch);
    if (!(flags & OVER6))
        take_addresses6(in);
    checkpoint_take_registers(in, LARGE_RANK_MAX, HLL_LARGE, sketch);
    for (unsigned target = 0; target < in->n && !in->bytes->failed; target++) {
        struct destinations *set = &in->targets[target]->destinations;
        if (flags & ZERO6)
            destinations_add6(set, (struct ip6){0}, in->targets[target]->config.table_key);
        destinations_add_sketch6(set, flags & OVER6, sketch);
    }
}
