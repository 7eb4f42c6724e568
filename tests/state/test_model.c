/* Every number of a report against a model that keeps all packets and counts by loops. */
#include "stream.h"

#include <math.h>

static bool same_source(const struct packet *a, const struct packet *b)
{
    return a->is6 == b->is6 && a->src == b->src && a->src6.hi == b->src6.hi &&
           a->src6.lo == b->src6.lo;
}

static bool same_destination(const struct packet *a, const struct packet *b)
{
    return a->is6 == b->is6 && a->dst == b->dst && a->dst6.hi == b->dst6.hi &&
           a->dst6.lo == b->dst6.lo;
}

static bool has_ports(const struct packet *packet)
{
    return !packet->cut &&
           (packet->ip_proto == 6 || packet->ip_proto == 17 || packet->ip_proto == 132);
}

static bool same_port(const struct packet *a, const struct packet *b)
{
    return has_ports(b) && a->ip_proto == b->ip_proto && a->dstport == b->dstport;
}

static struct address address_of(const struct packet *packet)
{
    return (struct address){packet->is6, packet->src, packet->src6};
}

/* What a packet must satisfy to be in a set of the model. */
struct filter {
    int class, protocol;         /* -1: any */
    int srcport, dstport;        /* -1: any; else the packet has ports */
    const struct packet *source; /* NULL: any */
    int64_t minute;              /* -1: any; else not late, and of that minute */
    const char *cc;              /* NULL: any */
    int64_t asn;                 /* -1: any */
};
static const struct filter ANY = {-1, -1, -1, -1, NULL, -1, NULL, -1};

static bool passes(const struct packet *packet, const struct filter *filter)
{
    struct address address = address_of(packet);
    struct place place = test_locate(NULL, &address);
    const char *cc = place.cc[0] ? place.cc : "??";
    return packet->counted && (filter->class < 0 || (int)packet->class == filter->class) &&
           (filter->protocol < 0 || (int)packet->protocol == filter->protocol) &&
           (filter->srcport < 0 || (has_ports(packet) && packet->srcport == filter->srcport)) &&
           (filter->dstport < 0 || (has_ports(packet) && packet->dstport == filter->dstport)) &&
           (!filter->source || same_source(packet, filter->source)) &&
           (filter->minute < 0 ||
            (!packet->late && packet->ts_ns / (60 * SECOND) == filter->minute)) &&
           (!filter->cc || !strcmp(filter->cc, cc)) &&
           (filter->asn < 0 || filter->asn == place.asn);
}

static uint64_t packets(const struct stream *stream, struct filter filter)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < stream->n; i++)
        n += passes(&stream->packets[i], &filter);
    return n;
}

/* Packets that pass and have no equal one before them that passes. */
static uint64_t distinct(const struct stream *stream, struct filter filter,
                         bool (*same)(const struct packet *, const struct packet *),
                         bool (*counts)(const struct packet *))
{
    const struct packet **seen = calloc(stream->n, sizeof *seen);
    uint64_t n = 0;
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        if (!passes(packet, &filter) || (counts && !counts(packet)))
            continue;
        uint64_t at = 0;
        while (at < n && !same(seen[at], packet))
            at++;
        if (at == n)
            seen[n++] = packet;
    }
    free(seen);
    return n;
}

static uint64_t sources(const struct stream *stream, struct filter filter)
{
    return distinct(stream, filter, same_source, NULL);
}

/* Exact, or within five standard errors (2.3 %) and said to be estimated. */
static void check_distinct(uint64_t got, bool estimated, uint64_t expected)
{
    ck_assert_int_eq(estimated, expected > 127);
    if (estimated)
        ck_assert_double_le(fabs((double)got - (double)expected), 0.115 * (double)expected);
    else
        ck_assert_uint_eq(got, expected);
}

