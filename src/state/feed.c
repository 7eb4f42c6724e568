#include "state/feed.h"

#include "base/hash.h"
#include "state/evidence.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS ((int64_t)1000000000)

struct named {
    const char *name;
    uint16_t signature;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct named *)left)->name, ((const struct named *)right)->name);
}

/* Names of signatures are unique, so their order is total. */
static bool order_signatures(struct feed_names *ret_names)
{
    unsigned n = signature_count(ret_names->signatures);
    struct named *named = calloc(n ? n : 1, sizeof *named);
    ret_names->order = calloc(n ? n : 1, sizeof *ret_names->order);
    ret_names->by_order = calloc(n ? n : 1, sizeof *ret_names->by_order);
    ret_names->is_iot = calloc(n ? n : 1, sizeof *ret_names->is_iot);
    if (!named || !ret_names->order || !ret_names->by_order || !ret_names->is_iot) {
        free(named);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        const struct signature *signature = signature_at(ret_names->signatures, i);
        named[i] = (struct named){signature->name, (uint16_t)i};
        ret_names->is_iot[i] = signature->origin == ORIGIN_IOT;
    }
    qsort(named, n, sizeof *named, by_name);
    for (unsigned i = 0; i < n; i++) {
        ret_names->by_order[i] = named[i].signature;
        ret_names->order[named[i].signature] = (uint16_t)i;
    }
    free(named);
    return true;
}

struct feed *feed_new(const struct evidence_plan *plan)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->in_order = true;
    for (unsigned i = 0; i < FEED_SECONDS; i++)
        feed->seconds[i].second = -1;
    feed->names.signatures = plan ? evidence_plan_signatures(plan) : NULL;
    feed->packets = malloc(FEED_BUFFER * sizeof *feed->packets);
    if (!feed->packets || (plan && !order_signatures(&feed->names))) {
        feed_free(feed);
        return NULL;
    }
    return feed;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    free(feed->packets);
    free(feed->names.order);
    free(feed->names.by_order);
    free(feed->names.is_iot);
    free(feed);
}

void feed_start(struct feed *feed)
{
    memset(feed->matched, 0xff, sizeof feed->matched);
    memset(feed->iot, 0, sizeof feed->iot);
}

uint64_t feed_rank(const struct batch *batch, unsigned row)
{
    uint64_t addresses = (uint64_t)batch->src[row] << 32 | batch->dst[row];
    if (mask_test(batch->has[HAS_IPV6], row)) {
        const struct ip6 *src = &batch->src6[row], *dst = &batch->dst6[row];
        addresses = hash_mix(src->hi ^ HASH_FIXED[1], src->lo ^ HASH_FIXED[0]) ^
                    hash_mix(dst->hi ^ HASH_FIXED[0], dst->lo ^ HASH_FIXED[1]);
    }
    uint64_t probe = (uint64_t)batch->srcport[row] << 48 | (uint64_t)batch->dstport[row] << 32 |
                     batch->tcp_seq[row];
    uint64_t rest = (uint64_t)batch->ip_id[row] << 48 | (uint64_t)batch->icmp_ident[row] << 32 |
                    (uint64_t)batch->icmp_seq[row] << 16 | (uint64_t)batch->ip_proto[row] << 8 |
                    batch->class[row];
    uint64_t hash =
        hash_mix((uint64_t)batch->ts_ns[row] ^ HASH_FIXED[0], addresses ^ HASH_FIXED[1]);
    hash = hash_mix(hash ^ probe, 0xa4093822299f31d0U); /* digits of pi that follow */
    return hash_mix(hash ^ rest, 0x082efa98ec4e6c89U);
}

static int64_t second_of(const struct feed_packet *packet)
{
    return packet->ts_ns / SECOND_NS;
}

static int by_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : !!a - !!b;
}

/* Second, then hash; packets that agree in both differ in nothing that is published but,
 * perhaps, what they match. */
static int by_second(const void *left, const void *right)
{
    const struct feed_packet *a = left, *b = right;
    int64_t second_a = second_of(a), second_b = second_of(b);
    if (second_a != second_b)
        return second_a < second_b ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->iot != b->iot)
        return a->iot ? -1 : 1;
    return by_text(a->label, b->label);
}

static int by_time(const void *left, const void *right)
{
    const struct feed_packet *a = left, *b = right;
    if (a->ts_ns != b->ts_ns)
        return a->ts_ns < b->ts_ns ? -1 : 1;
    return by_second(a, b);
}

/* Second by second from the newest on: the lowest of each move to the end of what is kept.
 * Newest by second, not by time: within a second the lowest hashes stay, which is what makes
 * parts merge. */
