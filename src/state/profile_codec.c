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
#include "state/profile_tables.h"
#include "state/text_sketch.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { CRC_BYTES = 4, VARINT_MAX = 10, SMALL_RANK_MAX = 64 - HLL_SMALL_BITS + 1 };

static const uint8_t MAGIC[8] = {'n', 's', 'p', 'r', 'o', 'f', 0, 1};

struct buffer {
    uint8_t *bytes;
    size_t n, cap;
    bool failed; /* memory; everything after is ignored */
};

static void put(struct buffer *buffer, const void *bytes, size_t n)
{
    if (buffer->cap - buffer->n < n && !buffer->failed) {
        size_t cap = buffer->cap + buffer->cap / 2 + n + 4096;
        uint8_t *grown = realloc(buffer->bytes, cap);
        buffer->failed = !grown;
        buffer->bytes = grown ? grown : buffer->bytes;
        buffer->cap = grown ? cap : buffer->cap;
    }
    if (buffer->failed)
        return;
    memcpy(buffer->bytes + buffer->n, bytes, n);
    buffer->n += n;
}

static void put_varint(struct buffer *buffer, uint64_t number)
{
    uint8_t bytes[VARINT_MAX];
    unsigned n = 0;
    for (; number > 127; number >>= 7)
        bytes[n++] = (uint8_t)(number | 128);
    bytes[n++] = (uint8_t)number;
    put(buffer, bytes, n);
}

static void put_le(struct buffer *buffer, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put(buffer, &(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
}

static void put_set(struct buffer *buffer, const uint32_t *set)
{
    put_varint(buffer, *set);
    if (*set & PROFILE_SET_SKETCH) {
        put(buffer, set + 1, HLL_SMALL);
        return;
    }
    for (unsigned i = 1; i <= (*set & PROFILE_SET_N); i++)
        put_varint(buffer, i == 1 ? set[1] : set[i] - set[i - 1]);
}

static void put_table(struct buffer *buffer, const struct profile_table *table)
{
    put_varint(buffer, table->others);
    put_varint(buffer, table->n);
    for (uint32_t row = 0; row < table->n; row++) {
        if (table->is6) {
            put_le(buffer, table->keys6[row].hi, 8);
            put_le(buffer, table->keys6[row].lo, 8);
        } else {
            put_varint(buffer, table->keys[row] - (row ? table->keys[row - 1] : 0));
        }
        put_varint(buffer, table->packets[row]);
        if (table->has_sets)
            put_set(buffer, profile_table_set(table, row));
    }
}

static void put_sketch(struct buffer *buffer, const uint8_t *registers)
{
    static const uint8_t empty[HLL_LARGE];
    uint8_t packed[HLL_LARGE * 6 / 8];
    uint8_t is_there = memcmp(registers, empty, HLL_LARGE) != 0;
    put(buffer, &is_there, 1);
    if (!is_there)
        return;
    text_sketch_pack(registers, packed);
    put(buffer, packed, sizeof packed);
}

uint8_t *profile_save(const struct profile *profile, size_t *ret_n)
{
    const struct profile_tables *tables = profile->tables;
    struct buffer buffer = {0};
    put(&buffer, MAGIC, sizeof MAGIC);
    put_le(&buffer, (uint64_t)profile->start_s, 8);
    put_varint(&buffer, profile->span_s);
    put_varint(&buffer, profile->refused);
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        put_varint(&buffer, tables->packets[sketch]);
        put_sketch(&buffer, tables->sketches[sketch]);
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            put_table(&buffer, &tables->tables[view][dimension]);
        put_table(&buffer, &tables->sources6[view]);
    }
    if (!buffer.failed)
        put_le(&buffer, crc32_z(0, buffer.bytes, buffer.n), CRC_BYTES);
    if (buffer.failed) {
        free(buffer.bytes);
        return NULL;
    }
    *ret_n = buffer.n;
    return buffer.bytes;
}

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed; /* too short, or wrong; reads yield 0 from then on */
};

static const uint8_t *take(struct reader *reader, size_t n)
{
    if (reader->failed || reader->left < n) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += n;
    reader->left -= n;
    return bytes;
}

