/* The cold paths of the source table: growth, insertion, compaction, carries. */
#include "state/table.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 64, SLOTS_FIRST = 1024 };

void table_init(struct table *table, bool is6)
{
    *table = (struct table){.is6 = is6};
}

void table_use(struct table *table, struct memory *memory)
{
    table->memory = memory_hold(memory);
}

void table_fini(struct table *table)
{
    memory_free(table->memory, table->rows, table->rows_cap * sizeof *table->rows);
    memory_free(table->memory, table->keys, table->keys_cap * sizeof *table->keys);
    memory_free(table->memory, table->asns, table->asns_cap * sizeof *table->asns);
    memory_free(table->memory, table->slots, table->slots_cap * sizeof *table->slots);
    free(table->wide);
    memory_drop(table->memory);
    *table = (struct table){0};
}

size_t table_bytes(const struct table *table)
{
    return table->rows_cap * sizeof *table->rows + table->keys_cap * sizeof *table->keys +
           table->asns_cap * sizeof *table->asns + table->slots_cap * sizeof *table->slots +
           table->wide_cap * sizeof *table->wide;
}

static uint64_t row_hash(const struct table *table, uint32_t row, const uint64_t key[static 2])
{
    if (table->is6)
        return hash_ip6(table->keys[row], key);
    return table_hash4(hash_u64(table->rows[row].key, HASH_FIXED), key);
}

static void put_slot(struct table *table, uint64_t hash, uint32_t row)
{
    uint32_t slot = table_slot(table, hash);
    while (table->slots[slot]) /* on to the next group at the end of one */
        slot = slot + 1 == table->slots_cap ? 0 : slot + 1;
    table->slots[slot] = table_tag(hash) | row;
}

static void put_all(struct table *table, const uint64_t key[static 2])
{
    for (uint32_t row = 0; row < table->n; row++)
        put_slot(table, row_hash(table, row, key), row);
}

