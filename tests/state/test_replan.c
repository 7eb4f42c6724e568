/* Signatures replaced amid a stream: the same ones, in any order, change nothing; counts of
 * those that go away stay; evidence of those that change begins anew. */
#include "tools.h"

#include "state/evidence.h"
#include "state/feed.h"
#include "state/replan.h"

static const char *const TEXTS[] = {
    "signature often\n    title t\n    origin iot\n    match tcp\n    chance 0.3\n",
    "signature often-too\n    title t\n    label often\n    origin tool\n"
    "    match tcp or udp\n    chance 0.6\n",
    "signature rare\n    title t\n    origin tool\n"
    "    match tcp.dstport < 4000 or udp.dstport < 4000\n    chance 2^-8\n",
    "signature port\n    title t\n    origin iot\n    match tcp.dstport < 30000\n"
    "    constant tcp.srcport\n    chance 2^-3\n",
    "signature widely\n    title t\n    origin research\n    match tcp or udp\n"
    "    distinct ports > 5 in 1d\n",
};
/* The same names, of other kinds: no record of one fits the other. */
static const char *const OTHERS[] = {
    "signature often\n    title t\n    origin iot\n    match tcp\n    constant tcp.srcport\n"
    "    chance 2^-3\n",
    "signature often-too\n    title t\n    label new\n    origin tool\n    match tcp or udp\n"
    "    distinct ports > 5 in 1d\n",
    "signature port\n    title t\n    origin iot\n    match tcp.dstport < 30000\n"
    "    chance 0.3\n",
    "signature widely\n    title t\n    origin research\n    match tcp or udp\n    chance "
    "0.5\n",
};
enum {
    TEXTS_N = sizeof TEXTS / sizeof *TEXTS,
    OTHERS_N = sizeof OTHERS / sizeof *OTHERS,
    PACKETS = 6000,
    SOURCES = 150,
};

struct rules {
    struct signature_set *set;
    struct evidence_plan *plan;
};

static void parse(struct signature_set *set, const char *text)
{
    static struct signature_errors errors;
    char all[1024];
    int n = snprintf(all, sizeof all, "%s    reference none\n", text);
    errors.n = 0;
    ck_assert_msg(signature_set_parse(set, "test", all, (size_t)n, &errors) == 0, "%s",
                  errors.items[0].text);
}

static struct rules rules_of(const char *const *texts, unsigned n, bool backwards,
                             const struct rules *before)
{
    static struct signature_errors errors;
    struct rules rules = {.set = signature_set_new()};
    for (unsigned i = 0; i < n; i++)
        parse(rules.set, texts[backwards ? n - 1 - i : i]);
    if (before) {
        errors.n = 0;
        ck_assert_int_eq(signature_set_keep_names(rules.set, before->set, &errors), 0);
    }
    rules.plan =
        evidence_plan_new(&(struct evidence_config){.signatures = rules.set,
                                                    .alpha = 0.02,
                                                    .dark_size = 256,
                                                    .previous = before ? before->plan : NULL});
    ck_assert_ptr_nonnull(rules.plan);
    return rules;
}

static void rules_fini(struct rules *rules)
{
    evidence_plan_free(rules->plan);
    signature_set_free(rules->set);
}

static void count(struct analysis *analysis, const struct stream *stream, unsigned begin,
                  unsigned end, const struct rules *rules)
{
    struct matcher *matcher = matcher_new(rules->set);
    struct matches *matches = matches_new(rules->set);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = begin; i < end; i++) {
        batch_put(batch, &stream->packets[i]);
        if (batch->n + batch->refused_n < 100 && i + 1 < end)
            continue;
        matcher_run(matcher, batch, matches);
        analysis_add(analysis, batch, matches);
        batch_clear(batch);
    }
    free(batch);
    matches_free(matches);
    matcher_free(matcher);
}

static struct analysis *begin(const struct stream *stream, const struct rules *rules)
{
    struct analysis_config config = {.sources_max = 1 << 16,
                                     .lateness_ns = stream->lateness_ns,
                                     .table_key = {1, 9},
                                     .evidence = rules->plan,
                                     .evidence_s = 86400,
                                     .feed = true};
    return analysis_new(&config);
}

static void replace(struct analysis *analysis, const struct rules *from, const struct rules *to)
{
    struct replan *replan = replan_new(from->plan, to->plan, true);
    ck_assert_ptr_nonnull(replan);
    analysis_replan(analysis, replan);
    replan_free(replan);
}

static const struct report_tool *row_of(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->signatures.n; i++)
        if (strcmp(report->signatures.rows[i].name, name) == 0)
            return &report->signatures.rows[i];
    ck_abort_msg("%s is not in the report", name);
}

