/* The sample of packets, in the order of its buffer, which need not be cut to what is kept yet.
 *
 *   n | n x { time:8 hash:8 | 0 or 1 for IPv6, address | protocol class flags port label + 1 }
 *
 * Which hashes are the lowest of the present second is not kept: it saves packets from being
 * looked at again, and changes nothing. */
#include "state/checkpoint.h"

#include <string.h>

enum { IOT = 1, HAS_PORT = 2, FLAGS = 3 };
static const uint64_t TIME_MAX_NS = (uint64_t)UINT32_MAX * 1000000000 + 999999999;

static unsigned label_number(const struct evidence_plan *plan, const char *label)
{
    unsigned n = plan && label ? evidence_label_count(plan) : 0, i = 0;
    while (i < n && strcmp(evidence_label_name(plan, i), label) != 0)
        i++;
    return i < n ? i + 1 : 0;
}

void checkpoint_put_feed(struct bytes_out *out, const struct analysis *analysis)
{
    const struct feed *feed = analysis->feed;
    bytes_put_u64(out, feed ? feed->n : 0);
    for (size_t i = 0; feed && i < feed->n; i++) {
        const struct feed_packet *packet = &feed->packets[i];
        bytes_put_le(out, (uint64_t)packet->ts_ns, 8);
        bytes_put_le(out, packet->rank, 8);
        bytes_put_u64(out, packet->source.is6);
        checkpoint_put_address(out, &packet->source);
        bytes_put_u64(out, packet->protocol);
        bytes_put_u64(out, packet->class);
        bytes_put_u64(out, (packet->iot ? IOT : 0U) | (packet->has_port ? HAS_PORT : 0U));
        bytes_put_u64(out, packet->dport);
        bytes_put_u64(out, label_number(analysis->labels.plan, packet->label));
    }
}

static void take_packet(struct checkpoint_in *in, struct analysis *target)
{
    uint64_t ts_ns = bytes_take_le(in->bytes, 8);
    struct feed_packet packet = {.ts_ns = (int64_t)ts_ns, .rank = bytes_take_le(in->bytes, 8)};
    packet.source = checkpoint_take_address(in, bytes_take_u64(in->bytes, 1));
    packet.protocol = (enum protocol)bytes_take_u64(in->bytes, PROTOCOL_COUNT_ - 1);
    packet.class = (enum class)bytes_take_u64(in->bytes, CLASS_COUNT_ - 1);
    uint64_t flags = bytes_take_u64(in->bytes, FLAGS);
    packet.iot = flags & IOT;
    packet.has_port = flags & HAS_PORT;
    packet.dport = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX);
    uint64_t label = bytes_take_u64(in->bytes, in->names.labels_n);
    in->bytes->failed |= ts_ns > TIME_MAX_NS;
    if (in->bytes->failed || !target->feed)
        return;
    if (label && in->names.labels[label - 1] != CHECKPOINT_NONE)
        packet.label = evidence_label_name(target->labels.plan, in->names.labels[label - 1]);
    feed_restore(target->feed, &packet);
}

void checkpoint_take_feed(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, FEED_BUFFER);
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++)
        take_packet(in, in->targets[0]);
}
