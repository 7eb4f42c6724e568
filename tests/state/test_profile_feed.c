/* From packets to profiles: against a naive count, whatever the workers and batches, with late
 * packets, refused sources, labels and IoT matches. */
#include "rules.h"

#include <nightscope/profile.h>

enum { LATENESS_S = 45, LABELS = 3, STEPS_MAX = 64 };

static const char TEXT[] = "signature low-ports\n"
                           "    title Low ports\n"
                           "    label low\n"
                           "    origin iot\n"
                           "    match tcp.dstport < 9000\n"
                           "    chance 2^-2\n"
                           "    reference none\n"
                           "signature low-ports-of-udp\n"
                           "    title Low ports of UDP\n"
                           "    label low\n"
                           "    origin tool\n"
                           "    match udp.dstport < 9000\n"
                           "    chance 2^-2\n"
                           "    reference none\n"
                           "signature lower-ports\n"
                           "    title Lower ports\n"
                           "    origin tool\n"
                           "    match tcp.dstport < 3000\n"
                           "    chance 2^-2\n"
                           "    reference none\n"
                           "signature udp\n"
                           "    title High ports of UDP\n"
                           "    origin iot\n"
                           "    match udp.dstport > 50000\n"
                           "    chance 2^-2\n"
                           "    reference none\n";

static void setup(void)
{
    rules_of(TEXT, 1e-9);
    ck_assert_uint_eq(evidence_label_count(plan), LABELS);
}

struct feed {
    unsigned workers, rows;
    uint64_t sources_max, key;
    bool advance, backward;
    unsigned pause; /* take profiles after so many batches; 0: at the end */
};

static struct analysis *analyse(const struct stream *stream, const struct feed *feed,
                                unsigned worker, struct profile **ret_profiles)
{
    struct analysis *analysis = analysis_new(&(struct analysis_config){
        .sources_max = feed->sources_max,
        .lateness_ns = stream->lateness_ns,
        .table_key = {feed->key, 9},
        .locator = &TEST_LOCATOR,
        .evidence = plan,
        .evidence_s = 86400,
        .profiles = true,
    });
    struct matcher *matcher = matcher_new(signatures);
    struct matches *matches = matches_new(signatures);
    struct batch *batch = calloc(1, sizeof *batch);
    unsigned frames = 0, batches = 0;
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        unsigned shard = packet->counted ? packet_shard(packet) : 0;
        if (shard % feed->workers == worker) {
            batch_put(batch, packet);
            frames++;
        }
        if (frames < feed->rows && i + 1 < stream->n)
            continue;
        matcher_run(matcher, batch, matches);
        analysis_add(analysis, batch, matches);
        batch_clear(batch);
        frames = 0;
        if (feed->advance)
            analysis_advance(analysis, (int64_t)packet->now_min * 60 * SECOND);
        if (!feed->pause || ++batches % feed->pause)
            continue;
        struct profile **end = ret_profiles;
        while (*end)
            end = &(*end)->next;
        *end = analysis_take_profiles(analysis);
    }
    free(batch);
    matches_free(matches);
    matcher_free(matcher);
    return analysis;
}

static void free_windows(struct analysis *analysis)
{
    for (struct window *next, *window = analysis_take_closed(analysis); window; window = next) {
        next = window->next;
        window_free(window);
    }
}

/* The profile of each step by its number; those of all workers merged. */
static void place_profiles(struct profile *list, struct profile *ret_steps[static STEPS_MAX])
{
    int64_t before = 0;
    for (struct profile *next; list; list = next) {
        next = list->next;
        ck_assert_int_gt(list->start_s, before);
        before = list->start_s;
        ck_assert_uint_eq(list->span_s, PROFILE_STEP_S);
        int64_t step = (list->start_s - STREAM_START_S) / PROFILE_STEP_S + 1; /* 200 s back */
        ck_assert_int_lt(step, STEPS_MAX);
        ck_assert_int_eq(list->start_s % PROFILE_STEP_S, 0);
        if (!ret_steps[step]) {
            ret_steps[step] = list;
            continue;
        }
        ck_assert_int_eq(profile_merge(ret_steps[step], list), 0);
        profile_free(list);
    }
}

