/* Counting A, saving, loading elsewhere and counting B is counting A and B: whatever the cut,
 * the workers before and after, the limits that evict, and the secret keys. Reports, minutes,
 * profiles, events, evidence and the sample are compared. */
#include "rules.h"
#include "tools.h"

#include "base/bytes.h"
#include "state/feed.h"

#include <nightscope/checkpoint.h>
#include <nightscope/event.h>
#include <nightscope/profile.h>

enum { PACKETS = 3000, WORKERS_MAX = 3 };

/* What has been taken, and what goes on. */
struct sensor {
    struct analysis_config config;
    unsigned workers_n;
    struct analysis *workers[WORKERS_MAX];
    struct window *windows; /* all, in any order */
    struct profile *profiles;
    struct event *events;
    size_t events_n, events_cap;
    struct checkpoint_gone gone; /* over all restarts */
};

static unsigned owner_of(void *context, const struct address *source)
{
    const struct sensor *sensor = context;
    return (source->is6 ? shard_of6(source->v6) : shard_of4(source->v4)) % sensor->workers_n;
}

static void start(struct sensor *sensor, unsigned workers, struct random *random)
{
    sensor->workers_n = workers;
    sensor->config.table_key[0] = random_next(random);
    sensor->config.table_key[1] = random_next(random);
    for (unsigned i = 0; i < workers; i++) {
        sensor->workers[i] = analysis_new(&sensor->config);
        ck_assert_ptr_nonnull(sensor->workers[i]);
    }
}

static void count(struct sensor *sensor, const struct stream *stream, unsigned begin,
                  unsigned end, unsigned rows)
{
    struct matcher *matcher = matcher_new(signatures);
    struct matches *matches = matches_new(signatures);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned worker = 0; worker < sensor->workers_n; worker++) {
        for (unsigned i = begin; i < end; i++) {
            const struct packet *packet = &stream->packets[i];
            unsigned shard = packet->counted ? packet_shard(packet) : 0;
            if (shard % sensor->workers_n == worker)
                batch_put(batch, packet);
            if (batch->n + batch->refused_n < rows && i + 1 < end)
                continue;
            matcher_run(matcher, batch, matches);
            analysis_add(sensor->workers[worker], batch,
                         sensor->config.evidence ? matches : NULL);
            batch_clear(batch);
        }
        if (end > begin) /* as all workers are told, whatever packets they have */
            analysis_advance(sensor->workers[worker],
                             (int64_t)stream->packets[end - 1].now_min * 60 * SECOND);
    }
    free(batch);
    matches_free(matches);
    matcher_free(matcher);
}

static void take_events(struct sensor *sensor, struct event_block *blocks)
{
    for (const struct event_block *block = blocks; block; block = block->next) {
        for (unsigned i = 0; i < block->n; i++) {
            if (sensor->events_n == sensor->events_cap) {
                sensor->events_cap = 2 * sensor->events_cap + 256;
                sensor->events =
                    realloc(sensor->events, sensor->events_cap * sizeof *sensor->events);
                ck_assert_ptr_nonnull(sensor->events);
            }
            sensor->events[sensor->events_n++] = block->events[i];
        }
    }
    event_blocks_free(blocks);
}

static void take(struct sensor *sensor, struct analysis *analysis)
{
    struct window *closed = analysis_take_closed(analysis);
    while (closed) {
        struct window *next = closed->next, **at = &sensor->windows;
        while (*at && (*at)->start_s < closed->start_s)
            at = &(*at)->next;
        if (*at && (*at)->start_s == closed->start_s) {
            window_merge(*at, closed);
            window_free(closed);
        } else {
            closed->next = *at;
            *at = closed;
        }
        closed = next;
    }
    struct profile *profile = analysis_take_profiles(analysis);
    while (profile) {
        struct profile *next = profile->next, **at = &sensor->profiles;
        while (*at && (*at)->start_s < profile->start_s)
            at = &(*at)->next;
        if (*at && (*at)->start_s == profile->start_s) {
            ck_assert_int_eq(profile_merge(*at, profile), 0);
            profile_free(profile);
        } else {
            profile->next = *at;
            *at = profile;
        }
        profile = next;
    }
    take_events(sensor, analysis_take_events(analysis));
}

