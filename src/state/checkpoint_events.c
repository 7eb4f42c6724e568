/* Scan events: open ones shard by shard, the longest silent first, then those that wait to be
 * taken.
 *
 *   evicted refused frozen | 64 x { n | n x { event | packet time since the one before
 *                                             | destinations | networks } }
 *   | n | n x { event | end | minute of its end | destinations networks, and whether estimated
 * } event    0 or 1 for IPv6, address | protocol class, port + 1 or 0 | first:8 last-first |
 * packets bytes | n labels | n samples */
#include "state/checkpoint.h"
#include "state/events_restore.h"

#include <stdlib.h>

enum { MINUTE_MAX = UINT32_MAX / 60, ROW_MIN = 20 };
static const uint64_t TIME_MAX_NS = (uint64_t)UINT32_MAX * 1000000000 + 999999999;

static void put_sample(struct bytes_out *out, const struct event_sample *sample)
{
    bytes_put_le(out, (uint64_t)sample->ts_ns, 8);
    bytes_put_u64(out, sample->srcport);
    bytes_put_u64(out, sample->window);
    bytes_put_u64(out, sample->length);
    bytes_put_u64(out, sample->ttl);
    bytes_put_u64(out, sample->tcp_flags);
}

static void put_event(struct bytes_out *out, const struct event *event)
{
    bytes_put_u64(out, event->source.is6);
    checkpoint_put_address(out, &event->source);
    bytes_put_u64(out, event->protocol);
    bytes_put_u64(out, event->class);
    bytes_put_u64(out, event->has_port ? event->port + 1U : 0);
    bytes_put_le(out, (uint64_t)event->first_ns, 8);
    bytes_put_u64(out, (uint64_t)(event->last_ns - event->first_ns));
    bytes_put_u64(out, event->packets);
    bytes_put_u64(out, event->bytes);
    bytes_put_u64(out, event->labels_n);
    for (unsigned i = 0; i < event->labels_n; i++) {
        bytes_put_u64(out, event->labels[i].label);
        bytes_put_u64(out, event->labels[i].packets);
        bytes_put_u64(out, event->labels[i].labelled);
    }
    bytes_put_u64(out, event->samples_n);
    for (unsigned i = 0; i < event->samples_n; i++)
        put_sample(out, &event->samples[i]);
}

static void put_shard(struct bytes_out *out, const struct events *events, unsigned shard)
{
    struct event_open open;
    const struct pool *pool;
    uint64_t n = 0;
    for (uint32_t at = 0; events_open_next(events, shard, &at, &open, &pool);)
        n++;
    bytes_put_u64(out, n);
    uint32_t before = 0;
    for (uint32_t at = 0; events_open_next(events, shard, &at, &open, &pool);) {
        put_event(out, &open.event);
        bytes_put_u64(out, open.touched_min - before);
        before = open.touched_min;
        checkpoint_put_set(out, pool, open.destinations);
        checkpoint_put_set(out, pool, open.networks);
    }
}

static void put_ended(struct bytes_out *out, const struct event_block *blocks)
{
    uint64_t n = 0;
    for (const struct event_block *block = blocks; block; block = block->next)
        n += block->n;
    bytes_put_u64(out, n);
    for (const struct event_block *block = blocks; block; block = block->next) {
        for (unsigned i = 0; i < block->n; i++) {
            const struct event *event = &block->events[i];
            put_event(out, event);
            bytes_put_u64(out, event->end);
            bytes_put_u64(out, event->ended_min);
            bytes_put_u64(out, event->destinations);
            bytes_put_u64(out, event->networks);
            bytes_put_u64(out, event->destinations_estimated);
            bytes_put_u64(out, event->networks_estimated);
        }
    }
}

void checkpoint_put_events(struct bytes_out *out, const struct analysis *analysis)
{
    const struct events *events = analysis->events;
    struct events_limits limits = {0};
    if (events)
        limits = events_limits(events);
    checkpoint_put_numbers(
        out, (const uint64_t[]){limits.evicted, limits.refused, limits.frozen}, 3);
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++) {
        if (events)
            put_shard(out, events, shard);
        else
            bytes_put_u64(out, 0);
    }
    put_ended(out, events ? events_ended(events) : NULL);
}

static void take_label(struct checkpoint_in *in, struct event *event)
{
    uint64_t label = bytes_take_u64(in->bytes, UINT16_MAX - 1);
    struct event_label taken = {.packets = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX)};
    taken.labelled = bytes_take_u64(in->bytes, 1);
    in->bytes->failed |= label >= in->names.labels_n;
    if (in->bytes->failed || in->names.labels[label] == CHECKPOINT_NONE)
        return;
    taken.label = in->names.labels[label];
    event->labels[event->labels_n++] = taken;
}

static void take_sample(struct checkpoint_in *in, struct event_sample *ret_sample)
{
    uint64_t ts_ns = bytes_take_le(in->bytes, 8);
    in->bytes->failed |= ts_ns > TIME_MAX_NS;
    ret_sample->ts_ns = (int64_t)ts_ns;
    ret_sample->srcport = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX);
    ret_sample->window = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX);
    ret_sample->length = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX);
    ret_sample->ttl = (uint8_t)bytes_take_u64(in->bytes, UINT8_MAX);
    ret_sample->tcp_flags = (uint8_t)bytes_take_u64(in->bytes, UINT8_MAX);
}

