/* A profile as bytes, for files: little-endian, numbers as LEB128, checked on the way in.
 *
 *   "nsprof" version:2 | start span refused | 3 x { packets, 0 or 1 and registers of 6 bits }
 *   | each view: each dimension { others n rows }, sources of IPv6 { others n rows } | crc32:4
 *
 *   row: key (IPv4 and numbers: difference to the one before; IPv6: 16 bytes), packets, and the
 *        set: n or flags, differences of its keys or 2,048 registers
 *
 * There is one encoding of a profile; anything else is refused, so what was loaded saves as the
 * same bytes. */
#include "base/bytes.h"
#include "state/profile_tables.h"
#include "state/text_sketch.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CRC_BYTES = 4, SMALL_RANK_MAX = 64 - HLL_SMALL_BITS + 1 };

static const uint8_t MAGIC[8] = {'n', 's', 'p', 'r', 'o', 'f', 0, 1};

static void put_set(struct bytes_out *buffer, const uint32_t *set)
{
    bytes_put_u64(buffer, *set);
    if (*set & PROFILE_SET_SKETCH) {
        bytes_put(buffer, set + 1, HLL_SMALL);
        return;
    }
    for (unsigned i = 1; i <= (*set & PROFILE_SET_N); i++)
        bytes_put_u64(buffer, i == 1 ? set[1] : set[i] - set[i - 1]);
}

static void put_table(struct bytes_out *buffer, const struct profile_table *table)
{
    bytes_put_u64(buffer, table->others);
    bytes_put_u64(buffer, table->n);
    for (uint32_t row = 0; row < table->n; row++) {
        if (table->is6) {
            bytes_put_le(buffer, table->keys6[row].hi, 8);
            bytes_put_le(buffer, table->keys6[row].lo, 8);
        } else {
            bytes_put_u64(buffer, table->keys[row] - (row ? table->keys[row - 1] : 0));
        }
        bytes_put_u64(buffer, table->packets[row]);
        if (table->has_sets)
            put_set(buffer, profile_table_set(table, row));
    }
}

static void put_sketch(struct bytes_out *buffer, const uint8_t *registers)
{
    static const uint8_t empty[HLL_LARGE];
    uint8_t packed[HLL_LARGE * 6 / 8];
    uint8_t is_there = memcmp(registers, empty, HLL_LARGE) != 0;
    bytes_put(buffer, &is_there, 1);
    if (!is_there)
        return;
    text_sketch_pack(registers, packed);
    bytes_put(buffer, packed, sizeof packed);
}

uint8_t *profile_save(const struct profile *profile, size_t *ret_n)
{
    const struct profile_tables *tables = profile->tables;
    struct bytes_out buffer = {0};
    bytes_put(&buffer, MAGIC, sizeof MAGIC);
    bytes_put_le(&buffer, (uint64_t)profile->start_s, 8);
    bytes_put_u64(&buffer, profile->span_s);
    bytes_put_u64(&buffer, profile->refused);
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        bytes_put_u64(&buffer, tables->packets[sketch]);
        put_sketch(&buffer, tables->sketches[sketch]);
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            put_table(&buffer, &tables->tables[view][dimension]);
        put_table(&buffer, &tables->sources6[view]);
    }
    if (!buffer.failed)
        bytes_put_le(&buffer, crc32_z(0, buffer.bytes, buffer.n), CRC_BYTES);
    if (buffer.failed) {
        free(buffer.bytes);
        return NULL;
    }
    *ret_n = buffer.n;
    return buffer.bytes;
}

/* The next of ascending numbers, as the difference to the one before. */
static uint64_t take_next(struct bytes_in *reader, bool first, uint64_t before, uint64_t max)
{
    uint64_t difference = bytes_take_u64(reader, max - before);
    if (!first && difference == 0)
        reader->failed = true;
    return before + difference;
}

static void take_registers(struct bytes_in *reader, uint32_t *set)
{
    const uint8_t *registers = bytes_take(reader, HLL_SMALL);
    for (unsigned i = 0; registers && i < HLL_SMALL; i++)
        reader->failed |= registers[i] > SMALL_RANK_MAX;
    if (registers)
        memcpy(set + 1, registers, HLL_SMALL);
}