static struct bytes_out save(const struct analysis *analysis)
{
    struct bytes_out out = {0};
    ck_assert_int_eq(analysis_save(analysis, &out), 0);
    return out;
}

static void load(struct sensor *sensor, const struct bytes_out *part)
{
    struct bytes_in in = {part->bytes, part->bytes + part->n, false};
    struct err err;
    ck_assert_msg(analysis_load(sensor->workers, sensor->workers_n, owner_of, sensor, &in,
                                &sensor->gone, &err) == 0,
                  "%s", err.text);
    ck_assert_uint_eq(bytes_left(&in), 0);
}

/* The sensor stops, and starts again with so many workers. */
static void restart(struct sensor *sensor, unsigned workers, bool taken, struct random *random)
{
    struct bytes_out parts[WORKERS_MAX];
    unsigned n = sensor->workers_n;
    for (unsigned i = 0; i < n; i++) {
        if (taken)
            take(sensor, sensor->workers[i]);
        parts[i] = save(sensor->workers[i]);
        analysis_free(sensor->workers[i]);
    }
    start(sensor, workers, random);
    for (unsigned i = 0; i < n; i++) {
        load(sensor, &parts[i]);
        free(parts[i].bytes);
    }
}

static int by_event(const void *a, const void *b)
{
    return event_compare(a, b);
}

/* Merges the workers; the report of it all. */
static struct report *finish(struct sensor *sensor)
{
    for (unsigned i = 1; i < sensor->workers_n; i++) {
        ck_assert_int_eq(analysis_merge(sensor->workers[0], sensor->workers[i]), 0);
        analysis_free(sensor->workers[i]);
    }
    analysis_finish(sensor->workers[0]);
    take(sensor, sensor->workers[0]);
    qsort(sensor->events, sensor->events_n, sizeof *sensor->events, by_event);
    size_t minutes_n;
    struct report_minute *minutes = minutes_of(sensor->windows, &minutes_n);
    struct report_input input = {
        .minutes = minutes, .minutes_n = minutes_n, .top = 0, .locator = &TEST_LOCATOR};
    struct report *report = report_new(sensor->workers[0], &input);
    ck_assert_ptr_nonnull(report);
    free(minutes);
    return report;
}

static void sensor_fini(struct sensor *sensor)
{
    while (sensor->profiles) {
        struct profile *next = sensor->profiles->next;
        profile_free(sensor->profiles);
        sensor->profiles = next;
    }
    free(sensor->events);
    analysis_free(sensor->workers[0]);
}

static void same_reports(const struct report *a, const struct report *b)
{
    same_report(a, b);
    same_view(&a->iot, &b->iot);
    SAME(iot_packets);
    SAME(iot_sources);
    SAME(unlabelled_packets);
    SAME(unlabelled_sources);
    SAME(signatures.n);
    SAME(labels.n);
    same_tools(a->signatures.rows, b->signatures.rows, a->signatures.n);
    same_tools(a->labels.rows, b->labels.rows, a->labels.n);
    SAME(iot_ports.n);
    for (size_t i = 0; i < a->iot_ports.n; i++) {
        SAME(iot_ports.rows[i].packets);
        SAME(iot_ports.rows[i].sources);
        SAME(iot_ports.rows[i].matched);
    }
}

static void same_profiles(const struct profile *a, const struct profile *b)
{
    for (; a && b; a = a->next, b = b->next) {
        size_t left_n, right_n;
        uint8_t *left = profile_save(a, &left_n), *right = profile_save(b, &right_n);
        ck_assert_uint_eq(left_n, right_n);
        ck_assert_mem_eq(left, right, left_n);
        free(left);
        free(right);
    }
    ck_assert_ptr_eq(a, b); /* both at their end */
}