static struct event take_event(struct checkpoint_in *in)
{
    struct event event = {
        .source = checkpoint_take_address(in, bytes_take_u64(in->bytes, 1)),
        .protocol = (uint8_t)bytes_take_u64(in->bytes, PROTOCOL_COUNT_ - 1),
    };
    event.class = (uint8_t)bytes_take_u64(in->bytes, CLASS_COUNT_ - 1);
    uint32_t port = (uint32_t)bytes_take_u64(in->bytes, UINT16_MAX + 1);
    event.has_port = port != 0;
    event.port = (uint16_t)(port ? port - 1 : 0);
    uint64_t first_ns = bytes_take_le(in->bytes, 8);
    if (first_ns > TIME_MAX_NS) {
        in->bytes->failed = true;
        return event;
    }
    event.first_ns = (int64_t)first_ns;
    event.last_ns = (int64_t)(first_ns + bytes_take_u64(in->bytes, TIME_MAX_NS - first_ns));
    event.packets = bytes_take_u64(in->bytes, UINT64_MAX);
    event.bytes = bytes_take_u64(in->bytes, UINT64_MAX);
    uint64_t labels_n = bytes_take_u64(in->bytes, EVENT_LABELS_MAX);
    for (uint64_t i = 0; i < labels_n && !in->bytes->failed; i++)
        take_label(in, &event);
    event.samples_n = (uint8_t)bytes_take_u64(in->bytes, EVENT_SAMPLES_MAX);
    for (unsigned i = 0; i < event.samples_n; i++)
        take_sample(in, &event.samples[i]);
    return event;
}

static void restore(struct checkpoint_in *in, unsigned shard, const struct event_open *open)
{
    const struct address *source = &open->event.source;
    if ((source->is6 ? shard_of6(source->v6) : shard_of4(source->v4)) != shard) {
        in->bytes->failed = true;
        return;
    }
    struct analysis *target = checkpoint_owner(in, source);
    const uint64_t *key = target->config.table_key;
    uint64_t hash = source->is6 ? hash_ip6(source->v6, key)
                                : table_hash4(hash_u64(source->v4, HASH_FIXED), key);
    if (target->events && !events_restore(target->events, shard, hash, open, &in->scratch.pool))
        checkpoint_no_memory(in);
}

static void take_shard(struct checkpoint_in *in, unsigned shard)
{
    for (unsigned i = 0; i < in->n; i++)
        if (in->targets[i]->events)
            events_restore_shard(in->targets[i]->events, shard);
    uint64_t n = bytes_take_u64(in->bytes, TABLE_ROWS_MAX);
    in->bytes->failed |= n > bytes_left(in->bytes) / ROW_MIN;
    uint32_t before = 0;
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        struct event_open open = {.event = take_event(in)};
        open.touched_min = before + (uint32_t)bytes_take_u64(in->bytes, MINUTE_MAX - before);
        before = open.touched_min;
        open.destinations = checkpoint_take_set(in, &in->scratch.pool);
        open.networks = checkpoint_take_set(in, &in->scratch.pool);
        if (!in->bytes->failed)
            restore(in, shard, &open);
        distinct_clear(&in->scratch.pool, &open.destinations);
        distinct_clear(&in->scratch.pool, &open.networks);
    }
}

static struct event take_ended_event(struct checkpoint_in *in)
{
    struct event event = take_event(in);
    event.end = (uint8_t)bytes_take_u64(in->bytes, EVENT_RUN);
    event.ended_min = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    event.destinations = bytes_take_u64(in->bytes, UINT64_MAX);
    event.networks = bytes_take_u64(in->bytes, UINT64_MAX);
    event.destinations_estimated = bytes_take_u64(in->bytes, 1);
    event.networks_estimated = bytes_take_u64(in->bytes, 1);
    return event;
}

static void take_ended(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, UINT64_MAX);
    struct event_block *blocks = NULL, *block = NULL;
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        struct event event = take_ended_event(in);
        if (!block || block->n == EVENT_BLOCK) {
            struct event_block *more = calloc(1, sizeof *more);
            if (!more) {
                checkpoint_no_memory(in);
                break;
            }
            *(block ? &block->next : &blocks) = more;
            block = more;
        }
        block->events[block->n++] = event;
    }
    if (!in->bytes->failed && in->targets[0]->events)
        events_restore_ended(in->targets[0]->events, blocks);
    else
        event_blocks_free(blocks);
}

void checkpoint_take_events(struct checkpoint_in *in)
{
    uint64_t numbers[3];
    checkpoint_take_numbers(in, numbers, 3);
    if (in->targets[0]->events)
        events_add_limits(in->targets[0]->events,
                          &(struct events_limits){numbers[0], numbers[1], numbers[2]});
    for (unsigned shard = 0; shard < SHARD_COUNT && !in->bytes->failed; shard++)
        take_shard(in, shard);
    take_ended(in);
}
