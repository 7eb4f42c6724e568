/* What waits in a flusher's inbox: whole, whatever becomes of what it was made of. */
#include "app/flush_parcel.h"
#include "harness.h"

#include <string.h>

enum { SECOND = 1000000000 };

/* Signatures are reloaded, and the old ones freed, before the flusher's thread looks. */
START_TEST(labels_of_the_feed_outlive_the_signatures)
{
    static const char *const LABELS[] = {"mirai", NULL, "zmap", "mirai", ""};
    enum { N = sizeof LABELS / sizeof *LABELS };
    struct feed_packet feed[N] = {0};
    struct window *window = calloc(1, sizeof *window);
    struct flusher_minute minute = {window, 60};
    char *lent[N] = {0};
    ck_assert_ptr_nonnull(window);
    window->start_s = 60;
    window->counts[COUNT_packets] = 7;
    for (unsigned i = 0; i < N; i++) {
        lent[i] = LABELS[i] ? strdup(LABELS[i]) : NULL;
        feed[i] = (struct feed_packet){.ts_ns = (i + 1) * (int64_t)SECOND, .label = lent[i]};
    }
    struct flusher_values values = {
        .minutes = &minute, .minutes_n = 1, .feed = feed, .feed_n = N};
    struct parcel *parcel = parcel_of_values(&values);
    ck_assert_ptr_nonnull(parcel);
    for (unsigned i = 0; i < N; i++) {
        if (lent[i])
            memset(lent[i], '!', strlen(lent[i]));
        free(lent[i]);
    }
    memset(feed, 0, sizeof feed);
    free(window);

    struct flush_model model;
    ck_assert_int_eq(model_init(&model), 0);
    parcel_open(parcel, &model);
    parcel_free(parcel);
    ck_assert_uint_eq(model.minutes_n, 1);
    ck_assert_uint_eq(model.minutes[0].counts[COUNT_packets], 7);
    ck_assert_uint_eq(model.feed_n, N);
    for (unsigned i = 0; i < N; i++) {
        ck_assert_int_eq(model.feed[i].ts_ns, (i + 1) * (int64_t)SECOND);
        if (LABELS[i])
            ck_assert_str_eq(model.feed[i].label, LABELS[i]);
        else
            ck_assert_ptr_null(model.feed[i].label);
    }
    model_fini(&model);
}
END_TEST

START_TEST(nothing_is_a_parcel_too)
{
    struct flusher_values values = {0};
    struct parcel *parcel = parcel_of_values(&values);
    struct flush_model model;
    ck_assert_ptr_nonnull(parcel);
    ck_assert_int_eq(model_init(&model), 0);
    parcel_open(parcel, &model);
    ck_assert_uint_eq(model.minutes_n + model.feed_n, 0);
    model_fini(&model);
    parcel_free(parcel);
    parcel_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flush_parcel");
    TCase *tests = tcase_create("flush_parcel");
    tcase_add_test(tests, labels_of_the_feed_outlive_the_signatures);
    tcase_add_test(tests, nothing_is_a_parcel_too);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
