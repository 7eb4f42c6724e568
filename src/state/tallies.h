/* Packets by number (port, country, AS, label) while a step is counted, and for some the set of
 * sources: open addressing, and dense rows in the order they came.
 *
 *   slots   [ tag : 14 | row + 1 : 18 ] --->   rows   [ key | set | packets ]
 *
 * Of more than `limit` members those of the lowest profile_table_rank() stay, as in a profile.
 * Up to twice as many are held before they are cut, and nothing that was cut comes back: what
 * stays is complete, and a function of the keys alone. */
#pragma once

#include "state/profile_table.h"

#include <assert.h>

struct tally {
    uint32_t key;
    uint32_t set_word; /* struct distinct of its sources */
    uint64_t packets : 56;
    uint64_t set_kind : 8;
};
static_assert(sizeof(struct tally) == 16, "four a cache line");

struct tallies {
    struct memory *memory; /* borrowed */
    const uint64_t *hash_key;
    struct tally *rows;
    uint32_t *slots;
    uint32_t n, rows_cap, slots_cap;
    uint32_t limit;
    uint64_t rank_max; /* keys that rank higher are refused */
    uint64_t others;
};

enum { TALLIES_INDEX_BITS = 18, TALLIES_LIMIT_MAX = 1 << (TALLIES_INDEX_BITS - 2) };
#define TALLIES_NO_ROW UINT32_MAX

/* limit: at most TALLIES_LIMIT_MAX. memory and hash_key must outlive the tallies. */
void tallies_init(struct tallies *tallies, uint32_t limit, struct memory *memory,
                  const uint64_t hash_key[static 2]);
void tallies_fini(struct tallies *tallies);
/* Empty again; keeps its arrays when they were of use. The sets are their pool's. */
void tallies_clear(struct tallies *tallies);
/* The row of a key, made if need be, valid until the next call. TALLIES_NO_ROW: the limit, or
 * memory; its packets belong to others. */
uint32_t tallies_row(struct tallies *tallies, uint32_t key);

static inline void tally_count(struct tally *row, uint64_t packets)
{
    row->packets = (row->packets + packets) & (UINT64_MAX >> 8); /* 2^56 never come */
}

static inline void tallies_add(struct tallies *tallies, uint32_t key, uint64_t packets)
{
    uint32_t row = tallies_row(tallies, key);
    if (row == TALLIES_NO_ROW)
        tallies->others += packets;
    else
        tally_count(&tallies->rows[row], packets);
}

static inline uint32_t tallies_hash(const struct tallies *tallies, uint32_t key)
{
    uint64_t mixed =
        hash_mix(key ^ tallies->hash_key[0], (tallies->hash_key[1] ^ 0x9e3779b97f4a7c15U) | 1);
    return (uint32_t)(mixed >> 32);
}

/* The slot a key is looked for at first; NULL when there are none. */
static inline const void *tallies_slot(const struct tallies *tallies, uint32_t key)
{
    if (!tallies->slots)
        return NULL;
    return tallies->slots + (tallies_hash(tallies, key) & (tallies->slots_cap - 1));
}

/* The row that is probably the key's, or NULL. */
static inline const void *tallies_probable(const struct tallies *tallies, uint32_t key)
{
    if (!tallies->slots)
        return NULL;
    uint32_t entry = tallies->slots[tallies_hash(tallies, key) & (tallies->slots_cap - 1)];
    uint32_t row = entry & (((uint32_t)1 << TALLIES_INDEX_BITS) - 1);
    return row ? &tallies->rows[row - 1] : NULL;
}

static inline struct distinct tally_set(const struct tally *row)
{
    return (struct distinct){.word = row->set_word, .kind = row->set_kind};
}

static inline void tally_add_source(struct pool *pool, struct tally *row, uint32_t source_key)
{
    struct distinct set = tally_set(row);
    if (distinct_note(pool, &set, source_key) == DISTINCT_KNOWN)
        return;
    row->set_word = set.word;
    row->set_kind = set.kind;
}

/* The tallies as a table of a profile. False: memory, and their packets are in its others. */
bool tallies_table(const struct tallies *tallies, const struct pool *pool,
                   struct profile_table *ret_table);