static void same_events(const struct sensor *a, const struct sensor *b)
{
    SAME(events_n);
    for (size_t i = 0; i < a->events_n; i++) {
        const struct event *left = &a->events[i], *right = &b->events[i];
        ck_assert_int_eq(event_compare(left, right), 0);
        ck_assert_uint_eq(left->packets, right->packets);
        ck_assert_uint_eq(left->bytes, right->bytes);
        ck_assert_uint_eq(left->destinations, right->destinations);
        ck_assert_uint_eq(left->networks, right->networks);
        ck_assert_uint_eq(left->end, right->end);
        ck_assert_uint_eq(left->labels_n, right->labels_n);
        for (unsigned k = 0; k < left->labels_n; k++) {
            ck_assert_uint_eq(left->labels[k].label, right->labels[k].label);
            ck_assert_uint_eq(left->labels[k].packets, right->labels[k].packets);
            ck_assert_uint_eq(left->labels[k].labelled, right->labels[k].labelled);
        }
        ck_assert_uint_eq(left->samples_n, right->samples_n);
        for (unsigned k = 0; k < left->samples_n; k++) {
            ck_assert_int_eq(left->samples[k].ts_ns, right->samples[k].ts_ns);
            ck_assert_uint_eq(left->samples[k].srcport, right->samples[k].srcport);
            ck_assert_uint_eq(left->samples[k].length, right->samples[k].length);
        }
    }
}

static void same_feed(struct analysis *a, struct analysis *b)
{
    size_t left_n, right_n;
    const struct feed_packet *left = analysis_feed(a, &left_n);
    const struct feed_packet *right = analysis_feed(b, &right_n);
    ck_assert_uint_eq(left_n, right_n);
    for (size_t i = 0; i < left_n; i++) {
        ck_assert_int_eq(left[i].ts_ns, right[i].ts_ns);
        ck_assert_uint_eq(left[i].rank, right[i].rank);
        ck_assert_uint_eq(left[i].iot, right[i].iot);
        ck_assert_uint_eq(left[i].dport, right[i].dport);
        ck_assert(!left[i].label == !right[i].label);
        if (left[i].label)
            ck_assert_str_eq(left[i].label, right[i].label);
    }
}

static void same_evidence(const struct analysis *a, const struct analysis *b,
                          const struct packet *packet)
{
    struct address address = {.is6 = packet->is6, .v4 = packet->src};
    if (packet->is6)
        address.v6 = packet->src6;
    struct source_evidence left[RULES_N], right[RULES_N];
    unsigned n = analysis_evidence(a, &address, left, RULES_N);
    ck_assert_uint_eq(n, analysis_evidence(b, &address, right, RULES_N));
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_eq(left[i].signature, right[i].signature);
        ck_assert_uint_eq(left[i].candidates, right[i].candidates);
        ck_assert_uint_eq(left[i].hits, right[i].hits);
        ck_assert_int_eq(left[i].matched, right[i].matched);
        ck_assert_int_eq(left[i].labelled, right[i].labelled);
    }
}

struct limits {
    unsigned sources; /* that there are */
    uint64_t sources_max, events_max;
    int64_t lateness_s;
};

static struct sensor sensor_of(const struct limits *limits)
{
    return (struct sensor){.config = {.sources_max = limits->sources_max,
                                      .lateness_ns = limits->lateness_s * SECOND,
                                      .locator = &TEST_LOCATOR,
                                      .evidence = plan,
                                      .evidence_s = 90,
                                      .feed = true,
                                      .profiles = true,
                                      .events_max = limits->events_max,
                                      .event_idle_s = 300}};
}

