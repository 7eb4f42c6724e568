/* The sources of one shard within an open step: what each sent, and its present run, which is
 * how often in a row it asked for the same port. A run is told to the tables of ports when it
 * ends, so most packets touch the source's row alone.
 *
 *   slots   [ tag : 17 | row + 1 : 15 ] --->   rows   [ struct step_source, 32 bytes ]
 *                                              keys   addresses of IPv6, parallel to rows */
#pragma once

#include "state/table.h"

#include <nightscope/profile.h>

struct step_source {
    uint32_t key; /* IPv4 address; IPv6: 32 bits of its fixed hash */
    uint32_t asn;
    uint64_t packets[PROFILE_VIEW_COUNT_]; /* but for those of the run */
    uint32_t port : 18;                    /* of the run: UDP << 16 | port, or STEP_NO_PORT */
    uint32_t cc : 10;                      /* cc_pack() */
    uint32_t drop : 1;                     /* step_table_compact() takes it out */
    uint32_t unused : 3;
    uint16_t run[PROFILE_VIEW_COUNT_];
};
static_assert(sizeof(struct step_source) == 32, "two a cache line");

enum {
    STEP_NO_PORT = 1 << 17,
    STEP_SHARD_SOURCES_MAX = PROFILE_STEP_SOURCES_MAX / SHARD_COUNT,
    STEP_INDEX_BITS = 15,
};
static_assert(STEP_SHARD_SOURCES_MAX < 1 << STEP_INDEX_BITS, "row + 1 fits a slot");

struct step_table {
    struct memory *memory;    /* of the arrays; borrowed */
    const uint64_t *hash_key; /* of table_hash4() and hash_ip6(); borrowed */
    struct step_source *rows;
    struct ip6 *keys; /* is6 */
    uint32_t *slots;
    uint32_t n, rows_cap, slots_cap;
    bool is6;
};

void step_table_init(struct step_table *table, bool is6, struct memory *memory,
                     const uint64_t hash_key[static 2]);
void step_table_fini(struct step_table *table);
/* Empty again; keeps its arrays when they were of use. */
void step_table_clear(struct step_table *table);
/* Appends a row for a source that is not there; NULL: memory. */
struct step_source *step_table_insert(struct step_table *table, uint64_t hash, uint32_t key,
                                      const struct ip6 *address);
/* Takes the rows marked `drop` out; the others move together. */
void step_table_compact(struct step_table *table);
struct address step_table_address(const struct step_table *table, uint32_t row);

static inline uint64_t step_source_packets(const struct step_source *source)
{
    return source->packets[PROFILE_ALL] + source->packets[PROFILE_IOT] +
           source->run[PROFILE_ALL] + source->run[PROFILE_IOT];
}

/* Where a hash is looked for at first; the table must have slots. */
static inline uint32_t step_table_slot(const struct step_table *table, uint64_t hash)
{
    return (uint32_t)(hash >> 32) & (table->slots_cap - 1);
}

static inline uint32_t step_table_tag(uint64_t hash)
{
    return (uint32_t)hash & ~(((uint32_t)1 << STEP_INDEX_BITS) - 1);
}

/* The first row whose tag is that of the hash, from slot *slot on; advances *slot past it. */
static inline struct step_source *step_table_candidate(const struct step_table *table,
                                                       uint64_t hash, uint32_t *slot)
{
    const uint32_t index = ((uint32_t)1 << STEP_INDEX_BITS) - 1;
    for (;;) {
        uint32_t entry = table->slots[*slot];
        if (!entry)
            return NULL;
        *slot = (*slot + 1) & (table->slots_cap - 1);
        if ((entry & ~index) == step_table_tag(hash))
            return &table->rows[(entry & index) - 1];
    }
}

/* The row of a source, or NULL. address is read for IPv6 only. */
static inline struct step_source *step_table_find(const struct step_table *table, uint64_t hash,
                                                  uint32_t key, const struct ip6 *address)
{
    if (!table->slots_cap)
        return NULL;
    uint32_t slot = step_table_slot(table, hash);
    for (;;) {
        struct step_source *row = step_table_candidate(table, hash, &slot);
        if (!row)
            return NULL;
        if (row->key != key)
            continue;
        const struct ip6 *its = table->is6 ? &table->keys[row - table->rows] : NULL;
        if (!its || (its->hi == address->hi && its->lo == address->lo))
            return row;
    }
}