static void run_feed(const struct stream *stream, const struct feed *feed,
                     struct profile *ret_steps[static STEPS_MAX])
{
    struct analysis *workers[8];
    struct profile *early[8] = {0};
    memset(ret_steps, 0, STEPS_MAX * sizeof *ret_steps);
    for (unsigned i = 0; i < feed->workers; i++)
        workers[i] = analyse(stream, feed, i, &early[i]);
    unsigned kept = feed->backward ? feed->workers - 1 : 0;
    for (unsigned i = 0; i < feed->workers; i++) {
        if (i == kept)
            continue;
        if (i % 2)
            analysis_finish(workers[i]);
        ck_assert_int_eq(analysis_merge(workers[kept], workers[i]), 0);
        free_windows(workers[i]);
        ck_assert_ptr_null(analysis_take_profiles(workers[i]));
        analysis_free(workers[i]);
    }
    analysis_finish(workers[kept]);
    free_windows(workers[kept]);
    place_profiles(analysis_take_profiles(workers[kept]), ret_steps);
    ck_assert_ptr_null(analysis_take_profiles(workers[kept]));
    analysis_free(workers[kept]);
    for (unsigned i = 0; i < feed->workers; i++)
        place_profiles(early[i], ret_steps);
}

static void free_steps(struct profile *steps[static STEPS_MAX])
{
    for (unsigned i = 0; i < STEPS_MAX; i++)
        profile_free(steps[i]);
}

/* What the signatures say, by hand: bit l: label l; 8: IoT. */
static unsigned outcome(const struct packet *packet)
{
    bool tcp = packet->protocol == PROTOCOL_TCP && !packet->cut;
    bool udp = packet->protocol == PROTOCOL_UDP && !packet->cut;
    unsigned low = evidence_label_of(plan, 0), lower = evidence_label_of(plan, 2);
    unsigned high = evidence_label_of(plan, 3), bits = 0;
    if (tcp && packet->dstport < 9000)
        bits |= 1U << low | 8;
    if (udp && packet->dstport < 9000)
        bits |= 1U << low;
    if (tcp && packet->dstport < 3000)
        bits |= 1U << lower;
    if (udp && packet->dstport > 50000)
        bits |= 1U << high | 8;
    return bits;
}

static uint64_t packets_of(const struct profile *profile, enum profile_view view,
                           enum profile_dimension dimension, uint64_t key)
{
    size_t n = profile_count(profile, view, dimension);
    struct profile_row *rows = calloc(n + 1, sizeof *rows);
    uint64_t others, packets = 0;
    n = profile_top(profile, view, dimension, PROFILE_BY_PACKETS, rows, n, &others);
    ck_assert_uint_eq(others, 0);
    for (size_t i = 0; i < n; i++)
        packets += rows[i].key == key ? rows[i].packets : 0;
    free(rows);
    return packets;
}

static uint64_t all_packets(const struct profile *profile, enum profile_view view,
                            enum profile_dimension dimension)
{
    uint64_t others;
    (void)profile_top(profile, view, dimension, PROFILE_BY_PACKETS, NULL, 0, &others);
    return others;
}

struct expected {
    uint64_t packets[PROFILE_SKETCH_COUNT_], labels[PROFILE_VIEW_COUNT_][LABELS];
    uint64_t tcp[PROFILE_VIEW_COUNT_], udp[PROFILE_VIEW_COUNT_], port[PROFILE_VIEW_COUNT_];
    uint64_t as_100[PROFILE_VIEW_COUNT_], unknown[PROFILE_VIEW_COUNT_], unknown_port;
};