static void check(const char *name, const struct limits *limits)
{
    struct random random = random_seeded(name);
    struct stream stream = stream_random(&random, PACKETS, limits->sources, limits->lateness_s);
    struct sensor whole = sensor_of(limits);
    start(&whole, 1, &random);
    count(&whole, &stream, 0, stream.n, 256);
    struct report *expected = finish(&whole);
    ck_assert_uint_gt(expected->iot.packets, 0);
    ck_assert_uint_gt(whole.events_n, 0);
    for (unsigned trial = 0; trial < 6; trial++) {
        struct sensor sensor = sensor_of(limits);
        unsigned at = 0, cuts = 1 + trial % 3;
        start(&sensor, 1 + (unsigned)random_below(&random, WORKERS_MAX), &random);
        for (unsigned cut = 0; cut < cuts; cut++) {
            unsigned to = at + (unsigned)random_below(&random, stream.n - at + 1);
            count(&sensor, &stream, at, to, 1 + (unsigned)random_below(&random, 256));
            restart(&sensor, 1 + (unsigned)random_below(&random, WORKERS_MAX),
                    random_below(&random, 2), &random);
            at = to;
        }
        count(&sensor, &stream, at, stream.n, 256);
        struct report *report = finish(&sensor);
        same_reports(expected, report);
        same_profiles(whole.profiles, sensor.profiles);
        same_events(&whole, &sensor);
        same_feed(whole.workers[0], sensor.workers[0]);
        for (unsigned i = 0; i < stream.n; i++)
            if (stream.packets[i].counted)
                same_evidence(whole.workers[0], sensor.workers[0], &stream.packets[i]);
        report_free(report);
        sensor_fini(&sensor);
    }
    report_free(expected);
    sensor_fini(&whole);
    free(stream.packets);
}

START_TEST(a_restart_changes_nothing)
{
    check("restart", &(struct limits){150, 1 << 20, 1 << 20, 60});
}
END_TEST

START_TEST(evictions_go_on_where_they_were)
{
    check("evictions", &(struct limits){1200, (uint64_t)64 * 9, (uint64_t)64 * 5, 30});
}
END_TEST

/* What was loaded is saved as the same bytes: nothing is lost, and nothing made up. */
START_TEST(saving_is_the_inverse_of_loading)
{
    struct random random = random_seeded("inverse");
    struct limits limits = {200, 1 << 20, 1 << 20, 60};
    struct stream stream = stream_random(&random, PACKETS, limits.sources, limits.lateness_s);
    struct sensor sensor = sensor_of(&limits);
    start(&sensor, 1, &random);
    count(&sensor, &stream, 0, stream.n, 256);
    struct bytes_out before = save(sensor.workers[0]);
    analysis_free(sensor.workers[0]);
    start(&sensor, 1, &random);
    load(&sensor, &before);
    struct bytes_out after = save(sensor.workers[0]);
    ck_assert_uint_eq(before.n, after.n);
    ck_assert_mem_eq(before.bytes, after.bytes, before.n);
    analysis_free(sensor.workers[0]);
    free(before.bytes);
    free(after.bytes);
    free(stream.packets);
}
END_TEST

static uint64_t event_packets(const struct sensor *sensor)
{
    uint64_t packets = 0;
    for (size_t i = 0; i < sensor->events_n; i++)
        packets += sensor->events[i].packets;
    return packets;
}

/* As after a lost capture handle: packets dealt out whatever their source, then loaded by
 * source.
 */
START_TEST(sources_in_two_parts_become_one)
{
    struct random random = random_seeded("parts");
    struct limits limits = {100, 1 << 20, 1 << 20, 60};
    struct stream stream = stream_random(&random, PACKETS, limits.sources, limits.lateness_s);
    struct stream halves[2];
    struct sensor whole = sensor_of(&limits), sensor = sensor_of(&limits);
    struct bytes_out parts[2];
    whole.config.evidence = sensor.config.evidence = NULL;
    start(&whole, 1, &random);
    count(&whole, &stream, 0, stream.n, 256);
    struct report *expected = finish(&whole);
    for (unsigned half = 0; half < 2; half++) {
        halves[half] =
            (struct stream){calloc(stream.n, sizeof *stream.packets), 0, stream.lateness_ns};
        for (unsigned i = half; i < stream.n; i += 2)
            halves[half].packets[halves[half].n++] = stream.packets[i];
        start(&sensor, 1, &random);
        count(&sensor, &halves[half], 0, halves[half].n, 100);
        parts[half] = save(sensor.workers[0]);
        analysis_free(sensor.workers[0]);
        free(halves[half].packets);
    }
    start(&sensor, 3, &random);
    for (unsigned half = 0; half < 2; half++) {
        load(&sensor, &parts[half]);
        free(parts[half].bytes);
    }
    struct report *report = finish(&sensor);
    same_view(&expected->scan, &report->scan);
    same_view(&expected->backscatter, &report->backscatter);
    ck_assert_uint_eq(expected->destinations, report->destinations);
    ck_assert_uint_eq(expected->sources, report->sources);
    same_profiles(whole.profiles, sensor.profiles);
    same_feed(whole.workers[0], sensor.workers[0]);
    ck_assert_uint_eq(event_packets(&whole), event_packets(&sensor));
    report_free(expected);
    report_free(report);
    sensor_fini(&whole);
    sensor_fini(&sensor);
    free(stream.packets);
}
END_TEST

