/* Merging and cutting of the sorted tables of a profile. */
#include "state/profile_table.h"

#include <stdlib.h>
#include <string.h>

static size_t key_bytes(const struct profile_table *table)
{
    return table->is6 ? sizeof *table->keys6 : sizeof *table->keys;
}

void profile_table_fini(struct profile_table *table)
{
    free(table->keys);
    free(table->keys6);
    free(table->packets);
    free(table->sets);
    free(table->words);
    *table = (struct profile_table){.is6 = table->is6, .has_sets = table->has_sets};
}

size_t profile_table_bytes(const struct profile_table *table)
{
    size_t row =
        key_bytes(table) + sizeof *table->packets + (table->has_sets ? sizeof *table->sets : 0);
    return table->n * row + table->words_n * sizeof *table->words;
}

bool profile_table_reserve(struct profile_table *table, size_t n)
{
    if (!n)
        return true;
    void *keys = malloc(n * key_bytes(table));
    if (table->is6)
        table->keys6 = keys;
    else
        table->keys = keys;
    table->packets = malloc(n * sizeof *table->packets);
    table->sets = table->has_sets ? malloc(n * sizeof *table->sets) : NULL;
    if (keys && table->packets && (table->sets || !table->has_sets))
        return true;
    profile_table_fini(table);
    return false;
}

/* A smaller block where there is one; the old one will do as well. */
static void *shrunk(void *block, size_t bytes)
{
    void *smaller = bytes ? realloc(block, bytes) : NULL;
    if (!bytes)
        free(block);
    return smaller || !bytes ? smaller : block;
}

void profile_table_shrink(struct profile_table *table, size_t reserved)
{
    if (table->n == reserved)
        return;
    if (table->is6)
        table->keys6 = shrunk(table->keys6, table->n * sizeof *table->keys6);
    else
        table->keys = shrunk(table->keys, table->n * sizeof *table->keys);
    table->packets = shrunk(table->packets, table->n * sizeof *table->packets);
    if (table->has_sets)
        table->sets = shrunk(table->sets, table->n * sizeof *table->sets);
}

static struct ip6 key_at(const struct profile_table *table, uint32_t row)
{
    return table->is6 ? table->keys6[row] : (struct ip6){0, table->keys[row]};
}

