/* What a running sensor holds for Redis: hours that close, files that say they come from the
 * future, and what goes on from files after a restart. */
#include "app/flush_model.h"
#include "app/gathering_save.h"
#include "app/gathering_state.h"
#include "harness.h"
#include "state/hll.h"
#include "state/profile_tables.h"

#include <string.h>
#include <unistd.h>

enum { FIRST_HOUR = 490000, HOURS = 200 };

static void minute_of_hour(struct flush_model *model, int64_t hour)
{
    struct window *minute = calloc(1, sizeof *minute);
    ck_assert_ptr_nonnull(minute);
    minute->start_s = hour * HOUR_S;
    minute->span_s = 60;
    model_add_minute(model, minute, 60);
    free(minute);
}

static void acknowledge(struct flush_model *model)
{
    struct model_flush flush;
    ck_assert(model_flush_init(model, &flush));
    model_acknowledge(model, &flush);
    model_flush_fini(&flush);
}

/* A minute and its hour close; the number is right between a change and the next flush, when
 * what the last flush read is not valid any more. */
START_TEST(what_closes_is_held_until_acknowledged)
{
    struct flush_model model;
    ck_assert_int_eq(model_init(&model), 0);
    for (int64_t hour = FIRST_HOUR; hour < FIRST_HOUR + HOURS; hour++) {
        minute_of_hour(&model, hour);
        model_advance(&model, (hour + 1) * HOUR_S);
        ck_assert_uint_eq(model_held(&model), 2);
        acknowledge(&model);
        ck_assert_uint_eq(model_held(&model), 0);
    }
    minute_of_hour(&model, FIRST_HOUR + HOURS);
    minute_of_hour(&model, FIRST_HOUR + HOURS + 1);
    model_advance(&model, (FIRST_HOUR + HOURS + 1) * HOUR_S + 60);
    ck_assert_uint_eq(model_held(&model), 3);
    model_fini(&model);
}
END_TEST

/* As many finished days as are kept, from day first on, as a file. */
static struct bytes_out days_file(int64_t first)
{
    struct bytes_out out = {0};
    struct gathering *gathering = gathering_new();
    for (int64_t day = first; day < first + GATHERED_DAYS_MAX; day++)
        gathering->days[gathering->days_n++] =
            (struct publication_day){day * DAY_S, profile_new(day * DAY_S, DAY_S)};
    gathering->today = profile_new((first + GATHERED_DAYS_MAX) * DAY_S, DAY_S);
    gathering_save_profiles(gathering, &out);
    gathering_free(gathering);
    ck_assert(!out.failed);
    return out;
}

static void check_days(const struct gathered *gathered, int64_t first, int64_t last)
{
    ck_assert_int_eq((int64_t)gathered->days_n, last - first + 1);
    for (size_t i = 0; i < gathered->days_n; i++)
        ck_assert_int_eq(gathered->days[i].start_s, (first + (int64_t)i) * DAY_S);
}

/* Whenever the days of a file were, those that are captured now are the newest. */
START_TEST(days_are_bounded_and_in_order)
{
    enum { FILE_DAY = 21000, LAST = FILE_DAY + GATHERED_DAYS_MAX };
    static const struct {
        int64_t now, first; /* day; the first that is kept then */
    } CASES[] = {
        {LAST + 1, FILE_DAY + 2}, {LAST, FILE_DAY + 1}, {LAST + 500, LAST + 500},
        {FILE_DAY + 5, FILE_DAY}, {FILE_DAY, FILE_DAY}, {FILE_DAY - 1000, FILE_DAY - 1000},
    };
    struct bytes_out out = days_file(FILE_DAY);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct gathering *gathering = gathering_new();
        struct bytes_in in = {out.bytes, out.bytes + out.n, false};
        struct gathered gathered;
        ck_assert(gathering_load_profiles(gathering, &in));
        ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
        check_days(&gathered, FILE_DAY, LAST);
        for (int64_t day = CASES[i].now; day < CASES[i].now + 3; day++) {
            int64_t dropped = day - CASES[i].first - GATHERED_DAYS_MAX + 1;
            int64_t first = CASES[i].first + (dropped > 0 ? dropped : 0);
            gathering_add_steps(gathering, profile_new(day * DAY_S, PROFILE_STEP_S));
            gathering_advance(gathering, day * DAY_S + PROFILE_STEP_S);
            ck_assert_int_eq(gathering_read(gathering, 1, 0, &gathered), 0);
            check_days(&gathered, first, day);
        }
        gathering_free(gathering);
    }
    free(out.bytes);
}
END_TEST

