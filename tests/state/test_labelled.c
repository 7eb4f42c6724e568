/* The list of labelled sources: who is on it, with what, in what order, whatever the workers.
 */
#include "state/evidence.h"
#include "state/labelled.h"
#include "stream.h"

static const char SIGNATURES[] =
    "signature bot\n    title B\n    origin iot\n    match tcp.syn and tcp.dstport < 100\n"
    "    chance 1e-6\n    reference none\n\n"
    "signature tool\n    title T\n    label common\n    origin tool\n"
    "    match tcp.syn and tcp.dstport == 23\n    chance 1e-12\n    reference none\n";

static struct signature_set *set;
static struct evidence_plan *plan;

static void setup_with(const char *text)
{
    struct signature_errors *errors = calloc(1, sizeof *errors);
    set = signature_set_new();
    int parsed = signature_set_parse(set, "test", text, strlen(text), errors);
    ck_assert_msg(parsed == 0, "%u: %s", errors->items[0].line, errors->items[0].text);
    free(errors);
    plan = evidence_plan_new(&(struct evidence_config){.signatures = set, .alpha = 1e-9});
}

static void setup(void)
{
    setup_with(SIGNATURES);
}

static void teardown(void)
{
    evidence_plan_free(plan);
    signature_set_free(set);
}

struct sent {
    uint32_t src, at_s;
    uint16_t dport;
    uint32_t dst;
};

/* Analyses of the packets, one a worker, merged. */
static struct analysis *analyse(const struct sent *sent, unsigned n, unsigned workers)
{
    struct analysis *parts[8];
    struct analysis_config config = {.sources_max = 1 << 16,
                                     .locator = &TEST_LOCATOR,
                                     .evidence = plan,
                                     .evidence_s = 365 * 86400};
    struct matcher *matcher = matcher_new(set);
    struct matches *matches = matches_new(set);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned worker = 0; worker < workers; worker++) {
        parts[worker] = analysis_new(&config);
        for (unsigned i = 0; i < n; i++) {
            struct packet packet = {.ts_ns = sent[i].at_s * SECOND,
                                    .now_min = sent[i].at_s / 60,
                                    .counted = true,
                                    .src = sent[i].src,
                                    .dst = sent[i].dst,
                                    .ip_proto = 6,
                                    .tcp_flags = 2,
                                    .dstport = sent[i].dport};
            if (shard_of4(packet.src) % workers != worker)
                continue;
            batch_clear(batch);
            batch_put(batch, &packet);
            matcher_run(matcher, batch, matches);
            analysis_add(parts[worker], batch, matches);
        }
        if (worker > 0) {
            ck_assert_int_eq(analysis_merge(parts[0], parts[worker]), 0);
            analysis_free(parts[worker]);
        }
    }
    free(batch);
    matcher_free(matcher);
    matches_free(matches);
    return parts[0];
}

enum { NOW_S = 1800000000 };

static const struct sent SENT[] = {
    {9, NOW_S - 100, 23, 1},
    {9, NOW_S - 90, 23, 2}, /* both signatures */
    {5, NOW_S - 50, 22, 1},
    {5, NOW_S, 80, 2},
    {5, NOW_S, 80, 3},      /* bot */
    {7, NOW_S - 10, 23, 1}, /* once is no label */
    {8, NOW_S - 10, 5000, 1},
    {8, NOW_S - 10, 5001, 1}, /* no match */
    {4, NOW_S - 8 * 86400, 23, 1},
    {4, NOW_S - 8 * 86400, 23, 2}, /* too long ago */
};
enum { SENT_N = sizeof SENT / sizeof *SENT };

START_TEST(labelled_sources_are_listed_with_their_evidence)
{
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct analysis *analysis = analyse(SENT, SENT_N, workers);
        struct labelled_list list;
        ck_assert_int_eq(labelled_collect(analysis, LABELLED_MAX, &list), 0);
        ck_assert_uint_eq(list.n, 2);
        ck_assert_uint_eq(list.left_out, 0);
        const struct labelled_source *five = &list.rows[0], *nine = &list.rows[1];
        ck_assert_uint_eq(five->source.v4, 5);
        ck_assert_uint_eq(five->packets, 3);
        ck_assert_uint_eq(five->first_s, NOW_S - 50);
        ck_assert_uint_eq(five->last_s, NOW_S);
        ck_assert(five->iot);
        ck_assert_uint_eq(five->signatures_n, 1);
        ck_assert_uint_eq(five->signatures[0].hits, 3);
        ck_assert_uint_eq(five->signatures[0].candidates, 3);
        ck_assert_double_eq_tol(five->signatures[0].probability, 1e-18, 1e-20);
        ck_assert_uint_eq(five->ports_n, 2);
        ck_assert_uint_eq(five->ports[0], 6 << 16 | 22);
        ck_assert_uint_eq(five->ports[1], 6 << 16 | 80);
        ck_assert(!five->ports_more);
        ck_assert_str_eq(five->place.cc, "AZ"); /* of TEST_LOCATOR */
        ck_assert_uint_eq(nine->source.v4, 9);
        ck_assert_uint_eq(nine->signatures_n, 2);
        ck_assert_str_eq(signature_at(set, nine->signatures[0].signature)->name, "tool");
        ck_assert_str_eq(signature_at(set, nine->signatures[1].signature)->name, "bot");
        free(list.rows);
        analysis_free(analysis);
    }
}
END_TEST