/* Of the RULES: one is another now, one needs records of another kind, one is as
 * it was; the rest is gone, and one is new, before all others. */
static const char OTHERS[] = "signature brand-new\n    title t\n    origin tool\n"
                             "    match udp\n    chance 2^-8\n    reference none\n"
                             "signature rare\n    title t\n    origin tool\n"
                             "    match tcp.dstport < 4000 or udp.dstport < 4000\n"
                             "    chance 2^-8\n    reference none\n"
                             "signature port\n    title t\n    origin iot\n"
                             "    match tcp.dstport < 30000\n    chance 0.3\n"
                             "    reference none\n"
                             "signature often\n    title t\n    origin iot\n"
                             "    match tcp or udp\n    chance 0.3\n    reference none\n";

static const struct report_tool *tool_of(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->signatures.n; i++)
        if (strcmp(report->signatures.rows[i].name, name) == 0)
            return &report->signatures.rows[i];
    return NULL;
}

/* Packets by label of all profiles, under the name that the plan has for its key. */
static uint64_t label_packets(const struct sensor *sensor, const char *name)
{
    uint64_t packets = 0, others;
    for (const struct profile *profile = sensor->profiles; profile; profile = profile->next) {
        struct profile_row rows[RULES_N];
        size_t n = profile_top(profile, PROFILE_ALL, PROFILE_LABEL, PROFILE_BY_PACKETS, rows,
                               RULES_N, &others);
        for (size_t i = 0; i < n; i++)
            if (strcmp(evidence_label_name(sensor->config.evidence, (unsigned)rows[i].key),
                       name) == 0)
                packets += rows[i].packets;
    }
    return packets;
}

/* Named are those that had packets and are gone, each once. */
static void check_gone(const struct checkpoint_gone *gone, const struct report *before,
                       const struct report *after)
{
    char names[sizeof gone->names], *rest = NULL;
    unsigned n = 0, expected = 0;
    (void)snprintf(names, sizeof names, "%s", gone->names);
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        ck_assert_ptr_null(tool_of(after, name));
        ck_assert_uint_gt(tool_of(before, name)->packets, 0);
        n++;
    }
    for (size_t i = 0; i < before->signatures.n; i++)
        expected += before->signatures.rows[i].packets &&
                    !tool_of(after, before->signatures.rows[i].name);
    ck_assert_uint_gt(n, 1);
    ck_assert_uint_eq(n, expected);
    ck_assert(!gone->more);
}