static uint64_t take_le(struct reader *reader, unsigned n)
{
    const uint8_t *bytes = take(reader, n);
    uint64_t number = 0;
    for (unsigned i = 0; bytes && i < n; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* At most `max`, in the fewest bytes. */
static uint64_t take_varint(struct reader *reader, uint64_t max)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t *byte = take(reader, 1);
        if (!byte)
            return 0;
        uint64_t digits = *byte & 127;
        bool overlong = *byte == 0 && shift > 0;
        if (overlong || (shift == 63 && *byte > 1)) {
            reader->failed = true;
            return 0;
        }
        number |= digits << shift;
        if (!(*byte & 128))
            break;
    }
    if (number > max)
        reader->failed = true;
    return number > max ? 0 : number;
}

/* The next of ascending numbers, as the difference to the one before. */
static uint64_t take_next(struct reader *reader, bool first, uint64_t before, uint64_t max)
{
    uint64_t difference = take_varint(reader, max - before);
    if (!first && difference == 0)
        reader->failed = true;
    return before + difference;
}

static void take_registers(struct reader *reader, uint32_t *set)
{
    const uint8_t *registers = take(reader, HLL_SMALL);
    for (unsigned i = 0; registers && i < HLL_SMALL; i++)
        reader->failed |= registers[i] > SMALL_RANK_MAX;
    if (registers)
        memcpy(set + 1, registers, HLL_SMALL);
}

/* Appends a set. What it allocates is at most a few times what was read. */
static void take_set(struct reader *reader, struct profile_table *table, size_t *cap)
{
    uint32_t head =
        (uint32_t)take_varint(reader, PROFILE_SET_SKETCH | PROFILE_SET_FROZEN | PROFILE_SET_N);
    bool sketch = head & PROFILE_SET_SKETCH;
    if ((head & PROFILE_SET_N) > (sketch ? 0 : DISTINCT_EXACT_MAX))
        reader->failed = true;
    size_t words = profile_set_words(&head);
    if (reader->failed || reader->left < words - 1) { /* a key is a byte or more */
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

static void take_key(struct reader *reader, struct profile_table *table, uint32_t row,
                     uint32_t key_max)
{
    if (!table->is6) {
        table->keys[row] =
            (uint32_t)take_next(reader, row == 0, row ? table->keys[row - 1] : 0, key_max);
        return;
    }
    table->keys6[row].hi = take_le(reader, 8);
    table->keys6[row].lo = take_le(reader, 8);
    if (row && !comes_after(table->keys6[row], table->keys6[row - 1]))
        reader->failed = true;
}

static void take_table(struct reader *reader, struct profile_table *table,
                       enum profile_dimension dimension)
{
    table->others = take_varint(reader, UINT64_MAX);
    size_t n = take_varint(reader, profile_limit(dimension));
    size_t row_min = (table->is6 ? 16 : 1) + 1 + table->has_sets, words_cap = 0;
    if (reader->failed || reader->left / row_min < n || !profile_table_reserve(table, n)) {
        reader->failed = true;
        return;
    }
    for (size_t row = 0; row < n && !reader->failed; row++) {
        take_key(reader, table, (uint32_t)row, profile_key_max(dimension));
        table->packets[row] = take_varint(reader, UINT64_MAX);
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

static void take_sketch(struct reader *reader, uint8_t *ret_registers)
{
    if (!take_varint(reader, 1))
        return;
    const uint8_t *packed = take(reader, HLL_LARGE * 6 / 8);
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
    struct reader reader = {bytes + n - CRC_BYTES, CRC_BYTES, false};
    if (take_le(&reader, CRC_BYTES) != crc32_z(0, bytes, n - CRC_BYTES))
        return NULL;
    reader = (struct reader){bytes + sizeof MAGIC, n - sizeof MAGIC - CRC_BYTES, false};
    struct profile *profile = profile_new(0, 0);
    if (!profile)
        return NULL;
    struct profile_tables *tables = profile->tables;
    profile->start_s = (int64_t)take_le(&reader, 8);
    profile->span_s = (uint32_t)take_varint(&reader, UINT32_MAX);
    profile->refused = take_varint(&reader, UINT64_MAX);
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        tables->packets[sketch] = take_varint(&reader, UINT64_MAX);
        take_sketch(&reader, tables->sketches[sketch]);
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            take_table(&reader, &tables->tables[view][dimension], dimension);
        take_table(&reader, &tables->sources6[view], PROFILE_SRC);
    }
    if (reader.failed || reader.left) {
        profile_free(profile);
        return NULL;
    }
    return profile;
}