START_TEST(the_latest_seen_stay_when_there_are_too_many)
{
    struct sent sent[200];
    for (unsigned i = 0; i < 200; i++)
        sent[i] = (struct sent){1000 + i / 2, NOW_S - 500 + 7 * (i / 2) % 100, 23, i};
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct analysis *analysis = analyse(sent, 200, workers);
        struct labelled_list list;
        ck_assert_int_eq(labelled_collect(analysis, 30, &list), 0);
        ck_assert_uint_eq(list.n, 30);
        ck_assert_uint_eq(list.left_out, 70);
        for (unsigned i = 0; i < 30; i++) {
            ck_assert_uint_ge(list.rows[i].last_s, NOW_S - 500 + 70);
            ck_assert(i == 0 || list.rows[i - 1].source.v4 < list.rows[i].source.v4);
        }
        free(list.rows);
        analysis_free(analysis);
    }
}
END_TEST

START_TEST(many_ports_are_cut_and_said_to_be)
{
    struct sent sent[200];
    for (unsigned i = 0; i < 200; i++)
        sent[i] = (struct sent){1, NOW_S, (uint16_t)(i % 100 * 3 % 100), i};
    static const struct {
        unsigned packets, ports;
        bool more;
    } CASES[] = {{32, 32, false}, {33, 32, true}, {100, 32, true}};
    for (unsigned i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct analysis *analysis = analyse(sent, CASES[i].packets, 1);
        struct labelled_list list;
        ck_assert_int_eq(labelled_collect(analysis, 5, &list), 0);
        ck_assert_uint_eq(list.n, 1);
        ck_assert_uint_eq(list.rows[0].ports_n, CASES[i].ports);
        ck_assert_int_eq(list.rows[0].ports_more, CASES[i].more);
        for (unsigned port = 1; port < list.rows[0].ports_n; port++)
            ck_assert_uint_lt(list.rows[0].ports[port - 1], list.rows[0].ports[port]);
        free(list.rows);
        analysis_free(analysis);
    }
    for (unsigned i = 0; i < 200; i++) /* so many that only a sketch is left */
        sent[i].dport = (uint16_t)(i < 2 ? 23 : 1000 + i);
    struct analysis *analysis = analyse(sent, 200, 1);
    struct labelled_list list;
    ck_assert_int_eq(labelled_collect(analysis, 5, &list), 0);
    ck_assert_uint_eq(list.n, 1);
    ck_assert_uint_eq(list.rows[0].ports_n, 0);
    ck_assert(list.rows[0].ports_more);
    free(list.rows);
    analysis_free(analysis);
}
END_TEST

/* More signatures than a row has room for, most of one label: those left out are the most
 * probable, but for the only one of another label. */
START_TEST(no_label_is_cut_off_with_its_signature)
{
    char text[8192];
    size_t n = 0;
    for (unsigned i = 0; i < LABELLED_SIGNATURES_MAX + 4; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "signature s%u\n title t\n label %s\n origin tool\n"
                              " match tcp.syn and tcp.dstport < 100\n chance 2^-%u\n"
                              " reference none\n",
                              i, i == LABELLED_SIGNATURES_MAX + 3 ? "other" : "common", 60 - i);
    teardown();
    setup_with(text);
    struct analysis *analysis = analyse(SENT, SENT_N, 1);
    struct labelled_list list;
    ck_assert_int_eq(labelled_collect(analysis, LABELLED_MAX, &list), 0);
    ck_assert_uint_eq(list.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct labelled_source *row = &list.rows[i];
        ck_assert_uint_eq(row->signatures_n, LABELLED_SIGNATURES_MAX);
        for (unsigned j = 0; j < LABELLED_SIGNATURES_MAX; j++) {
            unsigned wanted = j < LABELLED_SIGNATURES_MAX - 1 ? j : LABELLED_SIGNATURES_MAX + 3;
            char name[8];
            (void)snprintf(name, sizeof name, "s%u", wanted);
            ck_assert_str_eq(signature_at(set, row->signatures[j].signature)->name, name);
        }
    }
    free(list.rows);
    analysis_free(analysis);
}
END_TEST

START_TEST(without_signatures_it_is_empty)
{
    struct analysis *analysis = analysis_new(&(struct analysis_config){.sources_max = 64});
    struct labelled_list list;
    ck_assert_int_eq(labelled_collect(analysis, 5, &list), 0);
    ck_assert_uint_eq(list.n, 0);
    ck_assert_ptr_null(list.rows);
    analysis_free(analysis);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("labelled");
    TCase *tests = tcase_create("labelled");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, labelled_sources_are_listed_with_their_evidence);
    tcase_add_test(tests, the_latest_seen_stay_when_there_are_too_many);
    tcase_add_test(tests, many_ports_are_cut_and_said_to_be);
    tcase_add_test(tests, no_label_is_cut_off_with_its_signature);
    tcase_add_test(tests, without_signatures_it_is_empty);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