START_TEST(signatures_go_by_their_names)
{
    static struct signature_errors errors;
    struct random random = random_seeded("names");
    struct limits limits = {120, 1 << 20, 1 << 20, 60};
    struct stream stream = stream_random(&random, PACKETS, limits.sources, limits.lateness_s);
    struct signature_set *set = signature_set_new();
    ck_assert_int_eq(signature_set_parse(set, "test", OTHERS, sizeof OTHERS - 1, &errors), 0);
    struct evidence_plan *other = evidence_plan_new(
        &(struct evidence_config){.signatures = set, .alpha = 0.02, .dark_size = 256});
    struct sensor whole = sensor_of(&limits), sensor = sensor_of(&limits);
    start(&whole, 1, &random);
    count(&whole, &stream, 0, stream.n, 256);
    start(&sensor, 2, &random);
    count(&sensor, &stream, 0, stream.n, 256);
    sensor.config.evidence = other;
    restart(&sensor, 3, false, &random);

    struct report *before = finish(&whole), *after = finish(&sensor);
    static const char *const KEPT[] = {"often", "rare", "port"};
    for (unsigned i = 0; i < 3; i++)
        same_tools(tool_of(before, KEPT[i]), tool_of(after, KEPT[i]), 1);
    ck_assert_uint_eq(after->signatures.n, 4);
    check_gone(&sensor.gone, before, after);
    ck_assert_uint_eq(tool_of(after, "brand-new")->packets, 0);
    ck_assert_uint_eq(label_packets(&whole, "rare"), label_packets(&sensor, "rare"));
    ck_assert_uint_eq(label_packets(&whole, "port"), label_packets(&sensor, "port"));
    ck_assert_uint_eq(before->counts[COUNT_iot_matched], after->counts[COUNT_iot_matched]);
    unsigned hits = 0;
    for (unsigned i = 0; i < stream.n; i++) {
        const struct packet *packet = &stream.packets[i];
        struct address address = {.is6 = packet->is6, .v4 = packet->src};
        if (packet->is6)
            address.v6 = packet->src6;
        struct source_evidence rows[RULES_N];
        unsigned n = analysis_evidence(sensor.workers[0], &address, rows, RULES_N);
        for (unsigned k = 0; k < n; k++) {
            const char *name = signature_at(set, rows[k].signature)->name;
            ck_assert(strcmp(name, "often") == 0 || strcmp(name, "rare") == 0);
            ck_assert(rows[k].hits == 0 || strcmp(name, "rare") == 0); /* begins anew */
            hits += rows[k].hits > 0;
        }
    }
    ck_assert_uint_gt(hits, 0);
    report_free(before);
    report_free(after);
    sensor_fini(&whole);
    sensor_fini(&sensor);
    evidence_plan_free(other);
    signature_set_free(set);
    free(stream.packets);
}
END_TEST

/* Whatever bytes are wrong or missing: an error or a load, and no crash. */
START_TEST(damage_is_an_error)
{
    struct random random = random_seeded("damage");
    struct limits limits = {60, 1 << 14, 1 << 14, 60};
    struct stream stream = stream_random(&random, 600, limits.sources, limits.lateness_s);
    struct sensor sensor = sensor_of(&limits);
    start(&sensor, 1, &random);
    count(&sensor, &stream, 0, stream.n, 256);
    struct bytes_out part = save(sensor.workers[0]);
    analysis_free(sensor.workers[0]);
    for (unsigned i = 0; i < 80; i++) {
        size_t n = i % 2 ? part.n : random_below(&random, part.n);
        size_t at = random_below(&random, part.n);
        uint8_t kept = part.bytes[at];
        if (i % 2)
            part.bytes[at] = (uint8_t)random_next(&random);
        struct bytes_in in = {part.bytes, part.bytes + n, false};
        struct err err = {0};
        start(&sensor, 1 + i % 3, &random);
        int status =
            analysis_load(sensor.workers, sensor.workers_n, owner_of, &sensor, &in, NULL, &err);
        ck_assert(i % 2 || status == -1);
        ck_assert(status == 0 || err.text[0]);
        for (unsigned k = 0; k < sensor.workers_n; k++)
            analysis_free(sensor.workers[k]);
        part.bytes[at] = kept;
    }
    free(part.bytes);
    free(stream.packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tests = tcase_create("checkpoint");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, rules_setup, rules_teardown);
    tcase_add_test(tests, a_restart_changes_nothing);
    tcase_add_test(tests, evictions_go_on_where_they_were);
    tcase_add_test(tests, saving_is_the_inverse_of_loading);
    tcase_add_test(tests, sources_in_two_parts_become_one);
    tcase_add_test(tests, signatures_go_by_their_names);
    tcase_add_test(tests, damage_is_an_error);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
