/* Hours, trailing spans and days: against a naive twin, and the same whatever the workers. */
#include "app/collector.h"
#include "app/flush_model.h"
#include "state/stream.h"

enum { PACKETS = 9000, DAY_S = 86400, WORKERS_MAX = 3 };

/* About 30 days of a packet every five minutes, with an hour in each day that is busy. */
static struct stream long_stream(struct random *random)
{
    struct stream stream = {calloc(PACKETS, sizeof(struct packet)), PACKETS, 60 * SECOND};
    int64_t time_ns = STREAM_START_S * SECOND, clock_ns = time_ns;
    for (unsigned i = 0; i < PACKETS; i++) {
        struct packet *packet = &stream.packets[i];
        bool busy = clock_ns / SECOND % DAY_S / 3600 == 7;
        clock_ns += (int64_t)random_below(random, (busy ? 60 : 1200) * SECOND);
        int64_t back = random_below(random, 5) ? 0 : (int64_t)random_below(random, 200);
        stream_time(&stream, packet, clock_ns - back * SECOND, &time_ns);
        stream_content(random, packet, 400);
        packet->counted = random_below(random, 20) != 0;
        packet->reason = packet->counted ? REASON_NONE : REASON_NOT_IP;
    }
    return stream;
}

struct result {
    struct gathering *gathering;
    struct gathered gathered;
};

/* As the workers do it: a batch now and then, then everything closed is delivered; `uneven`:
 * not all of them each time. */
static struct result gather(const struct stream *stream, unsigned workers, bool uneven)
{
    struct analysis *analyses[WORKERS_MAX] = {0};
    struct batch *batches[WORKERS_MAX] = {0};
    struct analysis_config config = {.sources_max = 1 << 16,
                                     .lateness_ns = stream->lateness_ns,
                                     .locator = &TEST_LOCATOR,
                                     .profiles = true};
    struct result result = {.gathering = gathering_new()};
    struct collector *collector = collector_new(workers, result.gathering);
    for (unsigned i = 0; i < workers; i++) {
        analyses[i] = analysis_new(&config);
        batches[i] = calloc(1, sizeof *batches[i]);
    }
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        batch_put(batches[packet->counted ? packet_shard(packet) % workers : 0], packet);
        if (i % 100 != 99 && i + 1 < stream->n)
            continue;
        for (unsigned worker = 0; worker < workers; worker++) {
            if (uneven && i + 1 < stream->n && (i / 100 + worker) % 2)
                continue;
            analysis_add(analyses[worker], batches[worker], NULL);
            batch_clear(batches[worker]);
            int64_t now_ns = packet->now_min * 60 * SECOND;
            int64_t until_s = (now_ns - stream->lateness_ns) / (60 * SECOND) * 60;
            if (i + 1 < stream->n) {
                analysis_advance(analyses[worker], now_ns);
            } else {
                analysis_finish(analyses[worker]);
                until_s = INT64_MAX;
            }
            collector_deliver_steps(collector, analysis_take_profiles(analyses[worker]));
            collector_deliver(collector, worker, analysis_take_closed(analyses[worker]),
                              until_s);
        }
    }
    for (unsigned i = 0; i < workers; i++) {
        analysis_free(analyses[i]);
        free(batches[i]);
    }
    collector_free(collector);
    ck_assert_int_eq(gathering_read(result.gathering, STREAM_START_S * SECOND,
                                    stream->packets[stream->n - 1].ts_ns, &result.gathered),
                     0);
    ck_assert_uint_eq(result.gathered.refused, 0);
    return result;
}

static void same_profile(const struct profile *a, const struct profile *b)
{
    size_t a_n, b_n;
    uint8_t *a_bytes = profile_save(a, &a_n), *b_bytes = profile_save(b, &b_n);
    ck_assert_uint_eq(a_n, b_n);
    ck_assert_mem_eq(a_bytes, b_bytes, a_n);
    free(a_bytes);
    free(b_bytes);
}

