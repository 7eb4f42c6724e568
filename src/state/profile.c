/* Profiles as values: merging, closing, and what is asked of them. */
#include "state/profile_tables.h"
#include "state/text_sketch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)PROFILE_SKETCH_REGISTERS == (int)HLL_LARGE, "14 bits");
static_assert((int)PROFILE_SKETCH_BYTES == (int)TEXT_SKETCH_DENSE, "the dense encoding");

bool profile_has_sets(enum profile_dimension dimension)
{
    return dimension == PROFILE_TCP || dimension == PROFILE_UDP || dimension == PROFILE_CC;
}

size_t profile_limit(enum profile_dimension dimension)
{
    return dimension == PROFILE_SRC ? PROFILE_SOURCES_MAX : PROFILE_ROWS_MAX;
}

uint32_t profile_key_max(enum profile_dimension dimension)
{
    switch (dimension) {
    case PROFILE_TCP:
    case PROFILE_UDP:
    case PROFILE_LABEL:
    case PROFILE_CC:
        return UINT16_MAX;
    case PROFILE_ASN:
    case PROFILE_SRC:
    case PROFILE_CC_TCP:
    case PROFILE_DIMENSION_COUNT_:
        break;
    }
    return UINT32_MAX;
}

struct profile *profile_new(int64_t start_s, uint32_t span_s)
{
    struct profile *profile = calloc(1, sizeof *profile);
    struct profile_tables *tables = calloc(1, sizeof *tables);
    if (!profile || !tables) {
        free(profile);
        free(tables);
        return NULL;
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            tables->tables[view][dimension].has_sets = profile_has_sets(dimension);
        tables->sources6[view].is6 = true;
    }
    *profile = (struct profile){.start_s = start_s, .span_s = span_s, .tables = tables};
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            profile_table_fini(&profile->tables->tables[view][dimension]);
        profile_table_fini(&profile->tables->sources6[view]);
    }
    free(profile->tables);
    free(profile);
}

size_t profile_bytes(const struct profile *profile)
{
    size_t bytes = sizeof *profile + sizeof *profile->tables;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            bytes += profile_table_bytes(&profile->tables->tables[view][dimension]);
        bytes += profile_table_bytes(&profile->tables->sources6[view]);
    }
    return bytes;
}

int profile_merge(struct profile *into, const struct profile *from)
{
    struct profile_tables *to = into->tables;
    const struct profile_tables *added = from->tables;
    bool complete = true;
    into->refused = add_saturating(into->refused, from->refused);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            complete &= profile_table_merge(&to->tables[view][dimension],
                                            &added->tables[view][dimension],
                                            profile_limit(dimension), &into->refused);
        complete &= profile_table_merge(&to->sources6[view], &added->sources6[view],
                                        profile_limit(PROFILE_SRC), &into->refused);
    }
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        to->packets[sketch] = add_saturating(to->packets[sketch], added->packets[sketch]);
        hll_merge(to->sketches[sketch], added->sketches[sketch], HLL_LARGE_BITS);
    }
    return complete ? 0 : -1;
}

void profile_close(struct profile *profile)
{
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        profile_table_busiest(&profile->tables->tables[view][PROFILE_SRC],
                              &profile->tables->sources6[view], PROFILE_CLOSED_SOURCES_MAX);
}

size_t profile_count(const struct profile *profile, enum profile_view view,
                     enum profile_dimension dimension)
{
    size_t n = profile->tables->tables[view][dimension].n;
    return dimension == PROFILE_SRC ? n + profile->tables->sources6[view].n : n;
}

const uint8_t *profile_sketch(const struct profile *profile, enum profile_sketch sketch)
{
    return profile->tables->sketches[sketch];
}

uint64_t profile_packets(const struct profile *profile, enum profile_sketch sketch)
{
    return profile->tables->packets[sketch];
}

uint64_t profile_sketch_count(const struct profile *profile, enum profile_sketch sketch)
{
    uint64_t sources = hll_estimate(profile->tables->sketches[sketch], HLL_LARGE_BITS);
    uint64_t packets = profile->tables->packets[sketch];
    return sources < packets ? sources : packets;
}

void profile_sketch_encode(const uint8_t registers[static PROFILE_SKETCH_REGISTERS],
                           uint8_t ret_string[static PROFILE_SKETCH_BYTES])
{
    /* the last byte of the cached count: its top bit says that it is to be counted again */
    static const uint8_t header[TEXT_SKETCH_HEADER] = {'H', 'Y', 'L', 'L', [15] = 0x80};
    memcpy(ret_string, header, sizeof header);
    text_sketch_pack(registers, ret_string + sizeof header);
}