static void check_view(const struct stream *stream, const struct report_view *view,
                       enum class class)
{
    struct filter filter = ANY;
    filter.class = class;
    ck_assert_uint_eq(view->packets, packets(stream, filter));
    ck_assert_uint_eq(view->sources, sources(stream, filter));
    uint64_t in_rows = 0, tcp_udp = 0;
    for (size_t i = 0; i < view->ports.n; i++) {
        const struct report_port *row = &view->ports.rows[i];
        struct filter port = filter;
        port.protocol = row->protocol;
        *(class == CLASS_SCAN ? &port.dstport : &port.srcport) = row->port;
        ck_assert_uint_eq(row->packets, packets(stream, port));
        check_distinct(row->sources, row->sources_estimated, sources(stream, port));
        in_rows += row->packets;
        ck_assert(!i || view->ports.rows[i - 1].packets >= row->packets);
    }
    for (unsigned i = 0; i < stream->n; i++)
        tcp_udp += passes(&stream->packets[i], &filter) && !stream->packets[i].cut &&
                   stream->packets[i].protocol <= PROTOCOL_UDP;
    ck_assert_uint_eq(in_rows, tcp_udp);
    uint64_t by_country = 0, by_as = 0;
    for (size_t i = 0; i < view->countries.n; i++) {
        struct filter country = filter;
        country.cc = view->countries.rows[i].cc;
        ck_assert_uint_eq(view->countries.rows[i].packets, packets(stream, country));
        ck_assert_uint_eq(view->countries.rows[i].sources, sources(stream, country));
        by_country += view->countries.rows[i].packets;
    }
    for (size_t i = 0; i < view->asns.n; i++) {
        struct filter as = filter;
        as.asn = view->asns.rows[i].asn;
        ck_assert_uint_eq(view->asns.rows[i].packets, packets(stream, as));
        ck_assert_uint_eq(view->asns.rows[i].sources, sources(stream, as));
        by_as += view->asns.rows[i].packets;
    }
    ck_assert_uint_eq(by_country, view->packets);
    ck_assert_uint_eq(by_as, view->packets);
}

static const struct packet *find_packet(const struct stream *stream,
                                        const struct address *address)
{
    for (unsigned i = 0; i < stream->n; i++) {
        struct address source = address_of(&stream->packets[i]);
        if (stream->packets[i].counted && !address_compare(&source, address))
            return &stream->packets[i];
    }
    ck_abort_msg("a source that sent nothing");
}

static void check_top(const struct stream *stream, const struct report_view *view,
                      enum class class)
{
    ck_assert_uint_eq(view->top_sources.total, view->sources);
    ck_assert_uint_eq(view->top_sources.n, view->sources);
    for (size_t i = 0; i < view->top_sources.n; i++) {
        const struct report_source *row = &view->top_sources.rows[i];
        struct filter all = ANY, ranked = ANY;
        all.source = ranked.source = find_packet(stream, &row->ip);
        ranked.class = class == CLASS_SCAN ? -1 : (int)class;
        ck_assert_uint_eq(row->packets, packets(stream, ranked));
        check_distinct(row->ports, row->ports_estimated,
                       distinct(stream, all, same_port, has_ports));
        check_distinct(row->destinations, row->destinations_estimated,
                       distinct(stream, all, same_destination, NULL));
        uint32_t first = UINT32_MAX, last = 0;
        for (unsigned at = 0; at < stream->n; at++) {
            if (!passes(&stream->packets[at], &all))
                continue;
            uint32_t at_s = (uint32_t)(stream->packets[at].ts_ns / SECOND);
            first = at_s < first ? at_s : first;
            last = at_s > last ? at_s : last;
        }
        ck_assert_uint_eq(row->first_s, first);
        ck_assert_uint_eq(row->last_s, last);
        const struct report_source *before = i ? row - 1 : NULL;
        ck_assert(
            !before || before->packets > row->packets ||
            (before->packets == row->packets && address_compare(&before->ip, &row->ip) < 0));
    }
}

static bool scan_with_port(const struct packet *packet)
{
    return packet->class == CLASS_SCAN && !packet->cut && packet->protocol <= PROTOCOL_UDP;
}