START_TEST(workers_change_nothing)
{
    struct random random = random_seeded("gathering workers");
    struct stream stream = long_stream(&random);
    struct result one = gather(&stream, 1, false);
    for (unsigned workers = 2; workers <= WORKERS_MAX; workers++) {
        struct result many = gather(&stream, workers, workers == 3);
        const struct gathered *a = &one.gathered, *b = &many.gathered;
        SAME(hours_n);
        for (size_t i = 0; i < a->hours_n; i++) {
            SAME(hours[i].start_s);
            SAME(hours[i].seconds);
            SAME(hours[i].dports);
            for (unsigned count = 0; count < COUNT_COUNT_; count++)
                SAME(hours[i].counts[count]);
        }
        same_profile(a->hour, b->hour);
        same_profile(a->day, b->day);
        SAME(days_n);
        for (size_t i = 0; i < a->days_n; i++) {
            SAME(days[i].start_s);
            same_profile(a->days[i].profile, b->days[i].profile);
        }
        gathering_free(many.gathering);
    }
    gathering_free(one.gathering);
    free(stream.packets);
}
END_TEST

/* Not late, counted, and from begin_s on until end_s. */
static bool is_in(const struct packet *packet, int64_t begin_s, int64_t end_s)
{
    return packet->counted && !packet->late && packet->ts_ns >= begin_s * SECOND &&
           packet->ts_ns < end_s * SECOND;
}

static unsigned distinct_sources(const struct stream *stream, int64_t begin_s, int64_t end_s)
{
    unsigned n = 0;
    const struct packet **seen = calloc(stream->n, sizeof *seen);
    for (unsigned i = 0; i < stream->n; i++) {
        const struct packet *packet = &stream->packets[i];
        bool known = !is_in(packet, begin_s, end_s);
        for (unsigned j = 0; j < n && !known; j++)
            known = seen[j]->is6 == packet->is6 && seen[j]->src == packet->src &&
                    seen[j]->src6.lo == packet->src6.lo;
        if (!known)
            seen[n++] = packet;
    }
    free(seen);
    return n;
}

START_TEST(hours_are_those_of_a_naive_twin)
{
    struct random random = random_seeded("gathering hours");
    struct stream stream = long_stream(&random);
    struct result result = gather(&stream, 2, true);
    uint64_t packets = 0, expected = 0;
    for (unsigned i = 0; i < stream.n; i++)
        expected += is_in(&stream.packets[i], 0, INT64_MAX / SECOND);
    for (size_t i = 0; i < result.gathered.hours_n; i++) {
        const struct publication_hour *hour = &result.gathered.hours[i];
        int64_t end_s = hour->start_s + 3600;
        uint64_t counted = 0;
        for (unsigned j = 0; j < stream.n; j++)
            counted += is_in(&stream.packets[j], hour->start_s, end_s);
        ck_assert_int_eq(hour->start_s % 3600, 0);
        ck_assert(i == 0 || hour[-1].start_s < hour->start_s);
        ck_assert_uint_eq(hour->counts[COUNT_packets], counted);
        unsigned sources = distinct_sources(&stream, hour->start_s, end_s);
        ck_assert_uint_ge(hour->counts[COUNT_sources] + 2 + sources / 20, sources);
        ck_assert_uint_le(hour->counts[COUNT_sources], sources + 2 + sources / 20);
        ck_assert_uint_le(hour->seconds, 3600);
        packets += counted;
    }
    ck_assert_uint_eq(packets, expected);
    ck_assert_uint_eq(result.gathered.hours[1].seconds, 3600);
    gathering_free(result.gathering);
    free(stream.packets);
}
END_TEST

static uint64_t scans_in(const struct stream *stream, int64_t begin_s, int64_t end_s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < stream->n; i++)
        n += is_in(&stream->packets[i], begin_s, end_s) &&
             stream->packets[i].class == CLASS_SCAN;
    return n;
}