static void expect(const struct packet *packet, struct expected *expected)
{
    unsigned bits = outcome(packet);
    bool in[] = {packet->class == CLASS_SCAN, bits & 8};
    struct address address = {.is6 = packet->is6, .v4 = packet->src, .v6 = packet->src6};
    struct place place = test_locate(NULL, &address);
    bool tcp = packet->protocol == PROTOCOL_TCP && !packet->cut;
    expected->packets[PROFILE_SOURCES]++;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned label = 0; label < LABELS; label++)
            expected->labels[view][label] += bits >> label & (view == PROFILE_ALL || bits & 8);
        if (!in[view])
            continue;
        expected->packets[view == PROFILE_ALL ? PROFILE_SCAN_SOURCES : PROFILE_IOT_SOURCES]++;
        expected->tcp[view] += tcp;
        expected->udp[view] += packet->protocol == PROTOCOL_UDP && !packet->cut;
        expected->port[view] += tcp && packet->dstport == 2110;
        expected->as_100[view] += place.asn == 100;
        expected->unknown[view] += !place.cc[0];
        expected->unknown_port +=
            view == PROFILE_ALL && tcp && packet->dstport == 2110 && !place.cc[0];
    }
}

static void check_step(const struct profile *profile, const struct expected *expected)
{
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++)
        ck_assert_uint_eq(profile_packets(profile, sketch), expected->packets[sketch]);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        uint64_t packets =
            expected->packets[view == PROFILE_ALL ? PROFILE_SCAN_SOURCES : PROFILE_IOT_SOURCES];
        for (unsigned label = 0; label < LABELS; label++)
            ck_assert_uint_eq(packets_of(profile, view, PROFILE_LABEL, label),
                              expected->labels[view][label]);
        ck_assert_uint_eq(all_packets(profile, view, PROFILE_TCP), expected->tcp[view]);
        ck_assert_uint_eq(all_packets(profile, view, PROFILE_UDP), expected->udp[view]);
        ck_assert_uint_eq(all_packets(profile, view, PROFILE_CC), packets);
        ck_assert_uint_eq(all_packets(profile, view, PROFILE_ASN), packets);
        ck_assert_uint_eq(all_packets(profile, view, PROFILE_SRC), packets);
        ck_assert_uint_eq(packets_of(profile, view, PROFILE_TCP, 2110), expected->port[view]);
        ck_assert_uint_eq(packets_of(profile, view, PROFILE_ASN, 100), expected->as_100[view]);
        ck_assert_uint_eq(packets_of(profile, view, PROFILE_CC, 0), expected->unknown[view]);
    }
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_CC_TCP),
                      expected->tcp[PROFILE_ALL]);
    ck_assert_uint_eq(packets_of(profile, PROFILE_ALL, PROFILE_CC_TCP, 2110),
                      expected->unknown_port);
    ck_assert_uint_eq(profile->refused, 0);
}

static void check_steps(const struct stream *stream,
                        struct profile *const steps[static STEPS_MAX])
{
    static struct expected expected[STEPS_MAX];
    memset(expected, 0, sizeof expected);
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        int64_t since_s = packet->ts_ns / SECOND - (STREAM_START_S - PROFILE_STEP_S);
        if (packet->counted && !packet->late)
            expect(packet, &expected[since_s / PROFILE_STEP_S]);
    }
    unsigned seen = 0;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        ck_assert_int_eq(steps[i] != NULL, expected[i].packets[PROFILE_SOURCES] > 0);
        if (!steps[i])
            continue;
        check_step(steps[i], &expected[i]);
        seen++;
    }
    ck_assert_uint_gt(seen, 3);
}

static void same_steps(struct profile *const a[static STEPS_MAX],
                       struct profile *const b[static STEPS_MAX])
{
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        size_t left_n = 0, right_n = 0;
        uint8_t *left = a[i] ? profile_save(a[i], &left_n) : NULL;
        uint8_t *right = b[i] ? profile_save(b[i], &right_n) : NULL;
        ck_assert_uint_eq(left_n, right_n);
        if (left)
            ck_assert_mem_eq(left, right, left_n);
        free(left);
        free(right);
    }
}

