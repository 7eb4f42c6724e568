/* Random packets for the tests of the state: a stream with times, late packets and refusals as
 * the contract of <nightscope/packet.h> has them, and analyses of it in any partition. */
#pragma once

#include "harness.h"

#include <nightscope/report.h>
#include <string.h>

struct packet {
    int64_t ts_ns;
    uint32_t now_min;
    bool late, is6, counted;
    enum reason reason; /* of one that is not counted */
    uint32_t src, dst;
    struct ip6 src6, dst6;
    enum protocol protocol;
    enum class class;
    bool cut; /* the transport header is not there */
    uint8_t ip_proto, tcp_flags;
    uint16_t srcport, dstport;
    uint32_t ip_len;
};

struct stream {
    struct packet *packets;
    unsigned n;
    int64_t lateness_ns;
};

static const int64_t SECOND = 1000000000;
enum { STREAM_START_S = 1795305600 };

static inline void stream_time(struct stream *stream, struct packet *packet, int64_t ts_ns,
                               int64_t *time_ns)
{
    int64_t minute_end = (ts_ns / (60 * SECOND) + 1) * 60 * SECOND;
    packet->ts_ns = ts_ns;
    packet->late = minute_end + stream->lateness_ns <= *time_ns;
    if (ts_ns > *time_ns)
        *time_ns = ts_ns;
    packet->now_min = (uint32_t)(*time_ns / (60 * SECOND));
}

static inline void stream_content(struct random *random, struct packet *packet,
                                  unsigned sources)
{
    static const uint8_t numbers[PROTOCOL_COUNT_] = {6, 17, 1, 58, 132, 47};
    uint64_t who = random_below(random, sources);
    if (random_below(random, 3) == 0) /* a few send much */
        who %= 3;
    packet->is6 = who % 4 == 1;
    packet->src = packet->is6 ? 0 : (uint32_t)(0x01000000 + who * 2654435761U);
    packet->dst = packet->is6 ? 0 : (uint32_t)(0x0a000000 + random_below(random, 600) * 1021);
    if (packet->is6) {
        packet->src6 = (struct ip6){0x20010db800000000U, who};
        packet->dst6 = (struct ip6){0x20010db8ffff0000U, random_below(random, 500)};
    }
    packet->protocol = (enum protocol)random_below(random, PROTOCOL_COUNT_);
    if (packet->protocol == PROTOCOL_ICMP && packet->is6)
        packet->protocol = PROTOCOL_ICMP6;
    else if (packet->protocol == PROTOCOL_ICMP6 && !packet->is6)
        packet->protocol = PROTOCOL_ICMP;
    packet->class = (enum class)random_below(random, CLASS_COUNT_);
    packet->ip_proto = numbers[packet->protocol];
    packet->cut = random_below(random, 20) == 0;
    packet->tcp_flags = (uint8_t)random_below(random, 64);
    packet->srcport = (uint16_t)random_below(random, 40);
    packet->dstport = (uint16_t)(random_below(random, 300) * 211);
    packet->ip_len = 20 + (uint32_t)random_below(random, 1480);
}

static inline struct stream stream_random(struct random *random, unsigned n, unsigned sources,
                                          int64_t lateness_s)
{
    struct stream stream = {calloc(n, sizeof(struct packet)), n, lateness_s * SECOND};
    int64_t time_ns = STREAM_START_S * SECOND, clock_ns = time_ns;
    for (unsigned i = 0; i < n; i++) {
        struct packet *packet = &stream.packets[i];
        clock_ns += (int64_t)random_below(random, SECOND / 2);
        int64_t back = random_below(random, 4) ? 0 : (int64_t)random_below(random, 200);
        stream_time(&stream, packet, clock_ns - back * SECOND, &time_ns);
        stream_content(random, packet, sources);
        packet->counted = random_below(random, 15) != 0;
        if (!packet->counted)
            packet->reason = 1 + (enum reason)random_below(random, REASON_COUNT_ - 1);
    }
    return stream;
}

/* Refused for its time stamp: it belongs to no minute. */
static inline bool is_untimed(const struct packet *packet)
{
    return !packet->counted &&
           (packet->reason == REASON_TIME || packet->reason == REASON_CLOCK);
}