/* A spool in a folder of its own. */
struct spool {
    char folder[32], path[48], profiles[64];
};

static struct spool spool_new(void)
{
    struct spool spool = {.folder = "/tmp/ns-spool-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(spool.folder));
    (void)snprintf(spool.path, sizeof spool.path, "%s/spool", spool.folder);
    (void)snprintf(spool.profiles, sizeof spool.profiles, "%s.profiles", spool.path);
    return spool;
}

static void spool_remove(const struct spool *spool)
{
    (void)unlink(spool->path);
    (void)unlink(spool->profiles);
    ck_assert_int_eq(rmdir(spool->folder), 0);
}

static void save(struct flush_model *model, const struct spool *spool)
{
    uint64_t bytes;
    struct err err = {0};
    ck_assert_msg(model_save(model, "S", spool->path, &bytes, &err) == 0, "%s", err.text);
}

/* A model as the next run finds it. */
static void load(struct flush_model *model, const struct spool *spool)
{
    struct err err = {0};
    ck_assert_int_eq(model_init(model), 0);
    ck_assert_msg(model_load(model, "S", spool->path, &err) == 0, "%s", err.text);
}

static void take_names(struct flush_model *model, const char *const *labels)
{
    size_t n = 0;
    while (labels[n])
        n++;
    struct model_names *names = model_names_new(NULL, labels, n);
    ck_assert_ptr_nonnull(names);
    model_take_names(model, names);
}

/* Of a label in a ranking of all packets, by name; 0: it is not there. */
static uint64_t packets_of(const struct publication *publication, const struct profile *profile,
                           const char *label)
{
    struct profile_row rows[8];
    uint64_t others;
    size_t n =
        profile_top(profile, PROFILE_ALL, PROFILE_LABEL, PROFILE_BY_PACKETS, rows, 8, &others);
    ck_assert_uint_eq(others, 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(rows[i].key, publication->labels_n);
        if (strcmp(publication->labels[rows[i].key], label) == 0)
            return rows[i].packets;
    }
    return 0;
}

/* A step in which labels 0, 1, 2 ... have so many packets. */
static struct profile *labelled_step(int64_t start_s, const uint64_t *packets, uint32_t n)
{
    struct profile *step = profile_new(start_s, PROFILE_STEP_S);
    ck_assert_ptr_nonnull(step);
    for (uint32_t label = 0; label < n; label++) {
        uint64_t refused = 0, count = packets[label];
        struct profile_table one = {.n = 1, .keys = &label, .packets = &count};
        if (count)
            ck_assert(profile_table_merge(&step->tables->tables[PROFILE_ALL][PROFILE_LABEL],
                                          &one, PROFILE_ROWS_MAX, &refused));
    }
    return step;
}

enum { LABEL_DAYS = 3, LABEL_DAY = 20500 };

static void check_labels(struct flush_model *model, size_t labels_n)
{
    struct model_flush flush;
    ck_assert(model_flush_init(model, &flush));
    const struct publication *publication = &flush.publication;
    ck_assert_uint_eq(publication->labels_n, labels_n);
    ck_assert_uint_eq(publication->days_n, LABEL_DAYS);
    for (size_t i = 0; i < LABEL_DAYS; i++) {
        const struct profile *day = publication->days[i].profile;
        ck_assert_int_eq(day->start_s, (LABEL_DAY + (int64_t)i) * DAY_S);
        ck_assert_uint_eq(packets_of(publication, day, "mirai"), 10 + i);
        ck_assert_uint_eq(packets_of(publication, day, "gone"), 20 + i);
        ck_assert_uint_eq(packets_of(publication, day, "zmap"), 30 + i);
        ck_assert_uint_eq(packets_of(publication, day, "aaa"), 0);
    }
    ck_assert_uint_eq(packets_of(publication, publication->hour, "zmap"), 32);
    ck_assert_uint_eq(packets_of(publication, publication->day, "gone"), 22);
    model_flush_fini(&flush);
}

/* Signatures that are new, not there any more, or in another order: every count keeps the name
 * of its label, from run to run, and no day goes. */
START_TEST(rankings_keep_their_labels_by_name)
{
    static const char *const FIRST[] = {"mirai", "gone", "unused", "zmap", NULL};
    static const char *const NEXT[] = {"aaa", "zmap", "mirai", NULL};
    static const char *const RELOADED[] = {"aaa", "zmap", "mirai", "new", "newer", NULL};
    struct spool spool = spool_new();
    struct flush_model model;
    ck_assert_int_eq(model_init(&model), 0);
    take_names(&model, FIRST);
    for (unsigned i = 0; i < LABEL_DAYS; i++) {
        int64_t start_s = (LABEL_DAY + i) * (int64_t)DAY_S;
        const uint64_t packets[] = {10 + i, 20 + i, 0, 30 + i};
        model_take_steps(&model, labelled_step(start_s, packets, 4));
        model_advance(&model, start_s + PROFILE_STEP_S);
    }
    check_labels(&model, 4);
    save(&model, &spool);
    model_fini(&model);
    for (unsigned run = 0; run < 3; run++) {
        load(&model, &spool);
        take_names(&model, run == 1 ? RELOADED : NEXT);
        check_labels(&model, run == 1 ? 6 : 4); /* "gone" is behind them */
        if (run == 0)
            save(&model, &spool);
        take_names(&model, RELOADED);
        check_labels(&model, 6);
        model_fini(&model);
    }
    spool_remove(&spool);
}
END_TEST

/* Steps under new numbers, before and after names are taken, count for the same names. */
START_TEST(steps_that_wait_keep_their_labels)
{
    static const char *const FIRST[] = {"gone", "mirai", NULL};
    static const char *const NEXT[] = {"mirai", NULL};
    static const char *const RELOADED[] = {"mirai", "new", NULL};
    const int64_t start_s = LABEL_DAY * (int64_t)DAY_S;
    struct spool spool = spool_new();
    struct flush_model model;
    ck_assert_int_eq(model_init(&model), 0);
    take_names(&model, FIRST);
    model_take_steps(&model, labelled_step(start_s, (const uint64_t[]){5, 7}, 2));
    model_advance(&model, start_s + PROFILE_STEP_S);
    save(&model, &spool);
    model_fini(&model);
    load(&model, &spool);
    take_names(&model, NEXT);
    model_take_steps(&model,
                     labelled_step(start_s + PROFILE_STEP_S, (const uint64_t[]){100}, 1));
    take_names(&model, RELOADED);
    model_take_steps(&model,
                     labelled_step(start_s + PROFILE_STEP_S, (const uint64_t[]){1000, 9}, 2));
    model_advance(&model, start_s + 2 * PROFILE_STEP_S);
    struct model_flush flush;
    ck_assert(model_flush_init(&model, &flush));
    const struct publication *publication = &flush.publication;
    ck_assert_uint_eq(publication->days_n, 1);
    ck_assert_uint_eq(packets_of(publication, publication->days[0].profile, "gone"), 5);
    ck_assert_uint_eq(packets_of(publication, publication->days[0].profile, "mirai"), 1107);
    ck_assert_uint_eq(packets_of(publication, publication->hour, "new"), 9);
    model_flush_fini(&flush);
    model_fini(&model);
    spool_remove(&spool);
}
END_TEST

enum { HOUR_STEPS = HOUR_S / PROFILE_STEP_S, STEP_SOURCES = 100 };

/* Of one more step: a minute and a part of a worker, or of two, with sources of their own. */
static void step_of_hour(struct flush_model *model, unsigned step, unsigned parts)
{
    int64_t start_s = FIRST_HOUR * (int64_t)HOUR_S + step * PROFILE_STEP_S;
    struct window *minute = calloc(1, sizeof *minute);
    struct random random = {step};
    ck_assert_ptr_nonnull(minute);
    minute->start_s = start_s;
    minute->counts[COUNT_packets] = minute->counts[COUNT_sources] = STEP_SOURCES;
    minute->counts[COUNT_iot_matched] = minute->counts[COUNT_iot_matched_sources] =
        STEP_SOURCES / 2;
    model_add_minute(model, minute, 60);
    free(minute);
    for (unsigned part = 0; part < parts; part++) {
        struct profile *profile = profile_new(start_s, PROFILE_STEP_S);
        ck_assert_ptr_nonnull(profile);
        for (unsigned i = 0; i < STEP_SOURCES / parts; i++) {
            uint64_t hash = random_next(&random);
            hll_add(profile->tables->sketches[PROFILE_SOURCES], HLL_LARGE_BITS, hash);
            if (i % 2)
                hll_add(profile->tables->sketches[PROFILE_IOT_SOURCES], HLL_LARGE_BITS, hash);
        }
        profile->tables->packets[PROFILE_SOURCES] = STEP_SOURCES / parts;
        profile->tables->packets[PROFILE_IOT_SOURCES] = STEP_SOURCES / parts / 2;
        model_take_steps(model, profile);
    }
    model_advance(model, start_s + PROFILE_STEP_S);
}

static void same_hour_and_day(struct flush_model *model, struct flush_model *expected)
{
    struct model_flush a, b;
    ck_assert(model_flush_init(model, &a) && model_flush_init(expected, &b));
    ck_assert_uint_eq(a.publication.hours_n, 1);
    ck_assert_uint_eq(b.publication.hours_n, 1);
    const struct publication_hour *x = a.publication.hours, *y = b.publication.hours;
    ck_assert_int_eq(x->start_s, y->start_s);
    ck_assert_uint_eq(x->seconds, y->seconds);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        ck_assert_uint_eq(x->counts[i], y->counts[i]);
    ck_assert_uint_gt(x->counts[COUNT_sources], HOUR_STEPS * STEP_SOURCES * 9 / 10);
    ck_assert_uint_gt(x->counts[COUNT_iot_matched_sources],
                      HOUR_STEPS * STEP_SOURCES / 2 * 9 / 10);
    ck_assert_uint_eq(a.publication.minutes_n, HOUR_STEPS);
    ck_assert_uint_eq(a.publication.days_n, 1);
    ck_assert_uint_eq(profile_packets(a.publication.days[0].profile, PROFILE_SOURCES),
                      HOUR_STEPS * STEP_SOURCES);
    model_flush_fini(&a);
    model_flush_fini(&b);
}

/* A run ends when the profiles of a step are written and the series is not, or both are; the
 * next one takes that step again from the checkpoint. */
START_TEST(an_hour_is_whole_whichever_file_was_last)
{
    struct flush_model whole;
    ck_assert_int_eq(model_init(&whole), 0);
    for (unsigned step = 0; step < HOUR_STEPS; step++)
        step_of_hour(&whole, step, 1);
    for (unsigned last = 0; last < 2 * HOUR_STEPS; last++) {
        struct spool spool = spool_new();
        unsigned end = last / 2, again = last % 2;
        char older[sizeof spool.profiles];
        struct flush_model model;
        (void)snprintf(older, sizeof older, "%s/older", spool.folder);
        ck_assert_int_eq(model_init(&model), 0);
        for (unsigned step = 0; step < end; step++)
            step_of_hour(&model, step, 1);
        save(&model, &spool);
        if (!again)
            ck_assert_int_eq(rename(spool.path, older), 0);
        step_of_hour(&model, end, 1);
        save(&model, &spool);
        if (!again)
            ck_assert_int_eq(rename(older, spool.path), 0);
        model_fini(&model);
        load(&model, &spool);
        for (unsigned step = end; step < HOUR_STEPS; step++)
            step_of_hour(&model, step, 1 + end % 2);
        same_hour_and_day(&model, &whole);
        model_fini(&model);
        spool_remove(&spool);
    }
    model_fini(&whole);
}
END_TEST

/* Packets in the trailing hour and day; -1: there are none that could have any. */
static void check_trailing(struct flush_model *model, int64_t hour, int64_t day, int64_t end_s)
{
    struct model_flush flush;
    ck_assert(model_flush_init(model, &flush));
    const struct profile *spans[] = {flush.publication.hour, flush.publication.day};
    const int64_t expected[] = {hour, day}, span_s[] = {HOUR_S, DAY_S};
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(spans[i] ? (int64_t)profile_packets(spans[i], PROFILE_SOURCES) : -1,
                         expected[i]);
        if (spans[i])
            ck_assert_int_eq(spans[i]->start_s + span_s[i], end_s);
    }
    ck_assert_uint_eq(flush.publication.days_n, 1);
    model_flush_fini(&flush);
}