START_TEST(spans_hold_the_packets_of_their_time)
{
    struct random random = random_seeded("gathering spans");
    struct stream stream = long_stream(&random);
    struct result result = gather(&stream, 3, false);
    const struct gathered *gathered = &result.gathered;
    int64_t newest_s = 0;
    for (unsigned i = 0; i < stream.n; i++)
        if (is_in(&stream.packets[i], newest_s, INT64_MAX / SECOND))
            newest_s = stream.packets[i].ts_ns / SECOND;
    int64_t end_s = newest_s / PROFILE_STEP_S * PROFILE_STEP_S + PROFILE_STEP_S;
    ck_assert_int_eq(gathered->hour->start_s, end_s - 3600);
    ck_assert_int_eq(gathered->day->start_s, end_s - DAY_S);
    ck_assert_uint_eq(profile_packets(gathered->hour, PROFILE_SCAN_SOURCES),
                      scans_in(&stream, end_s - 3600, end_s));
    ck_assert_uint_eq(profile_packets(gathered->day, PROFILE_SCAN_SOURCES),
                      scans_in(&stream, end_s - DAY_S, end_s));
    uint64_t all = 0;
    for (size_t i = 0; i < gathered->days_n; i++) {
        int64_t day_s = gathered->days[i].start_s;
        struct profile_row rows[3];
        uint64_t others, sum = 0;
        size_t n = profile_top(gathered->days[i].profile, PROFILE_ALL, PROFILE_CC,
                               PROFILE_BY_PACKETS, rows, 3, &others);
        for (size_t row = 0; row < n; row++)
            sum += rows[row].packets;
        ck_assert_int_eq(day_s % DAY_S, 0);
        ck_assert_uint_eq(sum + others, scans_in(&stream, day_s, day_s + DAY_S));
        ck_assert_uint_le(profile_count(gathered->days[i].profile, PROFILE_ALL, PROFILE_SRC),
                          GATHERED_DAY_MEMBERS);
        all += sum + others;
    }
    ck_assert_uint_eq(all, scans_in(&stream, 0, INT64_MAX / SECOND));
    gathering_free(result.gathering);
    free(stream.packets);
}
END_TEST

/* Steps of 500 days, one a day: 400 days stay. */
START_TEST(memory_stays_flat)
{
    struct gathering *gathering = gathering_new();
    struct window *minute = calloc(1, sizeof *minute);
    for (int64_t day = 0; day < 500; day++) {
        minute->start_s = day * DAY_S;
        minute->span_s = 60;
        minute->counts[COUNT_packets] = minute->counts[COUNT_sources] = 1;
        gathering_add_steps(gathering, profile_new(day * DAY_S, PROFILE_STEP_S));
        gathering_add_minute(gathering, minute, 0);
        gathering_advance(gathering, day * DAY_S + 3600);
    }
    struct gathered gathered;
    ck_assert_int_eq(gathering_read(gathering, 0, 500 * DAY_S * SECOND, &gathered), 0);
    ck_assert_uint_eq(gathered.days_n, GATHERED_DAYS_MAX);
    ck_assert_int_eq(gathered.days[0].start_s, 100 * DAY_S);
    ck_assert_uint_eq(gathered.hours_n, 500);
    ck_assert_uint_eq(gathered.hours[499].counts[COUNT_sources],
                      1); /* of its minute, at least */
    for (int64_t hour = 0; hour < GATHERED_HOURS_MAX + 3000; hour++) {
        minute->start_s = 500 * DAY_S + hour * 3600;
        gathering_add_minute(gathering, minute, 0);
        gathering_advance(gathering, minute->start_s + 3600);
    }
    ck_assert_int_eq(gathering_read(gathering, 0, INT64_MAX, &gathered), 0);
    ck_assert_uint_eq(gathered.hours_n, GATHERED_HOURS_MAX);
    ck_assert_int_eq(gathered.hours[GATHERED_HOURS_MAX - 1].start_s, minute->start_s);
    ck_assert_int_eq(gathered.hours[0].start_s,
                     minute->start_s - (int64_t)(GATHERED_HOURS_MAX - 1) * 3600);
    free(minute);
    gathering_free(gathering);
}
END_TEST

