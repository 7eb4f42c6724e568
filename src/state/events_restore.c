/* Open and ended events come back. Rows of one shard are restored in the order of their
 * silence; those of several parts go among each other. */
#include "state/events_restore.h"

#include "state/event_table.h"

#include <stdlib.h>

void events_restore_shard(struct events *events, unsigned shard)
{
    events->tables[shard].restored = NO_ROW;
}

/* The row behind which one of this time belongs, not before the one restored last. */
static uint32_t place_of(const struct event_table *table, uint32_t touched_min)
{
    uint32_t at = table->restored;
    for (;;) {
        uint32_t next = at ? event_row_at(table, at)->newer : table->oldest;
        if (!next || event_row_at(table, next)->touched_min > touched_min)
            return at;
        at = next;
    }
}

static void put_in_order(struct event_table *table, struct event_row *row, uint32_t touched_min)
{
    row->touched_min = touched_min;
    event_table_link(table, row, place_of(table, touched_min));
    table->restored = (uint32_t)(row - table->rows) + 1;
}

static void merge_labels(struct event *into, const struct event *from)
{
    for (unsigned i = 0; i < from->labels_n; i++) {
        unsigned at = 0;
        while (at < into->labels_n && into->labels[at].label != from->labels[i].label)
            at++;
        if (at == EVENT_LABELS_MAX)
            continue;
        if (at == into->labels_n)
            into->labels[into->labels_n++] =
                (struct event_label){.label = from->labels[i].label};
        uint32_t room = UINT32_MAX - into->labels[at].packets, more = from->labels[i].packets;
        into->labels[at].packets += more < room ? more : room;
        into->labels[at].labelled |= from->labels[i].labelled;
    }
}

/* Two parts of one event: of a source that two workers had. */
static void merge_event(struct event *into, const struct event *from)
{
    into->packets += from->packets;
    into->bytes += from->bytes;
    into->first_ns = from->first_ns < into->first_ns ? from->first_ns : into->first_ns;
    into->last_ns = from->last_ns > into->last_ns ? from->last_ns : into->last_ns;
    merge_labels(into, from);
    for (unsigned i = 0; i < from->samples_n && into->samples_n < EVENT_SAMPLES_MAX; i++)
        into->samples[into->samples_n++] = from->samples[i];
}

/* The row of an event, which has its old content or only the key; NULL: memory. */
static struct event_row *row_for(struct events *events, struct event_table *table,
                                 const struct event_open *open, uint32_t hash)
{
    struct event_row *row = event_table_find(table, &open->event, hash);
    if (row) {
        uint32_t link = (uint32_t)(row - table->rows) + 1;
        table->restored = table->restored == link ? row->older : table->restored;
        event_table_unlink(table, row);
        merge_event(&row->event, &open->event);
        return row;
    }
    if (table->open == events->table_max && table->restored == table->oldest)
        table->restored = NO_ROW; /* it goes */
    return event_table_insert(events, table, &open->event, hash, open->touched_min);
}

bool events_restore(struct events *events, unsigned shard, uint64_t source,
                    const struct event_open *open, const struct pool *pool)
{
    struct event_table *table = &events->tables[shard];
    struct event_row *row =
        row_for(events, table, open, event_hash(&open->event, source, events->key));
    if (!row)
        return false;
    uint32_t touched_min =
        row->touched_min > open->touched_min ? row->touched_min : open->touched_min;
    put_in_order(table, row, touched_min);
    events->limits.frozen +=
        !distinct_merge(&table->pool, &row->destinations, pool, &open->destinations);
    events->limits.frozen +=
        !distinct_merge(&table->pool, &row->networks, pool, &open->networks);
    return true;
}

bool events_open_next(const struct events *events, unsigned shard, uint32_t *at,
                      struct event_open *ret_open, const struct pool **ret_pool)
{
    const struct event_table *table = &events->tables[shard];
    uint32_t link = *at ? event_row_at(table, *at)->newer : table->oldest;
    if (!link)
        return false;
    const struct event_row *row = event_row_at(table, link);
    *ret_open =
        (struct event_open){row->event, row->touched_min, row->destinations, row->networks};
    *ret_pool = &table->pool;
    *at = link;
    return true;
}

const struct event_block *events_ended(const struct events *events)
{
    return events->ended;
}

void events_restore_ended(struct events *events, struct event_block *blocks)
{
    struct event_block **end = &events->ended;
    for (struct event_block *block = blocks; block; block = block->next)
        events->waiting += block->n;
    while (*end)
        end = &(*end)->next;
    *end = blocks;
}

void events_add_limits(struct events *events, const struct events_limits *limits)
{
    events->limits.evicted += limits->evicted;
    events->limits.refused += limits->refused;
    events->limits.frozen += limits->frozen;
}
