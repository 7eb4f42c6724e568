/* What a running sensor holds for Redis: hours that close, and files that say they come from
 * the future. */
#include "app/flush_model.h"
#include "app/gathering_save.h"
#include "app/gathering_state.h"
#include "harness.h"

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

int main(void)
{
    Suite *suite = suite_create("flush_model");
    TCase *tests = tcase_create("flush_model");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_closes_is_held_until_acknowledged);
    tcase_add_test(tests, days_are_bounded_and_in_order);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