static void compact(struct feed *feed)
{
    struct feed_packet *packets = feed->packets;
    if (!feed->in_order)
        qsort(packets, feed->n, sizeof *packets, by_second);
    size_t kept = feed->n, end = feed->n, room = FEED_MAX;
    while (end > 0 && room > 0) {
        size_t begin = end - 1;
        while (begin > 0 && second_of(&packets[begin - 1]) == second_of(&packets[end - 1]))
            begin--;
        qsort(packets + begin, end - begin, sizeof *packets, by_second);
        size_t n = end - begin < FEED_A_SECOND ? end - begin : FEED_A_SECOND;
        n = n < room ? n : room;
        kept -= n;
        room -= n;
        memmove(packets + kept, packets + begin, n * sizeof *packets);
        end = begin;
    }
    feed->n -= kept;
    memmove(packets, packets + kept, feed->n * sizeof *packets);
    feed->in_order = true;
    if (feed->n == FEED_MAX)
        feed->oldest_s = second_of(&packets[0]);
}

/* Is this among the lowest so far of its second? Then it is noted. */
static bool is_low(struct feed *feed, int64_t second, uint64_t rank)
{
    struct feed_second *lowest = &feed->seconds[second & (FEED_SECONDS - 1)];
    if (lowest->second != second) {
        lowest->second = second;
        lowest->n = 0;
    }
    uint64_t *ranks = lowest->ranks;
    unsigned hole = 0;
    if (lowest->n < FEED_A_SECOND) {
        for (hole = lowest->n++; hole && ranks[(hole - 1) / 2] < rank; hole = (hole - 1) / 2)
            ranks[hole] = ranks[(hole - 1) / 2];
        ranks[hole] = rank;
        return true;
    }
    if (rank > ranks[0])
        return false;
    for (unsigned child; (child = 2 * hole + 1) < FEED_A_SECOND; hole = child) {
        if (child + 1 < FEED_A_SECOND && ranks[child + 1] > ranks[child])
            child++;
        if (ranks[child] <= rank)
            break;
        ranks[hole] = ranks[child];
    }
    ranks[hole] = rank;
    return true;
}

static void append(struct feed *feed, const struct feed_packet *packet)
{
    if (feed->n == FEED_BUFFER)
        compact(feed);
    if (feed->n > 0 && second_of(packet) < second_of(&feed->packets[feed->n - 1]))
        feed->in_order = false;
    feed->packets[feed->n++] = *packet;
}

static struct feed_packet make(const struct feed *feed, const struct batch *batch, unsigned row,
                               uint64_t rank)
{
    bool is6 = mask_test(batch->has[HAS_IPV6], row);
    uint16_t matched = feed->matched[row];
    return (struct feed_packet){
        .ts_ns = batch->ts_ns[row],
        .rank = rank,
        .source = {.is6 = is6, .v4 = is6 ? 0 : batch->src[row], .v6 = batch->src6[row]},
        .protocol = (enum protocol)batch->protocol[row],
        .class = (enum class)batch->class[row],
        .iot = feed->iot[row],
        .has_port = mask_test(batch->has[HAS_TCP], row) ||
                    mask_test(batch->has[HAS_UDP], row) || mask_test(batch->has[HAS_SCTP], row),
        .dport = batch->dstport[row],
        .label =
            matched == FEED_NO_MATCH
                ? NULL
                : signature_at(feed->names.signatures, feed->names.by_order[matched])->label,
    };
}

void feed_add(struct feed *feed, const struct batch *batch)
{
    for (unsigned i = 0; i < batch->n; i++) {
        int64_t second = batch->ts_ns[i] / SECOND_NS;
        uint64_t rank = feed_rank(batch, i);
        if (second < feed->oldest_s || !is_low(feed, second, rank))
            continue;
        struct feed_packet packet = make(feed, batch, i, rank);
        append(feed, &packet);
    }
}

void feed_restore(struct feed *feed, const struct feed_packet *packet)
{
    append(feed, packet);
}

void feed_add_copy(struct feed *into, struct feed *from)
{
    compact(from);
    for (size_t i = 0; i < from->n; i++)
        append(into, &from->packets[i]);
    compact(into);
}

void feed_merge(struct feed *into, struct feed *from)
{
    feed_add_copy(into, from);
    from->n = 0;
}

void feed_replan(struct feed *feed, struct feed *fresh, const struct evidence_plan *plan)
{
    for (size_t i = 0; i < feed->n; i++) {
        unsigned label = 0;
        while (feed->packets[i].label &&
               strcmp(feed->packets[i].label, evidence_label_name(plan, label)) != 0)
            label++;
        if (feed->packets[i].label)
            feed->packets[i].label = evidence_label_name(plan, label);
    }
    struct feed_names kept = feed->names;
    feed->names = fresh->names;
    fresh->names = kept;
}

const struct feed_packet *feed_packets(struct feed *feed, size_t *ret_n)
{
    compact(feed);
    qsort(feed->packets, feed->n, sizeof *feed->packets, by_time);
    *ret_n = feed->n;
    return feed->packets;
}