/* A step of a few packets from random sources. */
static struct profile *random_step(struct random *random, int64_t start_s)
{
    struct stream stream = {.lateness_ns = 60 * SECOND};
    struct analysis_config config = {.sources_max = 1 << 12,
                                     .lateness_ns = stream.lateness_ns,
                                     .locator = &TEST_LOCATOR,
                                     .profiles = true};
    struct analysis *analysis = analysis_new(&config);
    struct batch *batch = calloc(1, sizeof *batch);
    int64_t time_ns = start_s * SECOND;
    unsigned n = 1 + (unsigned)random_below(random, 60);
    for (unsigned i = 0; i < n; i++) {
        struct packet packet = {.counted = true};
        stream_time(&stream, &packet, start_s * SECOND + i, &time_ns);
        stream_content(random, &packet, 4000);
        batch_put(batch, &packet);
    }
    analysis_add(analysis, batch, NULL);
    analysis_finish(analysis);
    struct profile *step = analysis_take_profiles(analysis);
    ck_assert_ptr_nonnull(step);
    ck_assert_int_eq(step->start_s, start_s);
    analysis_free(analysis);
    free(batch);
    return step;
}

static struct profile *copy_of(const struct profile *profile)
{
    size_t n;
    uint8_t *bytes = profile_save(profile, &n);
    struct profile *copy = profile_load(bytes, n);
    free(bytes);
    return copy;
}

/* All that began in the span, merged one by one. */
static void same_as_merged(const struct profile *found, struct profile *const *steps, size_t n,
                           int64_t end_s, uint32_t span_s)
{
    struct profile *plain = profile_new(end_s - span_s, span_s);
    for (size_t i = 0; i < n; i++)
        if (steps[i]->start_s >= end_s - span_s && steps[i]->start_s < end_s)
            ck_assert_int_eq(profile_merge(plain, steps[i]), 0);
    ck_assert_int_eq(found->start_s, plain->start_s);
    ck_assert_uint_eq(found->span_s, span_s);
    same_profile(found, plain);
    profile_free(plain);
}

/* Step by step over two days and a half, with gaps; now and then it is read in silence. */
START_TEST(kept_sums_change_nothing)
{
    enum { STEPS = 700 };
    struct random random = random_seeded("gathering sums");
    struct gathering *gathering = gathering_new();
    struct profile *steps[STEPS];
    size_t n = 0;
    for (int64_t i = 0; i < STEPS; i++) {
        int64_t start_s = STREAM_START_S / DAY_S * DAY_S + i * PROFILE_STEP_S;
        bool silent = random_below(&random, 8) == 0 || (i > 500 && i < 520);
        if (!silent) {
            struct profile *step = random_step(&random, start_s);
            profile_close(step);
            steps[n++] = copy_of(step);
            gathering_add_steps(gathering, step);
        }
        gathering_advance(gathering, start_s + PROFILE_STEP_S);
        bool rolls = n && random_below(&random, 2);
        if (rolls)
            gathering_roll(gathering, start_s + PROFILE_STEP_S + 120);
        if (!n || random_below(&random, 5) != 0)
            continue;
        int64_t end_s =
            rolls ? start_s + PROFILE_STEP_S : steps[n - 1]->start_s + PROFILE_STEP_S;
        struct gathered gathered;
        ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
        if (silent && !rolls) /* it may have rolled further before */
            end_s = gathered.day->start_s + DAY_S;
        same_as_merged(gathered.hour, steps, n, end_s, 3600);
        same_as_merged(gathered.day, steps, n, end_s, DAY_S);
    }
    gathering_free(gathering);
    while (n > 0)
        profile_free(steps[--n]);
}
END_TEST

