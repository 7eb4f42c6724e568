/* Growth and compaction of the sources of a step. */
#include "state/step_sources.h"

#include <string.h>

enum { ROWS_FIRST = 128, SLOTS_FIRST = 1024 };

void step_table_init(struct step_table *table, bool is6, struct memory *memory,
                     const uint64_t hash_key[static 2])
{
    *table = (struct step_table){.memory = memory, .hash_key = hash_key, .is6 = is6};
}

void step_table_fini(struct step_table *table)
{
    memory_free(table->memory, table->rows, table->rows_cap * sizeof *table->rows);
    memory_free(table->memory, table->keys, table->rows_cap * sizeof *table->keys);
    memory_free(table->memory, table->slots, table->slots_cap * sizeof *table->slots);
    step_table_init(table, table->is6, table->memory, table->hash_key);
}

void step_table_clear(struct step_table *table)
{
    if (table->rows_cap > ROWS_FIRST && table->n < table->rows_cap / 8) {
        step_table_fini(table);
        return;
    }
    if (table->slots && table->n)
        memset(table->slots, 0, table->slots_cap * sizeof *table->slots);
    table->n = 0;
}

struct address step_table_address(const struct step_table *table, uint32_t row)
{
    if (table->is6)
        return (struct address){.is6 = true, .v6 = table->keys[row]};
    return (struct address){.v4 = table->rows[row].key};
}

static void put_slot(struct step_table *table, uint64_t hash, uint32_t row)
{
    uint32_t slot = step_table_slot(table, hash);
    while (table->slots[slot])
        slot = (slot + 1) & (table->slots_cap - 1);
    table->slots[slot] = step_table_tag(hash) | (row + 1);
}

static void put_all(struct step_table *table)
{
    for (uint32_t row = 0; row < table->n; row++) {
        uint64_t fixed = table->is6 ? 0 : hash_u64(table->rows[row].key, HASH_FIXED);
        uint64_t hash = table->is6 ? hash_ip6(table->keys[row], table->hash_key)
                                   : table_hash4(fixed, table->hash_key);
        put_slot(table, hash, row);
    }
}

static bool make_rows(struct step_table *table)
{
    uint32_t cap = table->rows_cap ? table->rows_cap * 2 : ROWS_FIRST;
    struct step_source *rows = memory_grow(table->memory, NULL, 0, cap * sizeof *rows);
    struct ip6 *keys =
        table->is6 && rows ? memory_grow(table->memory, NULL, 0, cap * sizeof *keys) : NULL;
    if (!rows || (table->is6 && !keys)) {
        memory_free(table->memory, rows, cap * sizeof *rows);
        return false;
    }
    if (table->n) {
        memcpy(rows, table->rows, table->n * sizeof *rows);
        if (keys)
            memcpy(keys, table->keys, table->n * sizeof *keys);
    }
    memory_free(table->memory, table->rows, table->rows_cap * sizeof *rows);
    memory_free(table->memory, table->keys, table->rows_cap * sizeof *keys);
    table->rows = rows;
    table->keys = keys;
    table->rows_cap = cap;
    return true;
}

static bool make_slots(struct step_table *table)
{
    uint32_t cap = table->slots_cap ? table->slots_cap * 2 : SLOTS_FIRST;
    uint32_t *slots = memory_grow(table->memory, NULL, 0, cap * sizeof *slots);
    if (!slots)
        return false;
    memory_free(table->memory, table->slots, table->slots_cap * sizeof *slots);
    table->slots = slots;
    table->slots_cap = cap;
    put_all(table);
    return true;
}

struct step_source *step_table_insert(struct step_table *table, uint64_t hash, uint32_t key,
                                      const struct ip6 *address)
{
    if (table->n == table->rows_cap && !make_rows(table))
        return NULL;
    if (table->n + 1 > table->slots_cap / 2 && !make_slots(table))
        return NULL;
    uint32_t row = table->n++;
    table->rows[row] = (struct step_source){.key = key, .port = STEP_NO_PORT};
    if (table->is6)
        table->keys[row] = *address;
    put_slot(table, hash, row);
    return &table->rows[row];
}

void step_table_compact(struct step_table *table)
{
    uint32_t kept = 0;
    for (uint32_t row = 0; row < table->n; row++) {
        if (table->rows[row].drop)
            continue;
        table->rows[kept] = table->rows[row];
        if (table->is6)
            table->keys[kept] = table->keys[row];
        kept++;
    }
    table->n = kept;
    if (table->slots)
        memset(table->slots, 0, table->slots_cap * sizeof *table->slots);
    put_all(table);
}
