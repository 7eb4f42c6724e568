/* Top sources by a bounded heap: millions of sources are looked at, `top` are kept.
 *
 * heap[0] is the worst that is kept; a better one takes its place and sinks. */
#include "state/report_sources.h"

#include <stdlib.h>
#include <string.h>

struct candidate_row {
    uint64_t packets;
    struct address address;
    uint32_t row;
    uint8_t shard;
};

/* Order of the table: packets descending, then address ascending. */
static int compare(const void *left, const void *right)
{
    const struct candidate_row *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets > b->packets ? -1 : 1;
    return address_compare(&a->address, &b->address);
}

static void sink(struct candidate_row *heap, size_t n, struct candidate_row moving)
{
    size_t hole = 0;
    for (size_t child; (child = 2 * hole + 1) < n; hole = child) {
        if (child + 1 < n && compare(&heap[child + 1], &heap[child]) > 0)
            child++;
        if (compare(&heap[child], &moving) <= 0)
            break;
        heap[hole] = heap[child];
    }
    heap[hole] = moving;
}

static void rise(struct candidate_row *heap, size_t hole, struct candidate_row moving)
{
    while (hole && compare(&heap[(hole - 1) / 2], &moving) < 0) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = moving;
}

static uint64_t iot_packets(const struct shard *shard, unsigned family, uint32_t row)
{
    const struct mark *mark = shard_mark(shard, family, row);
    return mark ? mark->iot_packets : 0;
}

static bool is_labelled(const struct shard *shard, unsigned family, uint32_t row)
{
    const struct mark *mark = shard_mark(shard, family, row);
    return mark && mark_rank(&shard->evidence, mark) == 2;
}

/* The scan view also ranks labelled sources of any class. */
static bool is_in_view(const struct shard *shard, unsigned family, uint32_t row, enum view view)
{
    if (view == VIEW_IOT)
        return iot_packets(shard, family, row) > 0;
    return (shard->tables[family].rows[row].seen >> view & 1) ||
           (view == VIEW_SCAN && is_labelled(shard, family, row));
}

static uint64_t rank(const struct shard *shard, unsigned family, uint32_t row, enum view view)
{
    switch (view) {
    case VIEW_SCAN:
        return table_packets(&shard->tables[family], row);
    case VIEW_BACKSCATTER:
        return table_counter(&shard->tables[family], row, COUNTER_BACKSCATTER);
    case VIEW_IOT:
    case VIEW_COUNT_:
        break;
    }
    return iot_packets(shard, family, row);
}

/* Offers the rows of one table to the heap; returns how many it then holds. */
static size_t offer_table(const struct analysis *analysis, uint8_t index, unsigned family,
                          enum view view, struct candidate_row *heap, size_t n, size_t cap)
{
    const struct shard *shard = &analysis->shards[index];
    const struct table *table = &shard->tables[family];
    for (uint32_t row = 0; row < table->n; row++) {
        if (!is_in_view(shard, family, row, view))
            continue;
        struct candidate_row candidate = {.row = row, .shard = index};
        candidate.packets = rank(shard, family, row, view);
        if (n == cap && candidate.packets < heap[0].packets)
            continue;
        candidate.address = table_address(table, row);
        if (n < cap)
            rise(heap, n++, candidate);
        else if (compare(&candidate, &heap[0]) < 0)
            sink(heap, n, candidate);
    }
    return n;
}

/* The labels of a source, by name, each once. */
static void fill_labels(const struct evidence_plan *plan, const struct pool *pool,
                        const struct mark *mark, struct report_source *row)
{
    struct evidence_view view;
    for (uint32_t at = mark->head; evidence_next(pool, &at, &view);) {
        if (!view.labelled)
            continue;
        const char *name = evidence_label_name(plan, evidence_label_of(plan, view.signature));
        unsigned place = 0;
        while (place < row->labels_n && strcmp(row->labels[place], name) < 0)
            place++;
        if (place < row->labels_n && strcmp(row->labels[place], name) == 0)
            continue;
        if (row->labels_n == REPORT_LABELS_MAX) {
            if (place == REPORT_LABELS_MAX)
                continue;
            row->labels_n--; /* the last by name gives way */
        }
        for (unsigned i = row->labels_n++; i > place; i--)
            row->labels[i] = row->labels[i - 1];
        row->labels[place] = name;
    }
}

static struct report_source make_row(const struct analysis *analysis,
                                     const struct candidate_row *candidate)
{
    const struct shard *shard = &analysis->shards[candidate->shard];
    const struct table *table = &shard->tables[candidate->address.is6];
    const struct source *source = &table->rows[candidate->row];
    struct distinct ports = source_ports(source), destinations = source_destinations(source);
    struct report_source row = {
        .ip = candidate->address,
        .packets = candidate->packets,
        .first_s = source->first_s,
        .last_s = source->last_s,
        .asn = table_asn(table, candidate->row),
    };
    /* An estimate may be too high, but never higher than the packets behind it. */
    uint64_t all = table_packets(table, candidate->row);
    row.ports = distinct_count(&shard->pool, &ports, &row.ports_estimated);
    row.destinations = distinct_count(&shard->pool, &destinations, &row.destinations_estimated);
    if (row.ports > all)
        row.ports = all;
    if (row.destinations > all)
        row.destinations = all;
    cc_text(source->cc, row.cc);
    const struct mark *mark = shard_mark(shard, candidate->address.is6, candidate->row);
    if (mark && mark->head)
        fill_labels(analysis->labels.plan, &shard->evidence, mark, &row);
    return row;
}

static size_t count_in_view(const struct analysis *analysis, enum view view)
{
    size_t n = 0;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        for (unsigned family = 0; family < 2; family++) {
            const struct shard *shard = &analysis->shards[i];
            for (uint32_t row = 0; row < shard->tables[family].n; row++)
                n += is_in_view(shard, family, row, view);
        }
    return n;
}

int report_top_sources(const struct analysis *analysis, enum view view, size_t top,
                       struct report_view *ret_view)
{
    size_t total = count_in_view(analysis, view);
    size_t cap = top && top < total ? top : total, n = 0;
    ret_view->top_sources.total = total;
    if (!cap)
        return 0;
    struct candidate_row *heap = calloc(cap, sizeof *heap);
    struct report_source *rows = calloc(cap, sizeof *rows);
    if (!heap || !rows) {
        free(heap);
        free(rows);
        return -1;
    }
    for (uint8_t i = 0; i < SHARD_COUNT; i++)
        for (unsigned family = 0; family < 2; family++)
            n = offer_table(analysis, i, family, view, heap, n, cap);
    qsort(heap, n, sizeof *heap, compare);
    for (size_t i = 0; i < n; i++)
        rows[i] = make_row(analysis, &heap[i]);
    free(heap);
    ret_view->top_sources.rows = rows;
    ret_view->top_sources.n = n;
    return 0;
}
