#include "state/labelled.h"

#include "state/explain.h"
#include "state/state.h"

#include <stdlib.h>
#include <string.h>

/* Where a labelled source is, and what decides whether it is listed. */
struct found {
    struct address address;
    uint32_t last_s, row;
    uint8_t shard;
};

/* Latest first, then by address: a total order, the same however the tables came about. */
static int latest_first(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    if (a->last_s != b->last_s)
        return a->last_s > b->last_s ? -1 : 1;
    return address_compare(&a->address, &b->address);
}

static int by_address(const void *left, const void *right)
{
    const struct labelled_source *a = left, *b = right;
    return address_compare(&a->source, &b->source);
}

static int by_probability(const void *left, const void *right)
{
    const struct source_evidence *a = left, *b = right;
    if (a->probability < b->probability || a->probability > b->probability)
        return a->probability < b->probability ? -1 : 1;
    return (a->signature > b->signature) - (a->signature < b->signature);
}

static int by_number(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static uint32_t newest(const struct analysis *analysis)
{
    uint32_t last_s = 0;
    for (unsigned i = 0; i < SHARD_COUNT * 2; i++) {
        const struct table *table = &analysis->shards[i / 2].tables[i % 2];
        for (uint32_t row = 0; row < table->n; row++)
            if (table->rows[row].last_s > last_s)
                last_s = table->rows[row].last_s;
    }
    return last_s;
}

/* Fills ret_found when it is not NULL; returns how many there are. */
static size_t find_all(const struct analysis *analysis, uint32_t newest_s,
                       struct found *ret_found)
{
    size_t n = 0;
    for (unsigned i = 0; i < SHARD_COUNT * 2; i++) {
        const struct shard *shard = &analysis->shards[i / 2];
        const struct table *table = &shard->tables[i % 2];
        for (uint32_t row = 0; row < table->n; row++) {
            const struct mark *mark = shard_mark(shard, i % 2, row);
            uint32_t last_s = table->rows[row].last_s;
            if (!mark || mark_rank(&shard->evidence, mark) != 2 ||
                newest_s - last_s > LABELLED_KEPT_S)
                continue;
            if (ret_found)
                ret_found[n] = (struct found){.address = table_address(table, row),
                                              .last_s = last_s,
                                              .row = row,
                                              .shard = (uint8_t)(i / 2)};
            n++;
        }
    }
    return n;
}

/* Brings the first of each label to the front, so that what is cut off takes no label along. */
static void labels_first(const struct evidence_plan *plan, struct source_evidence *evidence,
                         unsigned n)
{
    unsigned front = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned same = 0, label = plan->items[evidence[i].signature].label;
        while (same < front && plan->items[evidence[same].signature].label != label)
            same++;
        if (same < front)
            continue;
        struct source_evidence first = evidence[i];
        memmove(&evidence[front + 1], &evidence[front], (i - front) * sizeof *evidence);
        evidence[front++] = first;
    }
}

static void fill_signatures(const struct analysis *analysis, const struct found *found,
                            struct labelled_source *row)
{
    enum { EVIDENCE_MAX = 256 };
    struct source_evidence evidence[EVIDENCE_MAX];
    unsigned n = explain_row(analysis, &analysis->shards[found->shard], found->address.is6,
                             found->row, evidence, EVIDENCE_MAX);
    unsigned labelled = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!evidence[i].labelled)
            continue;
        row->iot |= analysis->labels.plan->items[evidence[i].signature].iot;
        evidence[labelled++] = evidence[i];
    }
    qsort(evidence, labelled, sizeof *evidence, by_probability);
    if (labelled > LABELLED_SIGNATURES_MAX) {
        labels_first(analysis->labels.plan, evidence, labelled);
        labelled = LABELLED_SIGNATURES_MAX;
        qsort(evidence, labelled, sizeof *evidence, by_probability);
    }
    row->signatures_n = labelled;
    memcpy(row->signatures, evidence, row->signatures_n * sizeof *evidence);
}

static void fill_ports(const struct shard *shard, const struct source *source,
                       struct labelled_source *row)
{
    uint32_t keys[DISTINCT_EXACT_MAX];
    struct distinct set = source_ports(source);
    bool estimated;
    unsigned n = distinct_keys(&shard->pool, &set, keys);
    qsort(keys, n, sizeof *keys, by_number);
    row->ports_n = n < LABELLED_PORTS_MAX ? n : LABELLED_PORTS_MAX;
    memcpy(row->ports, keys, row->ports_n * sizeof *keys);
    row->ports_more =
        n > row->ports_n || distinct_count(&shard->pool, &set, &estimated) > n || estimated;
}

static struct labelled_source make(const struct analysis *analysis, const struct found *found)
{
    const struct shard *shard = &analysis->shards[found->shard];
    const struct table *table = &shard->tables[found->address.is6];
    const struct source *source = &table->rows[found->row];
    struct labelled_source row = {
        .source = found->address,
        .place = {.asn = table_asn(table, found->row)},
        .first_s = source->first_s,
        .last_s = source->last_s,
        .packets = table_packets(table, found->row),
    };
    if (source->cc != CC_UNKNOWN)
        cc_text(source->cc, row.place.cc);
    fill_signatures(analysis, found, &row);
    fill_ports(shard, source, &row);
    return row;
}

int labelled_collect(const struct analysis *analysis, size_t max,
                     struct labelled_list *ret_list)
{
    *ret_list = (struct labelled_list){0};
    if (!analysis->labels.plan)
        return 0;
    uint32_t newest_s = newest(analysis);
    size_t total = find_all(analysis, newest_s, NULL);
    if (total == 0)
        return 0;
    size_t n = total < max ? total : max;
    struct found *found = malloc(total * sizeof *found);
    struct labelled_source *rows = malloc((n ? n : 1) * sizeof *rows);
    if (!found || !rows) {
        free(found);
        free(rows);
        return -1;
    }
    (void)find_all(analysis, newest_s, found); /* the same ones again */
    qsort(found, total, sizeof *found, latest_first);
    for (size_t i = 0; i < n; i++)
        rows[i] = make(analysis, &found[i]);
    free(found);
    qsort(rows, n, sizeof *rows, by_address);
    *ret_list = (struct labelled_list){.rows = rows, .n = n, .left_out = total - n};
    return 0;
}