static void same_feed(struct analysis *one, struct analysis *two)
{
    size_t n, m, iot = 0;
    const struct feed_packet *left = analysis_feed(one, &n), *right = analysis_feed(two, &m);
    ck_assert_uint_eq(n, m);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(left[i].rank, right[i].rank);
        ck_assert_pstr_eq(left[i].label, right[i].label);
        ck_assert_int_eq(left[i].iot, right[i].iot);
        iot += left[i].iot;
    }
    ck_assert_uint_gt(iot, 0);
    ck_assert_uint_lt(iot, n);
}

/* Backwards or not: indexes of signatures move, those of labels do not. */
START_TEST(the_same_signatures_change_nothing)
{
    struct random random = random_seeded("replan");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    struct rules first = rules_of(TEXTS, TEXTS_N, false, NULL);
    struct rules second = rules_of(TEXTS, TEXTS_N, _i, &first);
    struct rules third = rules_of(TEXTS, TEXTS_N, false, &second);
    struct analysis *one = begin(&stream, &first), *two = begin(&stream, &first);
    count(one, &stream, 0, PACKETS, &first);
    count(two, &stream, 0, PACKETS / 3, &first);
    replace(two, &first, &second);
    count(two, &stream, PACKETS / 3, PACKETS / 2, &second);
    replace(two, &second, &third);
    count(two, &stream, PACKETS / 2, PACKETS, &third);
    same_feed(one, two);
    struct report *expected = report_of(one), *report = report_of(two);
    same_report(expected, report);
    same_view(&expected->iot, &report->iot);
    ck_assert_uint_gt(expected->iot_sources, 0);
    ck_assert_uint_eq(expected->iot_sources, report->iot_sources);
    ck_assert_uint_eq(report->signatures.n, TEXTS_N);
    ck_assert_uint_eq(report->labels.n, expected->labels.n);
    same_tools(expected->signatures.rows, report->signatures.rows, TEXTS_N);
    same_tools(expected->labels.rows, report->labels.rows, expected->labels.n);
    report_free(expected);
    report_free(report);
    analysis_free(one);
    analysis_free(two);
    rules_fini(&third);
    rules_fini(&second);
    rules_fini(&first);
    free(stream.packets);
}
END_TEST

/* As if they had been there from the start, when nothing was counted before. */
START_TEST(more_signatures_count_from_then_on)
{
    struct random random = random_seeded("replan with more");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    struct rules few = rules_of(TEXTS + TEXTS_N - 1, 1, false, NULL);
    struct rules all = rules_of(TEXTS, TEXTS_N, false, &few);
    struct analysis *one = begin(&stream, &all), *two = begin(&stream, &few);
    replace(two, &few, &all);
    count(one, &stream, 0, PACKETS, &all);
    count(two, &stream, 0, PACKETS, &all);
    same_feed(one, two);
    struct report *expected = report_of(one), *report = report_of(two);
    same_report(expected, report);
    same_view(&expected->iot, &report->iot);
    same_tools(expected->signatures.rows, report->signatures.rows, TEXTS_N);
    report_free(expected);
    report_free(report);
    analysis_free(one);
    analysis_free(two);
    rules_fini(&all);
    rules_fini(&few);
    free(stream.packets);
}
END_TEST

/* What was counted by then, and for the rest of the stream nothing more. */
START_TEST(what_is_gone_keeps_its_counts)
{
    struct random random = random_seeded("replan without");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    struct rules all = rules_of(TEXTS, TEXTS_N, false, NULL);
    struct rules few = rules_of(TEXTS + 2, 1, false, &all);
    struct analysis *half = begin(&stream, &all), *whole = begin(&stream, &all);
    count(half, &stream, 0, PACKETS / 2, &all);
    count(whole, &stream, 0, PACKETS / 2, &all);
    replace(whole, &all, &few);
    count(whole, &stream, PACKETS / 2, PACKETS, &few);
    struct report *before = report_of(half), *after = report_of(whole);
    static const char *const gone[] = {"often", "often-too", "port", "widely"};
    for (unsigned i = 0; i < 4; i++) {
        const struct report_tool *a = row_of(before, gone[i]), *b = row_of(after, gone[i]);
        ck_assert_uint_gt(a->packets, 0);
        ck_assert_uint_eq(a->packets, b->packets);
        ck_assert_uint_eq(a->sources, b->sources);
        ck_assert_uint_eq(a->labelled, b->labelled);
    }
    ck_assert_uint_gt(row_of(after, "rare")->packets, row_of(before, "rare")->packets);
    ck_assert_uint_eq(after->labels.n, before->labels.n);
    report_free(before);
    report_free(after);
    analysis_free(half);
    analysis_free(whole);
    rules_fini(&few);
    rules_fini(&all);
    free(stream.packets);
}
END_TEST

