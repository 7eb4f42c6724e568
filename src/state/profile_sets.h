/* Sets of sources within a profile: the same sets as struct distinct makes, in one piece and in
 * one form only, so that profiles of the same packets are equal bit by bit.
 *
 *   exact    [ n ][ key ] ... [ key ]       n <= 127 keys, ascending
 *   sketch   [ SKETCH ][ 2,048 registers ]  as in hll.h
 *
 * FROZEN beside either: memory was refused once, the count is a lower bound. */
#pragma once

#include "state/distinct.h"

enum {
    PROFILE_SET_N = 0xff,
    PROFILE_SET_SKETCH = 0x100,
    PROFILE_SET_FROZEN = 0x200,
    PROFILE_SET_WORDS_MAX = 1 + HLL_SMALL / 4,
};

static inline size_t profile_set_words(const uint32_t *set)
{
    return *set & PROFILE_SET_SKETCH ? PROFILE_SET_WORDS_MAX : 1 + (*set & PROFILE_SET_N);
}

/* Each writes a set and returns its words. */
size_t profile_set_union(const uint32_t *a, const uint32_t *b,
                         uint32_t ret_set[static PROFILE_SET_WORDS_MAX]);
size_t profile_set_from(const struct pool *pool, const struct distinct *distinct,
                        uint32_t ret_set[static PROFILE_SET_WORDS_MAX]);
uint64_t profile_set_count(const uint32_t *set, bool *ret_estimated);
