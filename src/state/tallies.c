/* Growth, the limit, and the way into a profile. */
#include "state/tallies.h"

#include "state/sort.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 256, SLOTS_FIRST = 1024 };

void tallies_init(struct tallies *tallies, uint32_t limit, struct memory *memory,
                  const uint64_t hash_key[static 2])
{
    *tallies = (struct tallies){
        .memory = memory, .hash_key = hash_key, .limit = limit, .rank_max = UINT64_MAX};
}

void tallies_fini(struct tallies *tallies)
{
    memory_free(tallies->memory, tallies->rows, tallies->rows_cap * sizeof *tallies->rows);
    memory_free(tallies->memory, tallies->slots, tallies->slots_cap * sizeof *tallies->slots);
    tallies_init(tallies, tallies->limit, tallies->memory, tallies->hash_key);
}

void tallies_clear(struct tallies *tallies)
{
    if (tallies->rows_cap > ROWS_FIRST && tallies->n < tallies->rows_cap / 8) {
        tallies_fini(tallies);
        return;
    }
    if (tallies->slots)
        memset(tallies->slots, 0, tallies->slots_cap * sizeof *tallies->slots);
    tallies->n = 0;
    tallies->others = 0;
    tallies->rank_max = UINT64_MAX;
}

static uint32_t tag_of(uint32_t hash)
{
    return hash & ~(((uint32_t)1 << TALLIES_INDEX_BITS) - 1);
}

static void put_slot(struct tallies *tallies, uint32_t row)
{
    uint32_t hash = tallies_hash(tallies, tallies->rows[row].key);
    uint32_t slot = hash & (tallies->slots_cap - 1);
    while (tallies->slots[slot])
        slot = (slot + 1) & (tallies->slots_cap - 1);
    tallies->slots[slot] = tag_of(hash) | (row + 1);
}

static bool make_room(struct tallies *tallies)
{
    if (tallies->n == tallies->rows_cap) {
        uint32_t cap = tallies->rows_cap ? tallies->rows_cap * 2 : ROWS_FIRST;
        struct tally *rows = memory_grow(tallies->memory, tallies->rows,
                                         tallies->rows_cap * sizeof *rows, cap * sizeof *rows);
        if (!rows)
            return false;
        tallies->rows = rows;
        tallies->rows_cap = cap;
    }
    if (tallies->n + 1 > tallies->slots_cap / 2) {
        uint32_t cap = tallies->slots_cap ? tallies->slots_cap * 2 : SLOTS_FIRST;
        uint32_t *slots = memory_grow(tallies->memory, NULL, 0, cap * sizeof *slots);
        if (!slots)
            return false;
        memory_free(tallies->memory, tallies->slots,
                    tallies->slots_cap * sizeof *tallies->slots);
        tallies->slots = slots;
        tallies->slots_cap = cap;
        for (uint32_t row = 0; row < tallies->n; row++)
            put_slot(tallies, row);
    }
    return true;
}

static uint64_t rank_value(const void *context, size_t i)
{
    return profile_table_rank(((const struct tally *)context)[i].key);
}

/* Cuts to the limit. Tables with a limit that can be reached have no sets. */
static void cut(struct tallies *tallies)
{
    size_t equal;
    tallies->rank_max =
        select_smallest(rank_value, tallies->rows, tallies->n, tallies->limit, &equal);
    uint32_t kept = 0;
    for (uint32_t row = 0; row < tallies->n; row++) {
        if (profile_table_rank(tallies->rows[row].key) <= tallies->rank_max)
            tallies->rows[kept++] = tallies->rows[row];
        else
            tallies->others += tallies->rows[row].packets;
    }
    tallies->n = kept;
    memset(tallies->slots, 0, tallies->slots_cap * sizeof *tallies->slots);
    for (uint32_t row = 0; row < kept; row++)
        put_slot(tallies, row);
}

uint32_t tallies_row(struct tallies *tallies, uint32_t key)
{
    const uint32_t index = ((uint32_t)1 << TALLIES_INDEX_BITS) - 1;
    uint32_t hash = tallies_hash(tallies, key), tag = tag_of(hash);
    if (tallies->slots_cap) {
        uint32_t mask = tallies->slots_cap - 1;
        uint32_t entry;
        for (uint32_t slot = hash & mask; (entry = tallies->slots[slot]) != 0;
             slot = (slot + 1) & mask)
            if ((entry & ~index) == tag && tallies->rows[(entry & index) - 1].key == key)
                return (entry & index) - 1;
    }
    if (tallies->rank_max != UINT64_MAX && profile_table_rank(key) > tallies->rank_max)
        return TALLIES_NO_ROW;
    if (tallies->n == 2 * tallies->limit) {
        cut(tallies);
        return tallies_row(tallies, key);
    }
    if (!make_room(tallies))
        return TALLIES_NO_ROW;
    uint32_t row = tallies->n++;
    tallies->rows[row] = (struct tally){.key = key};
    put_slot(tallies, row);
    return row;
}

static bool add_set(const struct pool *pool, const struct tally *row,
                    struct profile_table *table, size_t *cap)
{
    if (*cap - table->words_n < PROFILE_SET_WORDS_MAX) {
        size_t more = *cap * 2 + 4 * PROFILE_SET_WORDS_MAX;
        uint32_t *words = realloc(table->words, more * sizeof *words);
        if (!words)
            return false;
        table->words = words;
        *cap = more;
    }
    struct distinct set = tally_set(row);
    table->sets[table->n] = (uint32_t)table->words_n;
    table->words_n += profile_set_from(pool, &set, table->words + table->words_n);
    return true;
}

static bool fill(const struct tallies *tallies, const struct pool *pool, uint64_t *order,
                 struct profile_table *table)
{
    size_t n = tallies->n, words_cap = 0;
    for (uint32_t row = 0; row < n; row++)
        order[row] = (uint64_t)tallies->rows[row].key << 32 | row;
    if (!profile_table_reserve(table, n) || !sort_by_high(order, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct tally *row = &tallies->rows[(uint32_t)order[i]];
        if (table->has_sets && !add_set(pool, row, table, &words_cap))
            return false;
        table->keys[table->n] = row->key;
        table->packets[table->n++] = row->packets;
    }
    if (table->has_sets) {
        uint32_t *words = realloc(table->words, table->words_n * sizeof *words);
        table->words = words ? words : table->words;
    }
    return true;
}

bool tallies_table(const struct tallies *tallies, const struct pool *pool,
                   struct profile_table *ret_table)
{
    ret_table->others = tallies->others;
    if (!tallies->n)
        return true;
    uint64_t refused = 0, *order = malloc(tallies->n * sizeof *order);
    bool done = order && fill(tallies, pool, order, ret_table);
    free(order);
    if (!done) {
        profile_table_fini(ret_table);
        ret_table->others = tallies->others;
        for (uint32_t row = 0; row < tallies->n; row++)
            ret_table->others += tallies->rows[row].packets;
        return false;
    }
    profile_table_limit(ret_table, tallies->limit, &refused);
    return true;
}