static inline void batch_put(struct batch *batch, const struct packet *packet)
{
    if (!packet->counted) {
        batch->refused[batch->refused_n++] = (struct refusal){
            is_untimed(packet) ? 0 : packet->ts_ns, packet->reason, packet->late};
        return;
    }
    static const enum has has[PROTOCOL_COUNT_] = {HAS_TCP,   HAS_UDP,  HAS_ICMP,
                                                  HAS_ICMP6, HAS_SCTP, HAS_FRAGMENT};
    unsigned i = batch->n++;
    mask_set(batch->has[packet->is6 ? HAS_IPV6 : HAS_IP], i);
    if (!packet->cut)
        mask_set(batch->has[has[packet->protocol]], i);
    if (packet->cut)
        mask_set(batch->has[HAS_CUT], i);
    if (packet->late)
        mask_set(batch->has[HAS_LATE], i);
    bool ports = !packet->cut &&
                 (packet->ip_proto == 6 || packet->ip_proto == 17 || packet->ip_proto == 132);
    batch->ts_ns[i] = packet->ts_ns;
    batch->now_min[i] = packet->now_min;
    batch->src[i] = packet->src;
    batch->dst[i] = packet->dst;
    batch->src6[i] = packet->src6;
    batch->dst6[i] = packet->dst6;
    batch->protocol[i] = (uint8_t)packet->protocol;
    batch->class[i] = (uint8_t)packet->class;
    batch->ip_proto[i] = packet->ip_proto;
    batch->ip_len[i] = packet->ip_len;
    batch->tcp_flags[i] = packet->tcp_flags;
    batch->srcport[i] = ports ? packet->srcport : 0;
    batch->dstport[i] = ports ? packet->dstport : 0;
}

static inline void batch_clear(struct batch *batch)
{
    memset(batch->has, 0, sizeof batch->has);
    memset(batch->bad_checksum, 0, sizeof batch->bad_checksum);
    batch->n = batch->refused_n = 0;
}

/* A place made from the address alone. */
static inline struct place test_locate(void *context, const struct address *address)
{
    (void)context;
    uint64_t number = address->is6 ? address->v6.lo : address->v4 / 7;
    struct place place = {{(char)('A' + number % 3), 'Z', 0}, (uint32_t)(number % 5) * 100};
    if (number % 3 == 2)
        place.cc[0] = '\0';
    return place;
}

static inline void test_locate_all(void *context, const struct address *addresses, unsigned n,
                                   struct place *ret_places)
{
    for (unsigned i = 0; i < n; i++)
        ret_places[i] = test_locate(context, &addresses[i]);
}

static inline void test_as_name(void *context, const struct address *address, char *buf,
                                size_t cap)
{
    (void)context;
    char text[ADDRESS_TEXT_CAP];
    (void)snprintf(buf, cap, "AS of %s", address_format(address, text));
}

static const struct locator TEST_LOCATOR = {
    .locate = test_locate, .locate_all = test_locate_all, .as_name = test_as_name};

static inline unsigned packet_shard(const struct packet *packet)
{
    return packet->is6 ? shard_of6(packet->src6) : shard_of4(packet->src);
}

struct run {
    unsigned workers, rows; /* rows a batch */
    uint64_t table_key[2], sources_max;
    bool advance;  /* tell packet time after every batch */
    bool backward; /* merge from the last worker on */
    size_t top;
};

static inline void run_worker(const struct stream *stream, const struct run *run,
                              unsigned worker, struct analysis *analysis)
{
    struct batch *batch = calloc(1, sizeof *batch);
    unsigned frames = 0;
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        unsigned shard = packet->counted ? packet_shard(packet) : 0;
        if (shard % run->workers == worker) {
            batch_put(batch, packet);
            frames++;
        }
        if (frames == run->rows || i + 1 == stream->n) {
            analysis_add(analysis, batch, NULL);
            batch_clear(batch);
            frames = 0;
            if (run->advance)
                analysis_advance(analysis, (int64_t)packet->now_min * 60 * SECOND);
        }
    }
    free(batch);
}

/* The rows of closed windows, which are freed. */
static inline struct report_minute *minutes_of(struct window *closed, size_t *ret_n)
{
    size_t n = 0;
    for (const struct window *window = closed; window; window = window->next)
        n++;
    struct report_minute *minutes = calloc(n ? n : 1, sizeof *minutes);
    ck_assert_ptr_nonnull(minutes);
    for (size_t i = 0; i < n; i++) {
        struct window *next = closed->next;
        minutes[i].start_s = closed->start_s;
        memcpy(minutes[i].counts, closed->counts, sizeof minutes[i].counts);
        minutes[i].dports = window_dports(closed);
        window_free(closed);
        closed = next;
    }
    *ret_n = n;
    return minutes;
}

