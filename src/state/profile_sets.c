/* Union and count of the sets of a profile. */
#include "state/profile_sets.h"

#include <string.h>

static uint8_t *registers_of(uint32_t *set)
{
    return (uint8_t *)(set + 1);
}

static void add_all(uint32_t *sketch, const uint32_t *set)
{
    if (*set & PROFILE_SET_SKETCH) {
        hll_merge(registers_of(sketch), (const uint8_t *)(set + 1), HLL_SMALL_BITS);
        return;
    }
    for (unsigned i = 1; i <= (*set & PROFILE_SET_N); i++)
        hll_add(registers_of(sketch), HLL_SMALL_BITS, hash_u64(set[i], HASH_FIXED));
}

size_t profile_set_union(const uint32_t *a, const uint32_t *b,
                         uint32_t ret_set[static PROFILE_SET_WORDS_MAX])
{
    uint32_t frozen = (*a | *b) & PROFILE_SET_FROZEN;
    if (!((*a | *b) & PROFILE_SET_SKETCH)) {
        const uint32_t *left = a + 1, *left_end = left + (*a & PROFILE_SET_N);
        const uint32_t *right = b + 1, *right_end = right + (*b & PROFILE_SET_N);
        uint32_t n = 0;
        while (left < left_end || right < right_end) {
            bool take_left = right == right_end || (left < left_end && *left <= *right);
            bool take_right = left == left_end || (right < right_end && *right <= *left);
            ret_set[++n] = take_left ? *left : *right;
            left += take_left;
            right += take_right;
        }
        if (n <= DISTINCT_EXACT_MAX) {
            *ret_set = n | frozen;
            return 1 + n;
        }
    }
    memset(ret_set, 0, PROFILE_SET_WORDS_MAX * sizeof *ret_set);
    *ret_set = PROFILE_SET_SKETCH | frozen;
    add_all(ret_set, a);
    add_all(ret_set, b);
    return PROFILE_SET_WORDS_MAX;
}

/* Insertion: most sets are small. */
static void sort(uint32_t *keys, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint32_t key = keys[i];
        unsigned at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

size_t profile_set_from(const struct pool *pool, const struct distinct *distinct,
                        uint32_t ret_set[static PROFILE_SET_WORDS_MAX])
{
    *ret_set = distinct->kind & DISTINCT_FROZEN ? PROFILE_SET_FROZEN : 0;
    if (distinct_registers(pool, distinct, (uint8_t *)(ret_set + 1))) {
        *ret_set |= PROFILE_SET_SKETCH;
    } else {
        unsigned n = distinct_keys(pool, distinct, ret_set + 1);
        *ret_set |= n;
        sort(ret_set + 1, n);
    }
    return profile_set_words(ret_set);
}

uint64_t profile_set_count(const uint32_t *set, bool *ret_estimated)
{
    *ret_estimated = *set & (PROFILE_SET_SKETCH | PROFILE_SET_FROZEN);
    if (*set & PROFILE_SET_SKETCH)
        return hll_estimate((const uint8_t *)(set + 1), HLL_SMALL_BITS);
    return *set & PROFILE_SET_N;
}