/* What silence had emptied is empty after a restart, before anything is closed again. */
START_TEST(silence_goes_on_after_a_restart)
{
    static const struct {
        int64_t minutes, hour, day, end_s; /* closed ones, of which the first has packets */
    } CASES[] = {
        {5, 100, 100, 300},    {60, 100, 100, 3600}, {64, 100, 100, 3600}, {65, 0, 100, 3900},
        {1444, 0, 100, 86400}, {1445, -1, -1, 0},    {5000, -1, -1, 0},
    };
    const int64_t start_s = FIRST_HOUR / 24 * (int64_t)DAY_S;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct spool spool = spool_new();
        struct flush_model model;
        struct window *minute = calloc(1, sizeof *minute);
        ck_assert_ptr_nonnull(minute);
        ck_assert_int_eq(model_init(&model), 0);
        for (int64_t n = 0; n < CASES[i].minutes; n++) {
            minute->start_s = start_s + n * 60;
            model_add_minute(&model, minute, 60);
            if (n == 0) {
                struct profile *step = profile_new(start_s, PROFILE_STEP_S);
                step->tables->packets[PROFILE_SOURCES] = 100;
                model_take_steps(&model, step);
            }
            model_advance(&model, minute->start_s + 60);
        }
        int64_t end_s = start_s + CASES[i].end_s;
        check_trailing(&model, CASES[i].hour, CASES[i].day, end_s);
        save(&model, &spool);
        model_fini(&model);
        load(&model, &spool);
        check_trailing(&model, CASES[i].hour, CASES[i].day, end_s);
        model_fini(&model);
        spool_remove(&spool);
        free(minute);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flush_model");
    TCase *tests = tcase_create("flush_model");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_closes_is_held_until_acknowledged);
    tcase_add_test(tests, days_are_bounded_and_in_order);
    tcase_add_test(tests, rankings_keep_their_labels_by_name);
    tcase_add_test(tests, steps_that_wait_keep_their_labels);
    tcase_add_test(tests, an_hour_is_whole_whichever_file_was_last);
    tcase_add_test(tests, silence_goes_on_after_a_restart);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