START_TEST(other_rules_under_the_same_name_begin_anew)
{
    struct random random = random_seeded("replan others");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    struct rules first = rules_of(TEXTS, TEXTS_N, false, NULL);
    struct rules second = rules_of(OTHERS, OTHERS_N, false, &first);
    struct rules third = rules_of(TEXTS, TEXTS_N, true, &second);
    struct analysis *analysis = begin(&stream, &first), *half = begin(&stream, &first);
    count(analysis, &stream, 0, PACKETS / 2, &first);
    count(half, &stream, 0, PACKETS / 2, &first);
    replace(analysis, &first, &second);
    for (unsigned i = 0; i < PACKETS / 2; i++) {
        struct address address = {.is6 = stream.packets[i].is6, .v4 = stream.packets[i].src};
        if (address.is6)
            address.v6 = stream.packets[i].src6;
        struct source_evidence rows[16];
        unsigned n =
            stream.packets[i].counted ? analysis_evidence(analysis, &address, rows, 16) : 0;
        for (unsigned k = 0; k < n; k++)
            ck_assert(rows[k].hits == 0 ||
                      strcmp(signature_at(second.set, rows[k].signature)->name, "rare") != 0);
    }
    count(analysis, &stream, PACKETS / 2, PACKETS * 3 / 4, &second);
    replace(analysis, &second, &third);
    count(analysis, &stream, PACKETS * 3 / 4, PACKETS, &third);
    struct report *before = report_of(half), *after = report_of(analysis);
    for (size_t i = 0; i < before->signatures.n; i++) {
        const struct report_tool *row = &before->signatures.rows[i];
        ck_assert_uint_ge(row_of(after, row->name)->packets, row->packets);
        ck_assert_uint_ge(row_of(after, row->name)->sources, row->sources);
    }
    report_free(before);
    report_free(after);
    analysis_free(half);
    analysis_free(analysis);
    rules_fini(&third);
    rules_fini(&second);
    rules_fini(&first);
    free(stream.packets);
}
END_TEST

/* A copy of two halves, amid the stream, is what one analysis of all of it has. */
START_TEST(a_copy_is_a_report_of_an_analysis_that_goes_on)
{
    struct random random = random_seeded("copy");
    struct stream stream = stream_random(&random, PACKETS, SOURCES, 60);
    struct rules rules = rules_of(TEXTS, TEXTS_N, false, NULL);
    struct analysis *one = begin(&stream, &rules), *whole = begin(&stream, &rules);
    count(one, &stream, 0, PACKETS / 2, &rules);
    for (unsigned i = 0; i < 2; i++) { /* the second time as if there had been no first */
        struct analysis *copy = begin(&stream, &rules);
        for (unsigned part = 0; part < ANALYSIS_PARTS; part++)
            ck_assert_int_eq(analysis_copy_part(copy, one, part), 0);
        if (i) {
            count(one, &stream, PACKETS / 2, PACKETS, &rules);
            count(whole, &stream, 0, PACKETS, &rules);
            struct report *expected = report_of(whole), *report = report_of(one);
            same_report(expected, report);
            report_free(expected);
            report_free(report);
        } else {
            struct report *report = report_of(copy);
            struct analysis *half = begin(&stream, &rules);
            count(half, &stream, 0, PACKETS / 2, &rules);
            struct report *expected = report_of(half);
            same_view(&expected->scan, &report->scan);
            same_view(&expected->iot, &report->iot);
            ck_assert_uint_eq(expected->sources, report->sources);
            ck_assert_uint_eq(expected->destinations, report->destinations);
            ck_assert_mem_eq(expected->counts, report->counts, sizeof report->counts);
            same_tools(expected->signatures.rows, report->signatures.rows, TEXTS_N);
            same_tools(expected->labels.rows, report->labels.rows, expected->labels.n);
            report_free(expected);
            report_free(report);
            analysis_free(half);
        }
        analysis_free(copy);
    }
    analysis_free(one);
    analysis_free(whole);
    rules_fini(&rules);
    free(stream.packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replan");
    TCase *tests = tcase_create("replan");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_same_signatures_change_nothing, 0, 2);
    tcase_add_test(tests, a_copy_is_a_report_of_an_analysis_that_goes_on);
    tcase_add_test(tests, more_signatures_count_from_then_on);
    tcase_add_test(tests, what_is_gone_keeps_its_counts);
    tcase_add_test(tests, other_rules_under_the_same_name_begin_anew);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