/* Appends a set. What it allocates is at most a few times what was read. */
static void take_set(struct bytes_in *reader, struct profile_table *table, size_t *cap)
{
    uint32_t head = (uint32_t)bytes_take_u64(reader, PROFILE_SET_SKETCH | PROFILE_SET_FROZEN |
                                                         PROFILE_SET_N);
    bool sketch = head & PROFILE_SET_SKETCH;
    if ((head & PROFILE_SET_N) > (sketch ? 0 : DISTINCT_EXACT_MAX))
        reader->failed = true;
    size_t words = profile_set_words(&head);
    if (reader->failed || bytes_left(reader) < words - 1) { /* a key is a byte or more */
        reader->failed = true;
        return;
    }
    if (*cap - table->words_n < words) {
        size_t more = *cap + *cap / 2 + words + 64;
        uint32_t *grown = realloc(table->words, more * sizeof *grown);
        if (!grown) {
            reader->failed = true;
            return;
        }
        table->words = grown;
        *cap = more;
    }
    uint32_t *set = table->words + table->words_n;
    table->words_n += words;
    *set = head;
    if (sketch)
        take_registers(reader, set);
    for (unsigned i = 1; !sketch && i < words; i++)
        set[i] = (uint32_t)take_next(reader, i == 1, i == 1 ? 0 : set[i - 1], UINT32_MAX);
}

static bool comes_after(struct ip6 a, struct ip6 b)
{
    return a.hi != b.hi ? a.hi > b.hi : a.lo > b.lo;
}

static void take_key(struct bytes_in *reader, struct profile_table *table, uint32_t row,
                     uint32_t key_max)
{
    if (!table->is6) {
        table->keys[row] =
            (uint32_t)take_next(reader, row == 0, row ? table->keys[row - 1] : 0, key_max);
        return;
    }
    table->keys6[row].hi = bytes_take_le(reader, 8);
    table->keys6[row].lo = bytes_take_le(reader, 8);
    if (row && !comes_after(table->keys6[row], table->keys6[row - 1]))
        reader->failed = true;
}

static void take_table(struct bytes_in *reader, struct profile_table *table,
                       enum profile_dimension dimension)
{
    table->others = bytes_take_u64(reader, UINT64_MAX);
    size_t n = bytes_take_u64(reader, profile_limit(dimension));
    size_t row_min = (table->is6 ? 16 : 1) + 1 + table->has_sets, words_cap = 0;
    if (reader->failed || bytes_left(reader) / row_min < n ||
        !profile_table_reserve(table, n)) {
        reader->failed = true;
        return;
    }
    for (size_t row = 0; row < n && !reader->failed; row++) {
        take_key(reader, table, (uint32_t)row, profile_key_max(dimension));
        table->packets[row] = bytes_take_u64(reader, UINT64_MAX);
        if (table->has_sets) {
            table->sets[row] = (uint32_t)table->words_n;
            take_set(reader, table, &words_cap);
        }
        table->n = (uint32_t)row + 1;
    }
    if (!table->words_n)
        return;
    uint32_t *words = realloc(table->words, table->words_n * sizeof *words);
    table->words = words ? words : table->words;
}

static void take_sketch(struct bytes_in *reader, uint8_t *ret_registers)
{
    if (!bytes_take_u64(reader, 1))
        return;
    const uint8_t *packed = bytes_take(reader, HLL_LARGE * 6 / 8);
    if (!packed)
        return;
    text_sketch_unpack(packed, ret_registers);
    unsigned high = 0, any = 0;
    for (unsigned i = 0; i < HLL_LARGE; i++) {
        high |= ret_registers[i] > TEXT_SKETCH_RANK_MAX;
        any |= ret_registers[i];
    }
    reader->failed |= high || !any;
}

struct profile *profile_load(const uint8_t *bytes, size_t n)
{
    if (n < sizeof MAGIC + CRC_BYTES || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return NULL;
    struct bytes_in reader = {bytes + n - CRC_BYTES, bytes + n, false};
    if (bytes_take_le(&reader, CRC_BYTES) != crc32_z(0, bytes, n - CRC_BYTES))
        return NULL;
    reader = (struct bytes_in){bytes + sizeof MAGIC, bytes + n - CRC_BYTES, false};
    struct profile *profile = profile_new(0, 0);
    if (!profile)
        return NULL;
    struct profile_tables *tables = profile->tables;
    profile->start_s = (int64_t)bytes_take_le(&reader, 8);
    profile->span_s = (uint32_t)bytes_take_u64(&reader, UINT32_MAX);
    profile->refused = bytes_take_u64(&reader, UINT64_MAX);
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        tables->packets[sketch] = bytes_take_u64(&reader, UINT64_MAX);
        take_sketch(&reader, tables->sketches[sketch]);
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            take_table(&reader, &tables->tables[view][dimension], dimension);
        take_table(&reader, &tables->sources6[view], PROFILE_SRC);
    }
    if (reader.failed || bytes_left(&reader)) {
        profile_free(profile);
        return NULL;
    }
    return profile;
}
