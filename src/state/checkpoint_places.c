/* Countries and AS of evicted sources.
 *
 *   for each country that has any { number + 1 | tallies } | 0
 *   n | n x { asn, as difference | lowest address: 0 or 1 for IPv6, bytes | tallies }
 *
 * tallies: packets and sources of each view. */
#include "state/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { TALLIES = 2 * VIEW_COUNT_ };
static_assert(sizeof(struct place_tally[VIEW_COUNT_]) == TALLIES * sizeof(uint64_t),
              "tallies are numbers");

static void put_tallies(struct bytes_out *out, const struct place_tally *tallies)
{
    uint64_t numbers[TALLIES];
    memcpy(numbers, tallies, sizeof numbers);
    checkpoint_put_numbers(out, numbers, TALLIES);
}

static bool is_empty(const struct place_tally *tallies)
{
    static const struct place_tally none[VIEW_COUNT_];
    return memcmp(tallies, none, sizeof none) == 0;
}

static int by_asn(const void *left, const void *right)
{
    const struct as_row *a = *(const struct as_row *const *)left;
    const struct as_row *b = *(const struct as_row *const *)right;
    return (a->asn > b->asn) - (a->asn < b->asn);
}

static void put_asns(struct bytes_out *out, const struct places *places)
{
    const struct as_row **order = malloc((places->n + 1) * sizeof *order);
    size_t n = 0;
    if (!order) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < places->cap; i++)
        if (places->rows[i].used)
            order[n++] = &places->rows[i];
    qsort(order, n, sizeof *order, by_asn);
    bytes_put_u64(out, n);
    for (size_t i = 0; i < n; i++) {
        bytes_put_u64(out, order[i]->asn - (i ? order[i - 1]->asn : 0));
        bytes_put_u64(out, order[i]->low.is6);
        checkpoint_put_address(out, &order[i]->low);
        put_tallies(out, order[i]->tallies);
    }
    free(order);
}

void checkpoint_put_places(struct bytes_out *out, const struct places *places)
{
    for (unsigned cc = 0; cc < CC_COUNT_; cc++) {
        if (is_empty(places->countries[cc]))
            continue;
        bytes_put_u64(out, cc + 1);
        put_tallies(out, places->countries[cc]);
    }
    bytes_put_u64(out, 0);
    put_asns(out, places);
}

static void take_tallies(struct checkpoint_in *in,
                         struct place_tally ret_tallies[static VIEW_COUNT_])
{
    uint64_t numbers[TALLIES];
    checkpoint_take_numbers(in, numbers, TALLIES);
    memcpy(ret_tallies, numbers, sizeof numbers);
}

static void take_asns(struct checkpoint_in *in, struct places *places)
{
    uint64_t n = bytes_take_u64(in->bytes, UINT32_MAX);
    uint32_t asn = 0;
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        uint32_t more = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX - asn);
        in->bytes->failed |= i && !more;
        asn += more;
        struct address low = checkpoint_take_address(in, bytes_take_u64(in->bytes, 1));
        struct place_tally tallies[VIEW_COUNT_];
        take_tallies(in, tallies);
        if (!in->bytes->failed && !places_add_asn(places, asn, &low, tallies))
            checkpoint_no_memory(in);
    }
}

void checkpoint_take_places(struct checkpoint_in *in, struct places *places)
{
    for (uint64_t before = 0, number;
         (number = bytes_take_u64(in->bytes, CC_COUNT_)) != 0 && !in->bytes->failed;
         before = number) {
        struct place_tally tallies[VIEW_COUNT_];
        take_tallies(in, tallies);
        in->bytes->failed |= number <= before || is_empty(tallies);
        for (unsigned view = 0; view < VIEW_COUNT_; view++) {
            places->countries[number - 1][view].packets += tallies[view].packets;
            places->countries[number - 1][view].sources += tallies[view].sources;
        }
    }
    take_asns(in, places);
}