static inline struct report *run_report(const struct stream *stream, const struct run *run)
{
    struct analysis *workers[8] = {0};
    struct analysis_config config = {
        .sources_max = run->sources_max,
        .lateness_ns = stream->lateness_ns,
        .table_key = {run->table_key[0], run->table_key[1]},
        .locator = &TEST_LOCATOR,
    };
    for (unsigned i = 0; i < run->workers; i++) {
        workers[i] = analysis_new(&config);
        run_worker(stream, run, i, workers[i]);
    }
    unsigned kept = run->backward ? run->workers - 1 : 0;
    for (unsigned i = 0; i < run->workers; i++) {
        unsigned from = run->backward ? run->workers - 1 - i : i;
        if (from == kept)
            continue;
        ck_assert_int_eq(analysis_merge(workers[kept], workers[from]), 0);
        analysis_free(workers[from]);
    }
    analysis_finish(workers[kept]);
    size_t minutes_n;
    struct report_minute *minutes = minutes_of(analysis_take_closed(workers[kept]), &minutes_n);
    struct report_input input = {
        .minutes = minutes,
        .minutes_n = minutes_n,
        .frames = stream->n,
        .has_time = true,
        .first_ns = STREAM_START_S * SECOND,
        .last_ns = INT64_MAX,
        .top = run->top,
        .locator = &TEST_LOCATOR,
    };
    struct report *report = report_new(workers[kept], &input);
    ck_assert_ptr_nonnull(report);
    analysis_free(workers[kept]);
    free(minutes);
    return report;
}

#define SAME(field) ck_assert_uint_eq(a->field, b->field)

static inline void same_view(const struct report_view *a, const struct report_view *b)
{
    SAME(packets);
    SAME(sources);
    SAME(ports.n);
    SAME(ports.total);
    for (size_t i = 0; i < a->ports.n; i++) {
        SAME(ports.rows[i].protocol);
        SAME(ports.rows[i].port);
        SAME(ports.rows[i].packets);
        SAME(ports.rows[i].sources);
        SAME(ports.rows[i].sources_estimated);
    }
    SAME(countries.n);
    SAME(countries.total);
    for (size_t i = 0; i < a->countries.n; i++) {
        ck_assert_str_eq(a->countries.rows[i].cc, b->countries.rows[i].cc);
        SAME(countries.rows[i].packets);
        SAME(countries.rows[i].sources);
    }
    SAME(asns.n);
    SAME(asns.total);
    for (size_t i = 0; i < a->asns.n; i++) {
        ck_assert_str_eq(a->asns.rows[i].name, b->asns.rows[i].name);
        SAME(asns.rows[i].asn);
        SAME(asns.rows[i].packets);
        SAME(asns.rows[i].sources);
    }
    SAME(top_sources.n);
    SAME(top_sources.total);
    for (size_t i = 0; i < a->top_sources.n; i++) {
        const struct report_source *left = &a->top_sources.rows[i];
        const struct report_source *right = &b->top_sources.rows[i];
        ck_assert_int_eq(address_compare(&left->ip, &right->ip), 0);
        ck_assert_str_eq(left->cc, right->cc);
        SAME(top_sources.rows[i].packets);
        SAME(top_sources.rows[i].ports);
        SAME(top_sources.rows[i].destinations);
        SAME(top_sources.rows[i].ports_estimated);
        SAME(top_sources.rows[i].destinations_estimated);
        SAME(top_sources.rows[i].asn);
        SAME(top_sources.rows[i].first_s);
        SAME(top_sources.rows[i].last_s);
    }
}

/* Every field of two reports. */
static inline void same_report(const struct report *a, const struct report *b)
{
    SAME(has_time);
    SAME(first_ns);
    SAME(last_ns);
    SAME(frames);
    SAME(located);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        SAME(counts[i]);
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        SAME(not_counted[i]);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        SAME(bad_checksum[i]);
    for (unsigned i = 0; i < CLASS_COUNT_; i++)
        SAME(class_sources[i]);
    SAME(from_dark);
    SAME(ipv6);
    SAME(fragments);
    SAME(cut);
    SAME(decapsulated);
    SAME(sources);
    SAME(destinations);
    SAME(sources_estimated);
    SAME(class_sources_estimated);
    SAME(destinations_estimated);
    same_view(&a->scan, &b->scan);
    same_view(&a->backscatter, &b->backscatter);
    SAME(series.n);
    SAME(series.total);
    for (size_t i = 0; i < a->series.n; i++) {
        SAME(series.rows[i].start_s);
        SAME(series.rows[i].seconds);
        SAME(series.rows[i].dports);
        for (unsigned count = 0; count < COUNT_COUNT_; count++)
            SAME(series.rows[i].counts[count]);
    }
#define X(name) SAME(limits.name);
    LIMITS(X)
#undef X
}