static const struct feed FEEDS[] = {
    {.workers = 1, .rows = 256, .sources_max = 1 << 16, .key = 1},
    {.workers = 1, .rows = 1, .sources_max = 1 << 16, .key = 2, .advance = true},
    {.workers = 2, .rows = 17, .sources_max = 1 << 16, .key = 3, .pause = 5},
    {.workers = 3, .rows = 256, .sources_max = 1 << 16, .key = 4, .backward = true},
    {.workers = 7, .rows = 255, .sources_max = 1 << 16, .key = 5, .advance = true, .pause = 1},
    /* nearly every source is evicted from the tables, again and again */
    {.workers = 2, .rows = 256, .sources_max = 64 * 2, .key = 6, .backward = true},
};
enum { FEEDS_N = sizeof FEEDS / sizeof *FEEDS };

START_TEST(profiles_are_a_function_of_the_packets)
{
    struct random random = random_seeded("feed");
    struct stream stream = stream_random(&random, 8000, 400, LATENESS_S);
    struct profile *first[STEPS_MAX], *steps[STEPS_MAX];
    run_feed(&stream, &FEEDS[0], first);
    check_steps(&stream, first);
    for (unsigned i = 1; i < FEEDS_N; i++) {
        run_feed(&stream, &FEEDS[i], steps);
        check_steps(&stream, steps);
        same_steps(first, steps);
        free_steps(steps);
    }
    free_steps(first);
    free(stream.packets);
}
END_TEST

/* A step closes with its last minute, not before, and its late packets are in no profile. */
START_TEST(a_step_closes_with_its_last_minute)
{
    struct analysis *analysis = analysis_new(&(struct analysis_config){
        .sources_max = 1 << 10, .lateness_ns = 60 * SECOND, .profiles = true});
    static struct batch batch;
    struct packet packet = {.counted = true,
                            .src = 1,
                            .protocol = PROTOCOL_TCP,
                            .ip_proto = 6,
                            .dstport = 23,
                            .class = CLASS_SCAN,
                            .ts_ns = (STREAM_START_S + 10) * SECOND,
                            .now_min = STREAM_START_S / 60};
    batch_put(&batch, &packet);
    analysis_add(analysis, &batch, NULL);
    analysis_advance(analysis, (STREAM_START_S + 359) * SECOND);
    ck_assert_ptr_null(analysis_take_profiles(analysis));
    batch_clear(&batch);
    packet.late = true; /* its minute is closed, its step is not */
    packet.now_min = STREAM_START_S / 60 + 5;
    batch_put(&batch, &packet);
    analysis_add(analysis, &batch, NULL);
    ck_assert_ptr_null(analysis_take_profiles(analysis));
    analysis_advance(analysis, (STREAM_START_S + 360) * SECOND);
    struct profile *profile = analysis_take_profiles(analysis);
    ck_assert_ptr_nonnull(profile);
    ck_assert_ptr_null(profile->next);
    ck_assert_int_eq(profile->start_s, STREAM_START_S);
    ck_assert_uint_eq(profile_packets(profile, PROFILE_SOURCES), 1);
    ck_assert_uint_eq(packets_of(profile, PROFILE_ALL, PROFILE_TCP, 23), 1);
    profile_free(profile);
    analysis_finish(analysis);
    ck_assert_ptr_null(analysis_take_profiles(analysis));
    free_windows(analysis);
    analysis_free(analysis);
}
END_TEST

START_TEST(without_the_flag_there_are_none)
{
    struct analysis *analysis = analysis_new(&(struct analysis_config){.sources_max = 64});
    analysis_finish(analysis);
    ck_assert_ptr_null(analysis_take_profiles(analysis));
    analysis_free(analysis);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile feed");
    TCase *tests = tcase_create("profile feed");
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, setup, rules_teardown);
    tcase_add_test(tests, profiles_are_a_function_of_the_packets);
    tcase_add_test(tests, a_step_closes_with_its_last_minute);
    tcase_add_test(tests, without_the_flag_there_are_none);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