static void check_minute(const struct stream *stream, const struct report_minute *row)
{
    int64_t minute = row->start_s / 60;
    struct filter filter = ANY;
    filter.minute = minute;
    ck_assert_uint_eq(row->counts[COUNT_packets], packets(stream, filter));
    ck_assert_uint_eq(row->counts[COUNT_sources], sources(stream, filter));
    ck_assert_uint_eq(row->dports, distinct(stream, filter, same_port, scan_with_port));
    static const enum count protocols[] = {COUNT_tcp,   COUNT_udp,  COUNT_icmp,
                                           COUNT_icmp6, COUNT_sctp, COUNT_other};
    for (int i = 0; i < PROTOCOL_COUNT_; i++) {
        struct filter protocol = filter;
        protocol.protocol = i;
        ck_assert_uint_eq(row->counts[protocols[i]], packets(stream, protocol));
    }
    static const enum count classes[] = {COUNT_scan, COUNT_backscatter, COUNT_class_other};
    for (int i = 0; i < CLASS_COUNT_; i++) {
        struct filter class = filter;
        class.class = i;
        ck_assert_uint_eq(row->counts[classes[i]], packets(stream, class));
    }
    uint64_t late = 0, refused = 0, bytes = 0;
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        late += packet->counted && packet->late && packet->now_min == minute;
        refused += !packet->counted && !packet->late && !is_untimed(packet) &&
                   packet->ts_ns / (60 * SECOND) == minute;
        bytes += passes(packet, &filter) ? packet->ip_len : 0;
    }
    ck_assert_uint_eq(row->counts[COUNT_late], late);
    ck_assert_uint_eq(row->counts[COUNT_not_counted], refused);
    ck_assert_uint_eq(row->counts[COUNT_bytes], bytes);
}

static void check_all(const struct stream *stream, const struct report *report)
{
    check_view(stream, &report->scan, CLASS_SCAN);
    check_view(stream, &report->backscatter, CLASS_BACKSCATTER);
    check_top(stream, &report->scan, CLASS_SCAN);
    check_top(stream, &report->backscatter, CLASS_BACKSCATTER);
    ck_assert_uint_eq(report->sources, sources(stream, ANY));
    ck_assert_uint_eq(report->destinations, distinct(stream, ANY, same_destination, NULL));
    ck_assert(!report->sources_estimated && !report->destinations_estimated);
    uint64_t sum[COUNT_COUNT_] = {0}, refused = 0;
    for (size_t i = 0; i < report->series.n; i++) {
        check_minute(stream, &report->series.rows[i]);
        for (unsigned count = 0; count < COUNT_COUNT_; count++)
            sum[count] += report->series.rows[i].counts[count];
    }
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        refused += report->not_counted[i];
    ck_assert_uint_eq(report->frames, report->counts[COUNT_packets] + refused);
    ck_assert_uint_eq(report->counts[COUNT_not_counted], refused);
    ck_assert_uint_eq(report->counts[COUNT_packets], packets(stream, ANY));
    ck_assert_uint_gt(report->counts[COUNT_late], 0);
    ck_assert_uint_eq(sum[COUNT_packets] + sum[COUNT_late], report->counts[COUNT_packets]);
    ck_assert_uint_eq(sum[COUNT_late], report->counts[COUNT_late]);
}

START_TEST(every_number_equals_the_model)
{
    static const struct {
        unsigned packets, sources;
        int64_t lateness_s;
    } cases[] = {{1500, 40, 60}, {2500, 600, 0}, {2000, 5, 120}};
    struct random random = random_seeded("model");
    for (unsigned i = 0; i < 3; i++) {
        struct stream stream =
            stream_random(&random, cases[i].packets, cases[i].sources, cases[i].lateness_s);
        struct run run = {.workers = 1 + i, .rows = 100, .sources_max = 1 << 20};
        struct report *report = run_report(&stream, &run);
        check_all(&stream, report);
        report_free(report);
        free(stream.packets);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("model");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, every_number_equals_the_model);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