static void count_sources(const struct profile_table *table, uint32_t row,
                          struct profile_row *ret_row)
{
    ret_row->sources =
        profile_set_count(profile_table_set(table, row), &ret_row->sources_estimated);
    if (ret_row->sources > ret_row->packets)
        ret_row->sources = ret_row->packets; /* of an estimate */
}

/* The row of a table; sources is the index of the row when they are not counted. */
static struct profile_row row_at(const struct profile_table *table, uint32_t row,
                                 enum profile_dimension dimension, bool counted)
{
    struct profile_row it = {.packets = table->packets[row], .sources = row};
    if (table->is6)
        it.address = (struct address){.is6 = true, .v6 = table->keys6[row]};
    else if (dimension == PROFILE_SRC)
        it.address.v4 = table->keys[row];
    else
        it.key = table->keys[row];
    if (counted)
        count_sources(table, row, &it);
    return it;
}

/* < 0: a ranks before b. */
static int compare(const struct profile_row *a, const struct profile_row *b,
                   enum profile_order order)
{
    uint64_t left = order == PROFILE_BY_SOURCES ? a->sources : a->packets;
    uint64_t right = order == PROFILE_BY_SOURCES ? b->sources : b->packets;
    if (left != right)
        return left > right ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return address_compare(&a->address, &b->address);
}

/* Restores a heap whose root is the row that ranks last. */
static void sift(struct profile_row *heap, size_t n, size_t at, enum profile_order order)
{
    struct profile_row row = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && compare(&heap[child + 1], &heap[child], order) > 0)
            child++;
        if (compare(&heap[child], &row, order) <= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = row;
}

/* Offers the rows of a table to the heap of `cap`. */
static void offer(const struct profile_table *table, enum profile_dimension dimension,
                  enum profile_order order, struct profile_row *heap, size_t *n, size_t cap)
{
    bool by_sources = order == PROFILE_BY_SOURCES;
    for (uint32_t i = 0; i < table->n && cap; i++) {
        if (*n == cap && !by_sources && table->packets[i] < heap[0].packets)
            continue;
        struct profile_row row = row_at(table, i, dimension, by_sources);
        if (*n < cap) {
            heap[(*n)++] = row;
            for (size_t at = *n / 2; *n == cap && at-- > 0;)
                sift(heap, cap, at, order);
        } else if (compare(&row, &heap[0], order) < 0) {
            heap[0] = row;
            sift(heap, cap, 0, order);
        }
    }
}

size_t profile_top(const struct profile *profile, enum profile_view view,
                   enum profile_dimension dimension, enum profile_order order,
                   struct profile_row *ret_rows, size_t cap, uint64_t *ret_others)
{
    const struct profile_table *table = &profile->tables->tables[view][dimension];
    const struct profile_table *sources6 = &profile->tables->sources6[view];
    bool has_sets = profile_has_sets(dimension);
    uint64_t all = add_saturating(table->others, profile_table_packets(table));
    size_t n = 0;
    if (!has_sets)
        order = PROFILE_BY_PACKETS;
    offer(table, dimension, order, ret_rows, &n, cap);
    if (dimension == PROFILE_SRC) {
        offer(sources6, dimension, order, ret_rows, &n, cap);
        all = add_saturating(all,
                             add_saturating(sources6->others, profile_table_packets(sources6)));
    }
    for (size_t i = n / 2; i-- > 0;) /* fewer than cap were never made a heap */
        sift(ret_rows, n, i, order);
    for (size_t left = n; left-- > 1;) { /* the last in rank goes to the end */
        struct profile_row last = ret_rows[0];
        ret_rows[0] = ret_rows[left];
        ret_rows[left] = last;
        sift(ret_rows, left, 0, order);
    }
    for (size_t i = 0; i < n; i++) {
        all -= ret_rows[i].packets < all ? ret_rows[i].packets : all;
        if (has_sets && order == PROFILE_BY_PACKETS)
            count_sources(table, (uint32_t)ret_rows[i].sources, &ret_rows[i]);
        if (!has_sets)
            ret_rows[i].sources = 0;
    }
    *ret_others = order == PROFILE_BY_SOURCES ? 0 : all;
    return n;
}