START_TEST(silence_empties_the_trailing_spans)
{
    struct random random = random_seeded("gathering silence");
    struct gathering *gathering = gathering_new();
    int64_t start_s = STREAM_START_S / PROFILE_STEP_S * PROFILE_STEP_S;
    struct gathered gathered;
    gathering_roll(gathering, start_s);
    gathering_add_steps(gathering, random_step(&random, start_s));
    gathering_advance(gathering, start_s + PROFILE_STEP_S);
    uint64_t version = gathering_version(gathering);
    gathering_roll(gathering, start_s + PROFILE_STEP_S); /* as it is */
    gathering_roll(gathering, start_s + 2 * PROFILE_STEP_S - 1);
    ck_assert_uint_eq(gathering_version(gathering), version);
    gathering_roll(gathering, start_s + 3600);
    ck_assert_uint_ne(gathering_version(gathering), version);
    ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
    ck_assert_uint_gt(profile_packets(gathered.hour, PROFILE_SOURCES), 0);
    gathering_roll(gathering, start_s + 3600 + PROFILE_STEP_S);
    ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
    ck_assert_uint_eq(profile_packets(gathered.hour, PROFILE_SOURCES), 0);
    ck_assert_uint_gt(profile_packets(gathered.day, PROFILE_SOURCES), 0);
    ck_assert_int_eq(gathered.hour->start_s, start_s + PROFILE_STEP_S);
    ck_assert_uint_eq(gathered.days_n, 1);
    gathering_roll(gathering, start_s + DAY_S + PROFILE_STEP_S);
    ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
    ck_assert_ptr_null(gathered.hour);
    ck_assert_ptr_null(gathered.day);
    ck_assert_uint_eq(gathered.days_n, 1);
    ck_assert_int_eq(gathering_newest_step(gathering), -1);
    gathering_add_steps(gathering, random_step(&random, start_s + 3 * (int64_t)DAY_S));
    gathering_advance(gathering, start_s + 4 * (int64_t)DAY_S);
    ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
    ck_assert_uint_gt(profile_packets(gathered.hour, PROFILE_SOURCES), 0);
    gathering_free(gathering);
}
END_TEST

/* As a live sensor's flusher sees it: a row of zeros a minute. */
START_TEST(quiet_minutes_empty_the_trailing_hour)
{
    struct random random = random_seeded("gathering quiet");
    struct flush_model model;
    struct window *minute = calloc(1, sizeof *minute);
    int64_t start_s = STREAM_START_S / PROFILE_STEP_S * PROFILE_STEP_S;
    ck_assert_int_eq(model_init(&model), 0);
    for (int64_t at_s = start_s; at_s < start_s + 3600 + PROFILE_STEP_S; at_s += 60) {
        bool first = at_s == start_s;
        minute->start_s = at_s;
        minute->span_s = 60;
        minute->counts[COUNT_packets] = first;
        model_add_minute(&model, minute, 60);
        if (first)
            model_take_steps(&model, random_step(&random, start_s));
        model_advance(&model, at_s + 60);
        struct model_flush flush;
        ck_assert(model_flush_init(&model, &flush));
        if (at_s < start_s + PROFILE_STEP_S - 60)
            ck_assert_ptr_null(flush.publication.hour);
        else if (at_s < start_s + 3600 + PROFILE_STEP_S - 60)
            ck_assert_uint_gt(profile_packets(flush.publication.hour, PROFILE_SOURCES), 0);
        else
            ck_assert_uint_eq(profile_packets(flush.publication.hour, PROFILE_SOURCES), 0);
        model_acknowledge(&model, &flush);
        model_flush_fini(&flush);
    }
    struct model_flush flush;
    ck_assert(model_flush_init(&model, &flush));
    ck_assert(!flush.changes.tops);
    model_flush_fini(&flush);
    model_advance(&model, start_s + 5 * 3600); /* the end of a run: hours are closed */
    ck_assert(model_flush_init(&model, &flush));
    ck_assert_int_eq(flush.publication.hour->start_s, start_s + PROFILE_STEP_S);
    model_flush_fini(&flush);
    model_fini(&model);
    free(minute);
}
END_TEST

START_TEST(nothing_gathers_to_nothing)
{
    struct gathering *gathering = gathering_new();
    struct gathered gathered;
    gathering_advance(gathering, INT64_MAX);
    ck_assert_int_eq(gathering_read(gathering, 0, 0, &gathered), 0);
    ck_assert_uint_eq(gathered.hours_n + gathered.days_n, 0);
    ck_assert_ptr_null(gathered.hour);
    ck_assert_ptr_null(gathered.day);
    gathering_free(gathering);
    gathering_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gathering");
    TCase *tests = tcase_create("gathering");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, workers_change_nothing);
    tcase_add_test(tests, hours_are_those_of_a_naive_twin);
    tcase_add_test(tests, spans_hold_the_packets_of_their_time);
    tcase_add_test(tests, memory_stays_flat);
    tcase_add_test(tests, kept_sums_change_nothing);
    tcase_add_test(tests, quiet_minutes_empty_the_trailing_hour);
    tcase_add_test(tests, silence_empties_the_trailing_spans);
    tcase_add_test(tests, nothing_gathers_to_nothing);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
