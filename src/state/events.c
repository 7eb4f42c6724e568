#include "state/event_table.h"

#include <stdlib.h>
#include <string.h>

static const int64_t MINUTE_NS = 60000000000;

static void table_start(struct event_table *table, const struct events *events)
{
    *table = (struct event_table){0};
    pool_init(&table->pool, (size_t)events->table_max * SETS_BYTES_AN_EVENT + SETS_BYTES_MIN);
    pool_use(&table->pool, events->memory);
}

struct events *events_new(const struct analysis_config *config, struct memory *memory)
{
    struct events *events = calloc(1, sizeof *events);
    if (!events)
        return NULL;
    uint64_t max = config->events_max / SHARD_COUNT + (config->events_max % SHARD_COUNT != 0);
    events->memory = memory_hold(memory);
    events->table_max = max < TABLE_ROWS_MAX ? (uint32_t)max : TABLE_ROWS_MAX;
    events->idle_ns = (int64_t)config->event_idle_s * 1000000000;
    events->idle_min = (config->event_idle_s + 59) / 60;
    memcpy(events->key, config->table_key, sizeof events->key);
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        table_start(&events->tables[i], events);
    return events;
}

void event_blocks_free(struct event_block *blocks)
{
    while (blocks) {
        struct event_block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

void events_free(struct events *events)
{
    if (!events)
        return;
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct event_table *table = &events->tables[i];
        memory_free(events->memory, table->rows, table->rows_cap * sizeof *table->rows);
        memory_free(events->memory, table->buckets, table->rows_cap * sizeof *table->buckets);
        pool_fini(&table->pool);
    }
    event_blocks_free(events->ended);
    memory_drop(events->memory);
    free(events);
}

size_t events_bytes(const struct events *events)
{
    size_t bytes = sizeof *events + events->waiting * sizeof(struct event);
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        bytes += events->tables[i].rows_cap * (sizeof(struct event_row) + sizeof(uint32_t)) +
                 events->tables[i].pool.cap_bytes;
    return bytes;
}

static uint32_t *bucket_of(const struct event_table *table, uint32_t hash)
{
    return &table->buckets[hash & (table->rows_cap - 1)];
}

/* The order of silence */

void event_table_unlink(struct event_table *table, struct event_row *row)
{
    *(row->older ? &event_row_at(table, row->older)->newer : &table->oldest) = row->newer;
    *(row->newer ? &event_row_at(table, row->newer)->older : &table->newest) = row->older;
}

void event_table_link(struct event_table *table, struct event_row *row, uint32_t older)
{
    uint32_t link = (uint32_t)(row - table->rows) + 1;
    row->older = older;
    row->newer = older ? event_row_at(table, older)->newer : table->oldest;
    *(older ? &event_row_at(table, older)->newer : &table->oldest) = link;
    *(row->newer ? &event_row_at(table, row->newer)->older : &table->newest) = link;
}

/* Ending */

static void append_ended(struct events *events, const struct event *event)
{
    struct event_block *block = events->ended;
    if (!block || block->n == EVENT_BLOCK) {
        block = malloc(sizeof *block);
        if (!block) {
            events->limits.refused += event->packets;
            return;
        }
        block->n = 0;
        block->next = events->ended;
        events->ended = block;
    }
    block->events[block->n++] = *event;
    events->waiting++;
}

static void end_event(struct events *events, struct event_table *table, struct event_row *row,
                      enum event_end end, uint32_t minute)
{
    struct event *event = &row->event;
    event->destinations =
        distinct_count(&table->pool, &row->destinations, &event->destinations_estimated);
    event->networks = distinct_count(&table->pool, &row->networks, &event->networks_estimated);
    /* A sketch may count more than there were packets to. */
    if (event->destinations > event->packets)
        event->destinations = event->packets;
    if (event->networks > event->destinations)
        event->networks = event->destinations;
    distinct_clear(&table->pool, &row->destinations);
    distinct_clear(&table->pool, &row->networks);
    event->end = (uint8_t)end;
    event->ended_min = minute;
    append_ended(events, event);
    events->limits.evicted += end == EVENT_EVICTED;

    uint32_t link = (uint32_t)(row - table->rows) + 1, *at = bucket_of(table, row->hash);
    while (*at != link)
        at = &event_row_at(table, *at)->next;
    *at = row->next;
    event_table_unlink(table, row);
    row->next = table->free;
    table->free = link;
    table->open--;
}

/* Ends what is over when packet time has reached this minute. */
static void end_silent(struct events *events, struct event_table *table, uint32_t minute)
{
    if (minute <= table->minute)
        return;
    table->minute = minute;
    while (table->oldest) {
        struct event_row *row = event_row_at(table, table->oldest);
        uint32_t end = row->touched_min + events->idle_min + 1;
        if (end > minute)
            return;
        end_event(events, table, row, EVENT_IDLE, end);
    }
}

/* Room for one more row. False: memory. */
static bool grow(struct events *events, struct event_table *table)
{
    uint32_t cap = table->rows_cap ? 2 * table->rows_cap : ROWS_FIRST;
    uint32_t *buckets = memory_grow(events->memory, NULL, 0, cap * sizeof *buckets);
    struct event_row *rows =
        buckets ? memory_grow(events->memory, table->rows, table->rows_cap * sizeof *rows,
                              cap * sizeof *rows)
                : NULL;
    if (!rows) {
        memory_free(events->memory, buckets, cap * sizeof *buckets);
        return false;
    }
    memory_free(events->memory, table->buckets, table->rows_cap * sizeof *table->buckets);
    table->rows = rows;
    table->buckets = buckets;
    table->rows_cap = cap;
    for (uint32_t link = table->oldest; link; link = event_row_at(table, link)->newer) {
        uint32_t *bucket = bucket_of(table, event_row_at(table, link)->hash);
        event_row_at(table, link)->next = *bucket;
        *bucket = link;
    }
    return true;
}

/* A row that is in no list. NULL: memory. */
static struct event_row *new_row(struct events *events, struct event_table *table,
                                 uint32_t minute)
{
    if (table->open == events->table_max)
        end_event(events, table, event_row_at(table, table->oldest), EVENT_EVICTED, minute);
    if (!table->free && table->used == table->rows_cap && !grow(events, table))
        return NULL;
    if (!table->free)
        return &table->rows[table->used++];
    struct event_row *row = event_row_at(table, table->free);
    table->free = row->next;
    return row;
}

/* Adding */

/* The key of a row of the batch, as an event without packets. */
static struct event key_of(const struct batch *batch, unsigned i, bool is6)
{
    struct event key = {.protocol = batch->protocol[i], .class = batch->class[i]};
    key.source = is6 ? (struct address){.is6 = true, .v6 = batch->src6[i]}
                     : (struct address){.v4 = batch->src[i]};
    bool tcp = mask_test(batch->has[HAS_TCP], i);
    key.has_port =
        tcp || mask_test(batch->has[HAS_UDP], i) || mask_test(batch->has[HAS_SCTP], i);
    if (key.has_port)
        key.port =
            tcp && batch->class[i] == CLASS_BACKSCATTER ? batch->srcport[i] : batch->dstport[i];
    return key;
}

uint32_t event_hash(const struct event *key, uint64_t source, const uint64_t secret[2])
{
    uint64_t rest = (uint64_t)key->port << 32 | (uint64_t)key->protocol << 16 |
                    (uint64_t)key->class << 8 | key->has_port;
    return (uint32_t)(hash_u64(source ^ rest, secret) >> 32);
}

static bool same_key(const struct event *a, const struct event *b)
{
    return a->source.v4 == b->source.v4 && a->source.v6.hi == b->source.v6.hi &&
           a->source.v6.lo == b->source.v6.lo && a->source.is6 == b->source.is6 &&
           a->port == b->port && a->protocol == b->protocol && a->class == b->class &&
           a->has_port == b->has_port;
}

struct event_row *event_table_find(const struct event_table *table, const struct event *key,
                                   uint32_t hash)
{
    if (!table->rows_cap)
        return NULL;
    for (uint32_t link = *bucket_of(table, hash); link;
         link = event_row_at(table, link)->next) {
        struct event_row *row = event_row_at(table, link);
        if (row->hash == hash && same_key(&row->event, key))
            return row;
    }
    return NULL;
}

static bool is_within(const struct events *events, const struct event *event, int64_t ts_ns)
{
    return ts_ns - event->last_ns <= events->idle_ns &&
           event->first_ns - ts_ns <= events->idle_ns;
}

struct event_row *event_table_insert(struct events *events, struct event_table *table,
                                     const struct event *key, uint32_t hash, uint32_t minute)
{
    struct event_row *row = new_row(events, table, minute);
    if (!row)
        return NULL;
    uint32_t link = (uint32_t)(row - table->rows) + 1, *bucket = bucket_of(table, hash);
    *row = (struct event_row){.event = *key, .hash = hash, .next = *bucket};
    *bucket = link;
    table->open++;
    return row;
}

static void add_sample(struct event *event, const struct batch *batch, unsigned i)
{
    if (event->samples_n == EVENT_SAMPLES_MAX)
        return;
    event->samples[event->samples_n++] = (struct event_sample){
        .ts_ns = batch->ts_ns[i],
        .srcport = event->has_port ? batch->srcport[i] : 0,
        .window = batch->tcp_window[i],
        .length = (uint16_t)(batch->ip_len[i] < UINT16_MAX ? batch->ip_len[i] : UINT16_MAX),
        .ttl = batch->ip_ttl[i],
        .tcp_flags = batch->tcp_flags[i],
    };
}

static void add_labels(struct event *event, const struct batch_labels *of, unsigned i)
{
    for (unsigned k = 0; k < of->n[i]; k++) {
        unsigned at = 0;
        while (at < event->labels_n && event->labels[at].label != of->labels[i][k].label)
            at++;
        if (at == EVENT_LABELS_MAX)
            continue;
        struct event_label *label = &event->labels[at];
        if (at == event->labels_n) {
            *label = (struct event_label){.label = of->labels[i][k].label};
            event->labels_n++;
        }
        label->packets += label->packets != UINT32_MAX;
        label->labelled |= of->labels[i][k].labelled;
    }
}

static uint32_t network_of(const struct batch *batch, unsigned i, bool is6)
{
    return is6 ? (uint32_t)hash_u64(batch->dst6[i].hi >> 16, HASH_FIXED) : batch->dst[i] >> 8;
}

/* The order of silence is by minute, and begins after a restart a minute early when the last
 * run's last minute was not over by its lateness. */
static uint32_t minute_of(const struct event_table *table, uint32_t now_min)
{
    uint32_t last = table->newest ? event_row_at(table, table->newest)->touched_min : 0;
    return now_min > last ? now_min : last;
}

static void add_row(struct events *events, const struct prepared *prepared, unsigned i)
{
    const struct batch *batch = prepared->batch;
    struct event_table *table = &events->tables[prepared->shard[i]];
    bool is6 = prepared->is6[i];
    uint32_t minute = minute_of(table, batch->now_min[i]);
    int64_t ts_ns = batch->ts_ns[i];
    struct event key = key_of(batch, i, is6);
    uint32_t hash = event_hash(&key, prepared->hash[i], events->key);
    end_silent(events, table, minute);
    struct event_row *row = event_table_find(table, &key, hash);
    if (row && !is_within(events, &row->event, ts_ns)) {
        end_event(events, table, row, EVENT_IDLE, minute);
        row = NULL;
    }
    if (row) {
        event_table_unlink(table, row);
        event_table_link(table, row, table->newest);
    } else {
        key.first_ns = key.last_ns = ts_ns;
        row = event_table_insert(events, table, &key, hash, minute);
        if (!row) {
            events->limits.refused++;
            return;
        }
        event_table_link(table, row, table->newest);
    }
    struct event *event = &row->event;
    row->touched_min = minute;
    event->first_ns = ts_ns < event->first_ns ? ts_ns : event->first_ns;
    event->last_ns = ts_ns > event->last_ns ? ts_ns : event->last_ns;
    event->packets++;
    event->bytes += batch->ip_len[i];
    events->limits.frozen +=
        !distinct_add(&table->pool, &row->destinations, prepared->columns.destination[i]);
    events->limits.frozen +=
        !distinct_add(&table->pool, &row->networks, network_of(batch, i, is6));
    add_sample(event, batch, i);
    add_labels(event, &events->matches, i);
}

void events_start(struct events *events, unsigned rows)
{
    memset(events->matches.n, 0, rows);
}

void events_match(struct events *events, unsigned row, unsigned label, bool labelled)
{
    struct batch_labels *of = &events->matches;
    struct event_label *labels = of->labels[row];
    unsigned at = 0;
    while (at < of->n[row] && labels[at].label != label)
        at++;
    if (at == EVENT_LABELS_MAX)
        return;
    if (at == of->n[row]) {
        labels[at] = (struct event_label){.label = (uint16_t)label};
        of->n[row]++;
    }
    labels[at].labelled |= labelled;
}

void events_add(struct events *events, const struct prepared *prepared)
{
    for (unsigned i = 0; i < prepared->batch->n; i++)
        add_row(events, prepared, i);
}

void events_advance(struct events *events, int64_t packet_time_ns)
{
    if (packet_time_ns < 0)
        return;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        end_silent(events, &events->tables[i], (uint32_t)(packet_time_ns / MINUTE_NS));
}

void events_finish(struct events *events)
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct event_table *table = &events->tables[i];
        while (table->oldest)
            end_event(events, table, event_row_at(table, table->oldest), EVENT_RUN, UINT32_MAX);
    }
}

void events_merge(struct events *into, struct events *from)
{
    events_finish(from);
    struct event_block **end = &into->ended;
    while (*end)
        end = &(*end)->next;
    *end = from->ended;
    into->waiting += from->waiting;
    into->limits.evicted += from->limits.evicted;
    into->limits.refused += from->limits.refused;
    into->limits.frozen += from->limits.frozen;
    from->ended = NULL;
    from->waiting = 0;
    from->limits = (struct events_limits){0};
}

struct events_limits events_limits(const struct events *events)
{
    return events->limits;
}

/* As <nightscope/event.h> has it */

struct event_block *analysis_take_events(struct analysis *analysis)
{
    if (!analysis->events)
        return NULL;
    struct event_block *ended = analysis->events->ended;
    analysis->events->ended = NULL;
    analysis->events->waiting = 0;
    return ended;
}

size_t analysis_events_waiting(const struct analysis *analysis)
{
    return analysis->events ? analysis->events->waiting : 0;
}

size_t analysis_events_open(const struct analysis *analysis)
{
    size_t open = 0;
    for (unsigned i = 0; analysis->events && i < SHARD_COUNT; i++)
        open += analysis->events->tables[i].open;
    return open;
}
