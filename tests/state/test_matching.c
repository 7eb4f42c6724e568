/* Evidence does not depend on where batches end: rows one by one, where nothing is later in the
 * batch, against batches of many. Labels that fall due amid a batch, expiry between two rows of
 * a batch, rows that find no room in the list of matches, and evictions are all in it. */
#include "rules.h"
#include "tools.h"

#include "state/matching.h"

enum { SOURCES = 120, PACKETS = 8000 };

static unsigned overflows; /* batches with rows that found no room in the list */

static struct analysis *run(const struct stream *stream, unsigned rows, uint64_t sources_max)
{
    struct analysis_config config = {.sources_max = sources_max,
                                     .lateness_ns = stream->lateness_ns,
                                     .table_key = {rows, 9},
                                     .evidence = plan,
                                     .evidence_s = 90};
    struct analysis *analysis = analysis_new(&config);
    struct matcher *matcher = matcher_new(signatures);
    struct matches *matches = matches_new(signatures);
    struct batch *batch = calloc(1, sizeof *batch);
    static struct match_lists lists;
    for (unsigned i = 0; i < stream->n; i++) {
        batch_put(batch, &stream->packets[i]);
        if (batch->n + batch->refused_n < rows && i + 1 < stream->n)
            continue;
        matcher_run(matcher, batch, matches);
        match_lists_fill(&lists, plan, batch, matches);
        overflows += lists.rows_end < batch->n;
        analysis_add(analysis, batch, matches);
        batch_clear(batch);
    }
    free(batch);
    matches_free(matches);
    matcher_free(matcher);
    return analysis;
}

static void same_evidence(const struct analysis *a, const struct analysis *b,
                          const struct packet *packet, unsigned *ret_labelled)
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
        *ret_labelled += left[i].labelled;
    }
}

static void check_rows(const struct stream *stream, uint64_t sources_max)
{
    static const unsigned rows[] = {3, 64, 255, 256};
    struct analysis *one = run(stream, 1, sources_max);
    struct report *expected = report_of(one);
    ck_assert_uint_gt(expected->iot.packets, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct analysis *many = run(stream, rows[i], sources_max);
        unsigned labelled = 0;
        for (unsigned k = 0; k < stream->n; k++)
            if (stream->packets[k].counted)
                same_evidence(one, many, &stream->packets[k], &labelled);
        ck_assert_uint_gt(labelled, 0);
        struct report *report = report_of(many);
        same_report(expected, report);
        same_view(&expected->iot, &report->iot);
        ck_assert_uint_eq(expected->signatures.n, report->signatures.n);
        same_tools(expected->signatures.rows, report->signatures.rows, report->signatures.n);
        same_tools(expected->labels.rows, report->labels.rows, report->labels.n);
        report_free(report);
        analysis_free(many);
    }
    ck_assert_uint_gt(overflows, 0);
    report_free(expected);
    analysis_free(one);
}

START_TEST(batches_of_any_size_give_the_same_evidence)
{
    struct random random = random_seeded("matching");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    check_rows(&stream, 1 << 16);
    free(stream.packets);
}
END_TEST

START_TEST(evictions_amid_a_batch_do_not_matter)
{
    struct random random = random_seeded("matching with evictions");
    struct stream stream = stream_random(&random, PACKETS, 1500, 60);
    check_rows(&stream, 64 * 9);
    free(stream.packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matching");
    TCase *tests = tcase_create("matching");
    tcase_add_checked_fixture(tests, rules_setup, rules_teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, batches_of_any_size_give_the_same_evidence);
    tcase_add_test(tests, evictions_amid_a_batch_do_not_matter);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