static int compare(struct ip6 a, struct ip6 b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

uint64_t profile_table_packets(const struct profile_table *table)
{
    uint64_t packets = 0;
    for (uint32_t row = 0; row < table->n; row++)
        packets = add_saturating(packets, table->packets[row]);
    return packets;
}

/* A table that is written row by row, in order. */
struct writer {
    struct profile_table table;
    size_t words_cap;
};

/* Room for one more set; *words moves. */
static bool reserve_words(struct writer *writer)
{
    if (writer->words_cap - writer->table.words_n >= PROFILE_SET_WORDS_MAX)
        return true;
    size_t cap = writer->words_cap + writer->words_cap / 4 + 4 * PROFILE_SET_WORDS_MAX;
    uint32_t *words = realloc(writer->table.words, cap * sizeof *words);
    if (!words)
        return false;
    writer->table.words = words;
    writer->words_cap = cap;
    return true;
}

/* Appends the row of either table (NULL: not there), or of both. */
static bool write_row(struct writer *writer, const struct profile_table *a, uint32_t row_a,
                      const struct profile_table *b, uint32_t row_b)
{
    struct profile_table *table = &writer->table;
    uint32_t row = table->n;
    struct ip6 key = a ? key_at(a, row_a) : key_at(b, row_b);
    if (table->is6)
        table->keys6[row] = key;
    else
        table->keys[row] = (uint32_t)key.lo;
    table->packets[row] = add_saturating(a ? a->packets[row_a] : 0, b ? b->packets[row_b] : 0);
    if (table->has_sets) {
        if (!reserve_words(writer))
            return false;
        uint32_t *set = table->words + table->words_n;
        table->sets[row] = (uint32_t)table->words_n;
        if (a && b) {
            table->words_n += profile_set_union(profile_table_set(a, row_a),
                                                profile_table_set(b, row_b), set);
        } else {
            const uint32_t *only =
                a ? profile_table_set(a, row_a) : profile_table_set(b, row_b);
            size_t words = profile_set_words(only);
            memcpy(set, only, words * sizeof *set);
            table->words_n += words;
        }
    }
    table->n++;
    return true;
}

static bool write_union(struct writer *writer, const struct profile_table *a,
                        const struct profile_table *b)
{
    uint32_t i = 0, j = 0;
    bool done = true;
    while (done && (i < a->n || j < b->n)) {
        int order = i == a->n ? 1 : j == b->n ? -1 : compare(key_at(a, i), key_at(b, j));
        done = write_row(writer, order <= 0 ? a : NULL, i, order >= 0 ? b : NULL, j);
        i += order <= 0;
        j += order >= 0;
    }
    return done;
}

bool profile_table_merge(struct profile_table *into, const struct profile_table *from,
                         size_t limit, uint64_t *refused)
{
    into->others = add_saturating(into->others, from->others);
    if (!from->n)
        return true;
    size_t rows = (size_t)into->n + from->n;
    struct writer writer = {
        .table = {.is6 = into->is6, .has_sets = into->has_sets, .others = into->others}};
    struct profile_table *table = &writer.table;
    bool done = profile_table_reserve(table, rows);
    if (done && table->has_sets) {
        writer.words_cap = into->words_n + from->words_n + PROFILE_SET_WORDS_MAX;
        table->words = malloc(writer.words_cap * sizeof *table->words);
        done = table->words;
    }
    done = done && write_union(&writer, into, from);
    if (!done) {
        profile_table_fini(table);
        uint64_t packets = profile_table_packets(from);
        into->others = add_saturating(into->others, packets);
        *refused = add_saturating(*refused, packets);
        return false;
    }
    profile_table_shrink(table, rows);
    if (table->has_sets)
        table->words = shrunk(table->words, table->words_n * sizeof *table->words);
    profile_table_fini(into);
    *into = *table;
    profile_table_limit(into, limit, refused);
    return true;
}

uint64_t profile_table_rank(uint32_t key)
{
    return hash_u64(key, HASH_FIXED);
}

/* Up to two tables as one list of numbers to select from. */
struct ranking {
    const struct profile_table *tables[2];
    bool by_packets;
};

static uint64_t rank_of(const struct profile_table *table, uint32_t row, bool by_packets)
{
    if (by_packets)
        return ~table->packets[row];
    if (!table->is6)
        return profile_table_rank(table->keys[row]);
    return hash_u64(table->keys6[row].lo ^ hash_u64(table->keys6[row].hi, HASH_FIXED),
                    HASH_FIXED);
}

static uint64_t ranking_value(const void *context, size_t i)
{
    const struct ranking *ranking = context;
    uint32_t first = ranking->tables[0]->n;
    if (i < first)
        return rank_of(ranking->tables[0], (uint32_t)i, ranking->by_packets);
    return rank_of(ranking->tables[1], (uint32_t)(i - first), ranking->by_packets);
}

/* Keeps the rows of a rank below `worst`, and of those equal to it the first *equal. */
static void keep(struct profile_table *table, bool by_packets, uint64_t worst, size_t *equal,
                 uint64_t *refused)
{
    uint32_t kept = 0, n = table->n;
    size_t words = 0;
    for (uint32_t row = 0; row < n; row++) {
        uint64_t rank = rank_of(table, row, by_packets);
        bool stays = rank < worst || (rank == worst && *equal > 0);
        if (!stays) {
            table->others = add_saturating(table->others, table->packets[row]);
            *refused = add_saturating(*refused, table->packets[row]);
            continue;
        }
        *equal -= rank == worst;
        if (table->is6)
            table->keys6[kept] = table->keys6[row];
        else
            table->keys[kept] = table->keys[row];
        table->packets[kept] = table->packets[row];
        if (table->has_sets) {
            const uint32_t *set = profile_table_set(table, row);
            size_t size = profile_set_words(set);
            memmove(table->words + words, set, size * sizeof *set);
            table->sets[kept] = (uint32_t)words;
            words += size;
        }
        kept++;
    }
    table->n = kept;
    profile_table_shrink(table, n);
    if (table->has_sets) {
        table->words_n = words;
        table->words = shrunk(table->words, words * sizeof *table->words);
    }
}

void profile_table_limit(struct profile_table *table, size_t limit, uint64_t *refused)
{
    if (table->n <= limit)
        return;
    struct ranking ranking = {.tables = {table, table}};
    size_t equal;
    uint64_t worst = select_smallest(ranking_value, &ranking, table->n, limit, &equal);
    keep(table, false, worst, &equal, refused);
}

void profile_table_busiest(struct profile_table *first, struct profile_table *second,
                           size_t limit)
{
    size_t n = (size_t)first->n + second->n;
    if (n <= limit)
        return;
    struct ranking ranking = {.tables = {first, second}, .by_packets = true};
    size_t equal;
    uint64_t cut = 0; /* is no refusal: closing is meant to cut */
    uint64_t worst = select_smallest(ranking_value, &ranking, n, limit, &equal);
    keep(first, true, worst, &equal, &cut);
    keep(second, true, worst, &equal, &cut);
}
