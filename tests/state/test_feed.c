/* The sample of the live map against a naive twin: all packets sorted, second by second. */
#include "state/evidence.h"
#include "state/feed.h"
#include "stream.h"

enum { PACKETS = 60000 };

/* About 200 packets a second, so that both limits are reached; one in eight comes up to 20 s
 * late. */
static struct stream busy_stream(struct random *random, unsigned n)
{
    struct stream stream = {calloc(n, sizeof(struct packet)), n, 60 * SECOND};
    int64_t time_ns = STREAM_START_S * SECOND, clock_ns = time_ns;
    for (unsigned i = 0; i < n; i++) {
        struct packet *packet = &stream.packets[i];
        clock_ns += (int64_t)random_below(random, SECOND / 100);
        int64_t back = random_below(random, 8) ? 0 : (int64_t)random_below(random, 20);
        stream_time(&stream, packet, clock_ns - back * SECOND, &time_ns);
        stream_content(random, packet, 500);
        packet->counted = true;
        if (i > 0 && random_below(random, 50) == 0)
            *packet = stream.packets[i - 1]; /* twice the same, time and all */
    }
    return stream;
}

struct chosen {
    int64_t ts_ns;
    uint64_t rank;
};

static int newest_second_first(const void *left, const void *right)
{
    const struct chosen *a = left, *b = right;
    int64_t second_a = a->ts_ns / SECOND, second_b = b->ts_ns / SECOND;
    if (second_a != second_b)
        return second_a > second_b ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static int by_time(const void *left, const void *right)
{
    const struct chosen *a = left, *b = right;
    if (a->ts_ns != b->ts_ns)
        return a->ts_ns < b->ts_ns ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static size_t naive(const struct stream *stream, struct chosen *ret_chosen)
{
    struct chosen *all = calloc(stream->n, sizeof *all);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; i < stream->n; i++) {
        batch_clear(batch);
        batch_put(batch, &stream->packets[i]);
        all[i] = (struct chosen){stream->packets[i].ts_ns, feed_rank(batch, 0)};
    }
    qsort(all, stream->n, sizeof *all, newest_second_first);
    size_t n = 0, in_second = 0;
    for (unsigned i = 0; i < stream->n && n < FEED_MAX; i++) {
        bool same = i > 0 && all[i].ts_ns / SECOND == all[i - 1].ts_ns / SECOND;
        in_second = same ? in_second + 1 : 1;
        if (in_second <= FEED_A_SECOND)
            ret_chosen[n++] = all[i];
    }
    qsort(ret_chosen, n, sizeof *ret_chosen, by_time);
    free(batch);
    free(all);
    return n;
}

static void check_against(const struct stream *stream, const struct run *run,
                          const struct chosen *expected, size_t expected_n)
{
    struct analysis *workers[8] = {0};
    struct analysis_config config = {
        .sources_max = 1 << 16, .lateness_ns = stream->lateness_ns, .feed = true};
    for (unsigned i = 0; i < run->workers; i++) {
        workers[i] = analysis_new(&config);
        run_worker(stream, run, i, workers[i]);
    }
    unsigned kept = run->backward ? run->workers - 1 : 0;
    for (unsigned i = 0; i < run->workers; i++) {
        if (i == kept)
            continue;
        ck_assert_int_eq(analysis_merge(workers[kept], workers[i]), 0);
        analysis_free(workers[i]);
    }
    size_t n;
    const struct feed_packet *packets = analysis_feed(workers[kept], &n);
    ck_assert_uint_eq(n, expected_n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(packets[i].ts_ns, expected[i].ts_ns);
        ck_assert_uint_eq(packets[i].rank, expected[i].rank);
    }
    analysis_free(workers[kept]);
}

START_TEST(it_is_a_function_of_the_packets)
{
    struct random random = random_seeded("feed");
    struct stream stream = busy_stream(&random, PACKETS);
    struct chosen *expected = calloc(FEED_MAX, sizeof *expected);
    size_t n = naive(&stream, expected);
    ck_assert_uint_eq(n, FEED_MAX);
    static const unsigned workers[] = {1, 2, 3, 7};
    for (unsigned i = 0; i < 4; i++) {
        struct run run = {.workers = workers[i], .rows = i ? 256 : 17, .backward = i % 2};
        check_against(&stream, &run, expected, n);
    }
    free(expected);
    free(stream.packets);
}
END_TEST

START_TEST(order_of_arrival_changes_nothing)
{
    struct random random = random_seeded("feed order");
    struct stream stream = busy_stream(&random, PACKETS);
    struct chosen *expected = calloc(FEED_MAX, sizeof *expected);
    size_t n = naive(&stream, expected);
    for (unsigned i = stream.n - 1; i > 0; i--) {
        unsigned other = (unsigned)random_below(&random, i + 1);
        struct packet packet = stream.packets[i];
        stream.packets[i] = stream.packets[other];
        stream.packets[other] = packet;
    }
    struct run run = {.workers = 2, .rows = 256};
    check_against(&stream, &run, expected, n);
    free(expected);
    free(stream.packets);
}
END_TEST

START_TEST(few_packets_are_all_there)
{
    struct random random = random_seeded("feed few");
    struct stream stream = stream_random(&random, 500, 20, 60);
    struct analysis_config config = {
        .sources_max = 1 << 16, .lateness_ns = stream.lateness_ns, .feed = true};
    struct analysis *analysis = analysis_new(&config);
    struct run run = {.workers = 1, .rows = 256};
    run_worker(&stream, &run, 0, analysis);
    unsigned counted = 0, udp = 0, six = 0;
    for (unsigned i = 0; i < stream.n; i++) {
        counted += stream.packets[i].counted;
        udp += stream.packets[i].counted && stream.packets[i].protocol == PROTOCOL_UDP &&
               !stream.packets[i].cut;
        six += stream.packets[i].counted && stream.packets[i].is6;
    }
    size_t n;
    const struct feed_packet *packets = analysis_feed(analysis, &n);
    ck_assert_uint_eq(n, counted);
    for (size_t i = 0; i < n; i++) {
        ck_assert(i == 0 || packets[i - 1].ts_ns <= packets[i].ts_ns);
        udp -= packets[i].protocol == PROTOCOL_UDP && packets[i].has_port;
        six -= packets[i].source.is6;
        ck_assert_ptr_null(packets[i].label);
    }
    ck_assert_uint_eq(udp, 0);
    ck_assert_uint_eq(six, 0);
    analysis_free(analysis);
    free(stream.packets);
}
END_TEST

static const char SIGNATURES[] =
    "signature zeta\n    title Z\n    origin iot\n    match tcp.syn\n    chance 1e-6\n"
    "    reference none\n\n"
    "signature alpha\n    title A\n    label greek\n    origin tool\n"
    "    match tcp.syn and tcp.dstport == 23\n    chance 1e-6\n    reference none\n\n"
    "signature gamma\n    title G\n    origin tool\n    match tcp.dstport == 24\n"
    "    constant tcp.seq\n    chance 2^-16\n    reference none\n";

/* The lowest name, not the first in the file, and relations only where they hold. */
START_TEST(a_packet_has_the_label_of_the_first_name_it_matches)
{
    struct signature_set *set = signature_set_new();
    struct signature_errors *errors = calloc(1, sizeof *errors);
    int parsed = signature_set_parse(set, "test", SIGNATURES, sizeof SIGNATURES - 1, errors);
    ck_assert_msg(parsed == 0, "%u: %s", errors->items[0].line, errors->items[0].text);
    free(errors);
    struct evidence_plan *plan =
        evidence_plan_new(&(struct evidence_config){.signatures = set, .alpha = 1e-9});
    struct analysis *analysis = analysis_new(&(struct analysis_config){
        .sources_max = 64, .feed = true, .evidence = plan, .evidence_s = 3600});
    static const struct {
        uint16_t dport;
        uint8_t flags;
        uint32_t seq;
        const char *label;
        bool iot;
    } PACKETS_[] = {
        {23, 2, 1, "greek", true}, {22, 2, 2, "zeta", true},
        {23, 16, 3, NULL, false},  {24, 16, 9, NULL, false}, /* nothing earlier to agree with */
        {24, 16, 9, NULL, false}, /* a retransmission is no second probe */
        {22, 16, 9, NULL, false},
    };
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; i < 6; i++) {
        struct packet packet = {.ts_ns = i * SECOND,
                                .counted = true,
                                .src = 1,
                                .dst = 7,
                                .ip_proto = 6,
                                .tcp_flags = PACKETS_[i].flags,
                                .dstport = PACKETS_[i].dport};
        batch_put(batch, &packet);
        batch->tcp_seq[i] = PACKETS_[i].seq;
    }
    /* The same value to another destination: now the relation holds. */
    struct packet packet = {.ts_ns = 6 * SECOND,
                            .counted = true,
                            .src = 1,
                            .dst = 8,
                            .ip_proto = 6,
                            .tcp_flags = 16,
                            .dstport = 24};
    batch_put(batch, &packet);
    batch->tcp_seq[6] = 9;
    struct matcher *matcher = matcher_new(set);
    struct matches *matches = matches_new(set);
    matcher_run(matcher, batch, matches);
    analysis_add(analysis, batch, matches);
    size_t n;
    const struct feed_packet *packets = analysis_feed(analysis, &n);
    ck_assert_uint_eq(n, 7);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_pstr_eq(packets[i].label, PACKETS_[i].label);
        ck_assert(packets[i].iot == PACKETS_[i].iot);
    }
    ck_assert_pstr_eq(packets[6].label, "gamma");
    ck_assert(!packets[6].iot);
    matcher_free(matcher);
    matches_free(matches);
    free(batch);
    analysis_free(analysis);
    evidence_plan_free(plan);
    signature_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("feed");
    TCase *tests = tcase_create("feed");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, it_is_a_function_of_the_packets);
    tcase_add_test(tests, order_of_arrival_changes_nothing);
    tcase_add_test(tests, few_packets_are_all_there);
    tcase_add_test(tests, a_packet_has_the_label_of_the_first_name_it_matches);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
