/* One dimension of a profile: members by key, ascending, with their packets and perhaps the set
 * of their sources.
 *
 *   keys or keys6   [ 22    ][ 23    ][ 80    ]
 *   packets         [ 5     ][ 9000  ][ 17    ]     parallel arrays of n, no slack
 *   sets            [ 0     ][ 3     ][ 516   ]     where in words the set of the row begins
 *   words           [ 2 a b | SKETCH ... | 1 c ]    sets in the order of their rows
 *
 * A table is a value in one form only. Merging walks two of them at once. */
#pragma once

#include "state/profile_sets.h"
#include "state/select.h"

#include <nightscope/packet.h>

struct profile_table {
    bool is6, has_sets;
    uint32_t n;
    uint64_t others; /* packets of members that found no room */
    uint32_t *keys;
    struct ip6 *keys6; /* is6 */
    uint64_t *packets;
    uint32_t *sets; /* has_sets */
    uint32_t *words;
    size_t words_n;
};

void profile_table_fini(struct profile_table *table);
size_t profile_table_bytes(const struct profile_table *table);
/* Makes room for n rows in an empty table; n stays 0. */
bool profile_table_reserve(struct profile_table *table, size_t n);
/* Gives back what the rows do not use. */
void profile_table_shrink(struct profile_table *table, size_t reserved);

/* Adds `from`. Past `limit` members, those whose keys have the lowest fixed hash stay: an order
 * of keys alone, so that it does not matter which tables merged first. False: memory, and all
 * packets of `from` are in others. *refused grows by what went to others just now. */
bool profile_table_merge(struct profile_table *into, const struct profile_table *from,
                         size_t limit, uint64_t *refused);
void profile_table_limit(struct profile_table *table, size_t limit, uint64_t *refused);
/* Keeps the `limit` members with the most packets of both tables together; of equal ones those
 * of the first table, then those of lower keys. */
void profile_table_busiest(struct profile_table *first, struct profile_table *second,
                           size_t limit);

/* Where a key stands in the order in which members are refused: the highest go first. */
uint64_t profile_table_rank(uint32_t key);
uint64_t profile_table_packets(const struct profile_table *table); /* of all rows */

static inline const uint32_t *profile_table_set(const struct profile_table *table, uint32_t row)
{
    return table->words + table->sets[row];
}

/* Numbers of packets stop at their end instead of starting again. */
static inline uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}