/* An array parallel to the rows; one that is larger than they are stays so. */
static bool grow_parallel(struct table *table, void **array, uint32_t *cap, size_t size,
                          uint32_t wanted)
{
    if (*cap >= wanted)
        return true;
    void *grown = memory_grow(table->memory, *array, *cap * size, wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *cap = wanted;
    return true;
}

static bool grow_rows(struct table *table)
{
    uint32_t cap = table->rows_cap ? table->rows_cap * 2 : ROWS_FIRST;
    void *rows = table->rows, *keys = table->keys, *asns = table->asns;
    bool grown =
        (!table->is6 ||
         grow_parallel(table, &keys, &table->keys_cap, sizeof *table->keys, cap)) &&
        (!asns || grow_parallel(table, &asns, &table->asns_cap, sizeof *table->asns, cap)) &&
        grow_parallel(table, &rows, &table->rows_cap, sizeof *table->rows, cap);
    table->rows = rows;
    table->keys = keys;
    table->asns = asns;
    return grown;
}

/* At least a quarter of the slots free, with one more row. */
static bool make_slots(struct table *table, const uint64_t key[static 2])
{
    if (table->n + 1 > table->slots_cap / 4 * 3) {
        size_t cap = table->slots_cap ? ((size_t)table->slots_cap * 3 / 2 + TABLE_GROUP - 1) /
                                            TABLE_GROUP * TABLE_GROUP
                                      : SLOTS_FIRST;
        uint32_t *slots = memory_grow(table->memory, NULL, 0, cap * sizeof *slots);
        if (!slots)
            return false;
        memory_free(table->memory, table->slots, table->slots_cap * sizeof *slots);
        table->slots = slots;
        table->slots_cap = (uint32_t)cap;
        put_all(table, key);
    }
    return true;
}

uint32_t table_append(struct table *table, uint32_t source_key, const struct ip6 *address)
{
    if (table->n == table->rows_cap && !grow_rows(table))
        return TABLE_NO_ROW;
    uint32_t row = table->n++;
    table->rows[row] = (struct source){.key = source_key};
    if (table->is6)
        table->keys[row] = *address;
    if (table->asns)
        table->asns[row] = 0;
    return row;
}

uint32_t table_insert(struct table *table, const uint64_t key[static 2], uint64_t hash,
                      uint32_t source_key, const struct ip6 *address)
{
    if (table->n == TABLE_ROWS_MAX || !make_slots(table, key))
        return TABLE_NO_ROW;
    uint32_t row = table_append(table, source_key, address);
    if (row != TABLE_NO_ROW)
        put_slot(table, hash, row);
    return row;
}

void table_empty(struct table *table)
{
    table->n = table->wide_n = 0;
}

bool table_set_asn(struct table *table, uint32_t row, uint32_t asn)
{
    if (!table->asns) {
        if (!asn)
            return true;
        table->asns = memory_grow(table->memory, NULL, 0, table->rows_cap * sizeof asn);
        if (!table->asns)
            return false;
        table->asns_cap = table->rows_cap;
    }
    table->asns[row] = asn;
    return true;
}

void table_compact(struct table *table, const uint64_t key[static 2])
{
    uint32_t kept = 0, wide_kept = 0, wide = 0;
    for (uint32_t row = 0; row < table->n; row++) {
        bool drop = table->rows[row].drop;
        /* wide[] is sorted by row: see find_wide() */
        bool has_wide = wide < table->wide_n && table->wide[wide].row == row;
        if (has_wide && !drop) {
            table->wide[wide_kept] = table->wide[wide];
            table->wide[wide_kept++].row = kept;
        }
        wide += has_wide;
        if (drop)
            continue;
        table->rows[kept] = table->rows[row];
        if (table->is6)
            table->keys[kept] = table->keys[row];
        if (table->asns)
            table->asns[kept] = table->asns[row];
        kept++;
    }
    table->n = kept;
    table->wide_n = wide_kept;
    if (table->slots_cap)
        memset(table->slots, 0, table->slots_cap * sizeof *table->slots);
    put_all(table, key);
}

struct address table_address(const struct table *table, uint32_t row)
{
    if (table->is6)
        return (struct address){.is6 = true, .v6 = table->keys[row]};
    return (struct address){.v4 = table->rows[row].key};
}

/* Index in wide[], sorted by row, of this row or of where it belongs. */
static uint32_t find_wide(const struct table *table, uint32_t row)
{
    uint32_t low = 0, high = table->wide_n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->wide[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t table_counter(const struct table *table, uint32_t row, enum counter counter)
{
    const struct source *source = &table->rows[row];
    uint64_t value = source->counters[counter];
    if (source->is_wide)
        value += (uint64_t)table->wide[find_wide(table, row)].carries[counter] << 32;
    return value;
}

uint64_t table_packets(const struct table *table, uint32_t row)
{
    uint64_t packets = 0;
    for (unsigned i = 0; i < CANDIDATE_COUNT_; i++)
        packets += table_counter(table, row, i);
    return packets;
}

static struct wide *make_wide(struct table *table, uint32_t row)
{
    uint32_t at = find_wide(table, row);
    if (table->rows[row].is_wide)
        return &table->wide[at];
    if (table->wide_n == table->wide_cap) {
        uint32_t cap = table->wide_cap ? table->wide_cap * 2 : 4;
        struct wide *wide = realloc(table->wide, cap * sizeof *wide);
        if (!wide)
            return NULL;
        table->wide = wide;
        table->wide_cap = cap;
    }
    memmove(table->wide + at + 1, table->wide + at, (table->wide_n - at) * sizeof *table->wide);
    table->wide[at] = (struct wide){.row = row};
    table->wide_n++;
    table->rows[row].is_wide = 1;
    return &table->wide[at];
}

bool table_counter_add(struct table *table, uint32_t row, enum counter counter, uint64_t n)
{
    uint64_t sum = table->rows[row].counters[counter] + n;
    if (sum >> 32) {
        struct wide *wide = make_wide(table, row);
        if (!wide)
            return false; /* the packets stay in the totals; the source's counter stays too */
        wide->carries[counter] += (uint32_t)(sum >> 32);
    }
    table->rows[row].counters[counter] = (uint32_t)sum;
    return true;
}
