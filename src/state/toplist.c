/* A bounded heap: millions of sources are looked at, `top` are kept.
 *
 * heap[0] is the worst that is kept; a better one takes its place and sinks. */
#include "state/toplist.h"

#include <stdlib.h>
#include <string.h>

struct top_source {
    uint64_t packets;
    struct address address;
    uint32_t row;
    uint8_t shard;
};

/* Order of the table: packets descending, then address ascending. */
static int compare(const void *left, const void *right)
{
    const struct top_source *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets > b->packets ? -1 : 1;
    return address_compare(&a->address, &b->address);
}

static void sink(struct top_source *heap, size_t n, struct top_source moving)
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

static void rise(struct top_source *heap, size_t hole, struct top_source moving)
{
    while (hole && compare(&heap[(hole - 1) / 2], &moving) < 0) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = moving;
}

void toplist_init(struct toplist *toplist, enum view view, size_t top)
{
    *toplist = (struct toplist){.view = view, .top = top ? top : SIZE_MAX};
}

void toplist_fini(struct toplist *toplist)
{
    free(toplist->heap);
    *toplist = (struct toplist){0};
}

/* The scan view also ranks labelled sources of any class. */
static bool is_in_view(const struct toplist_source *source, enum view view)
{
    if (view == VIEW_IOT)
        return source->packets[VIEW_IOT] > 0;
    return (source->seen >> view & 1) || (view == VIEW_SCAN && source->mark &&
                                          mark_rank(source->evidence, source->mark) == 2);
}

static bool grow(struct toplist *toplist)
{
    enum { FIRST = 64 };
    size_t cap = toplist->cap ? toplist->cap * 2 : FIRST;
    if (cap > toplist->top)
        cap = toplist->top;
    struct top_source *heap = reallocarray(toplist->heap, cap, sizeof *heap);
    if (!heap)
        return false;
    toplist->heap = heap;
    toplist->cap = cap;
    return true;
}

bool toplist_offer(struct toplist *toplist, const struct toplist_source *source)
{
    if (!is_in_view(source, toplist->view))
        return true;
    toplist->total++;
    struct top_source top = {
        .packets =
            toplist->view == VIEW_SCAN ? source->all_packets : source->packets[toplist->view],
        .address = source->address,
        .row = source->row,
        .shard = source->shard,
    };
    if (toplist->n == toplist->top) {
        if (compare(&top, &toplist->heap[0]) < 0)
            sink(toplist->heap, toplist->n, top);
        return true;
    }
    if (toplist->n == toplist->cap && !grow(toplist))
        return false;
    rise(toplist->heap, toplist->n++, top);
    return true;
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
                                     const struct top_source *top)
{
    const struct shard *shard = &analysis->shards[top->shard];
    const struct table *table = &shard->tables[top->address.is6];
    const struct source *source = &table->rows[top->row];
    struct distinct ports = source_ports(source), destinations = source_destinations(source);
    struct report_source row = {
        .ip = top->address,
        .packets = top->packets,
        .first_s = source->first_s,
        .last_s = source->last_s,
        .asn = table_asn(table, top->row),
    };
    /* An estimate may be too high, but never higher than the packets behind it. */
    uint64_t all = table_packets(table, top->row);
    row.ports = distinct_count(&shard->pool, &ports, &row.ports_estimated);
    row.destinations = distinct_count(&shard->pool, &destinations, &row.destinations_estimated);
    if (row.ports > all)
        row.ports = all;
    if (row.destinations > all)
        row.destinations = all;
    cc_text(source->cc, row.cc);
    const struct mark *mark = shard_mark(shard, top->address.is6, top->row);
    if (mark && mark->head)
        fill_labels(analysis->labels.plan, &shard->evidence, mark, &row);
    return row;
}

int toplist_rows(const struct analysis *analysis, struct toplist *toplist,
                 struct report_view *ret_view)
{
    ret_view->top_sources.total = toplist->total;
    if (!toplist->n)
        return 0;
    struct report_source *rows = calloc(toplist->n, sizeof *rows);
    if (!rows)
        return -1;
    qsort(toplist->heap, toplist->n, sizeof *toplist->heap, compare);
    for (size_t i = 0; i < toplist->n; i++)
        rows[i] = make_row(analysis, &toplist->heap[i]);
    ret_view->top_sources.rows = rows;
    ret_view->top_sources.n = toplist->n;
    return 0;
}
