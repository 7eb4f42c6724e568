/* Evidence: the binomial tail against exact arithmetic, labels on evidence and not on chance,
 * relations over interleaved runs, thresholds by the day, expiry, merging. */
#include "harness.h"
#include "state/binomial.h"
#include "state/evidence.h"

#include <math.h>
#include <string.h>

static const struct {
    uint64_t n;
    double p;
    uint64_t k;
    double tail; /* from exact sums of integer binomials */
} TAILS[] = {
    {1, 0x1p-16, 1, 1.525878906250e-05},      {2, 0x1p-16, 2, 2.328306436539e-10},
    {100000, 0x1p-16, 3, 1.976758704384e-01}, {100000, 0x1p-16, 12, 8.178997619566e-08},
    {10, 0.5, 10, 9.765625000000e-04},        {10, 0.5, 8, 5.468750000000e-02},
    {1000, 0x1p-8, 20, 6.124087061141e-09},   {1000000, 0x1p-14, 150, 6.234371970506e-22},
    {5, 0x1p-32, 2, 5.421010859903e-19},      {3, 0x1p-32, 1, 6.984919307990e-10},
};

START_TEST(binomial_tail_equals_exact_sums)
{
    double tail = binomial_tail(TAILS[_i].n, TAILS[_i].p, TAILS[_i].k);
    ck_assert_double_le(fabs(tail / TAILS[_i].tail - 1), 1e-6);
}
END_TEST

START_TEST(binomial_tail_has_sane_ends)
{
    ck_assert_double_eq(binomial_tail(5, 0.1, 0), 1);
    ck_assert_double_eq(binomial_tail(5, 0.1, 6), 0);
    ck_assert_double_eq(binomial_tail(1000, 0.5, 400), 1);
    ck_assert_double_eq(binomial_tail(10, 1, 10), 1);
    ck_assert_double_le(binomial_tail(UINT32_MAX, 0x1p-16, 1 << 20), 1e-9);
}
END_TEST

/* Sooner than the whole sum, and the same: also close to alpha, and far from it. */
START_TEST(what_is_chance_is_told_by_the_tail)
{
    struct random random = random_seeded("what_is_chance");
    enum { CASES = 20000 };
    for (unsigned i = 0; i < CASES; i++) {
        uint64_t n = 1 + random_below(&random, UINT64_C(1) << (1 + random_below(&random, 24)));
        double p = ldexp(1 + (double)random_below(&random, 1000) / 1000,
                         -1 - (int)random_below(&random, 32));
        double mean = (double)n * p, sigma = sqrt(mean * (1 - p));
        double hits = mean + sigma * (double)random_below(&random, 90) / 10;
        uint64_t k = hits < (double)n ? (uint64_t)hits : n;
        double tail = binomial_tail(n, p, k);
        double alphas[] = {1e-9, tail * 0.5, tail * 0.999, tail * 1.001, tail * 3};
        for (unsigned j = 0; j < sizeof alphas / sizeof *alphas; j++)
            ck_assert_msg(binomial_is_chance(n, p, k, alphas[j]) == (tail > alphas[j]),
                          "n %llu, p %.17g, k %llu, alpha %.17g", (unsigned long long)n, p,
                          (unsigned long long)k, alphas[j]);
    }
}
END_TEST

static const char TEXT[] = "signature fixed-id\n"
                           "    title Fixed id\n"
                           "    label tool-a\n"
                           "    origin iot\n"
                           "    match tcp.syn and ip.id == 54321\n"
                           "    chance 2^-16\n"
                           "    reference none\n"
                           "signature fixed-id-too\n"
                           "    title Fixed id again\n"
                           "    label tool-a\n"
                           "    origin tool\n"
                           "    match tcp.syn and ip.id == 54321 and tcp.window == 7\n"
                           "    chance 2^-32\n"
                           "    reference none\n"
                           "signature keyed\n"
                           "    title Mirrored key\n"
                           "    origin tool\n"
                           "    match tcp.syn\n"
                           "    constant (tcp.seq >> 16) ^ (tcp.seq & 0xffff)\n"
                           "    distinct (ip.dst, tcp.dstport, tcp.seq)\n"
                           "    chance 2^-16\n"
                           "    reference none\n"
                           "signature counter\n"
                           "    title Counter\n"
                           "    origin tool\n"
                           "    match tcp.syn and tcp.seq < 16777216\n"
                           "    increasing tcp.seq\n"
                           "    chance 2^-9\n"
                           "    reference none\n"
                           "signature many-ports\n"
                           "    title Many ports\n"
                           "    origin research\n"
                           "    match tcp.syn\n"
                           "    distinct tcp.dstport > 10 in 1d\n"
                           "    reference none\n";

enum { FIXED, FIXED_TOO, KEYED, COUNTER, PORTS };

static struct signature_set *signatures;
static struct evidence_plan *plan;
static struct pool pool;
static uint32_t head;
static struct batch batch;

static void setup(void)
{
    static struct signature_errors errors;
    signatures = signature_set_new();
    int status = signature_set_parse(signatures, "test", TEXT, sizeof TEXT - 1, &errors);
    for (unsigned i = 0; i < errors.n; i++)
        printf("%u:%u: %s\n", errors.items[i].line, errors.items[i].column,
               errors.items[i].text);
    ck_assert_int_eq(status, 0);
    plan = evidence_plan_new(
        &(struct evidence_config){.signatures = signatures, .alpha = 1e-9, .dark_size = 256});
    pool_init(&pool, 1 << 20);
    head = 0;
    memset(&batch, 0, sizeof batch);
    batch.n = 1;
    mask_set(batch.has[HAS_IP], 0);
    mask_set(batch.has[HAS_TCP], 0);
    batch.tcp_flags[0] = 2;
    batch.src[0] = 0x01020304;
    batch.dst[0] = 0x0a000000;
    batch.dstport[0] = 23;
}

static void teardown(void)
{
    evidence_free(&pool, &head);
    pool_fini(&pool);
    evidence_plan_free(plan);
    signature_set_free(signatures);
}

static unsigned note(unsigned signature, uint64_t n)
{
    return evidence_note(plan, &pool, &head, signature, n, &batch, 0);
}

START_TEST(two_of_two_label_and_three_of_many_do_not)
{
    ck_assert_uint_eq(note(FIXED, 1), NOTE_MATCHES);
    batch.dst[0]++;
    ck_assert_uint_eq(note(FIXED, 2), NOTE_MATCHES | NOTE_LABELS);
    batch.dst[0]++;
    ck_assert_uint_eq(note(FIXED, 3), NOTE_MATCHES);

    evidence_free(&pool, &head);
    for (unsigned i = 0; i < 3; i++) {
        batch.dst[0]++;
        ck_assert_uint_eq(note(FIXED, 100000) & NOTE_LABELS, 0);
    }
}
END_TEST

START_TEST(a_retransmission_is_no_evidence)
{
    for (unsigned i = 1; i < 50; i++)
        ck_assert_uint_eq(note(FIXED, i) & NOTE_LABELS, 0);
}
END_TEST

START_TEST(signatures_share_a_label)
{
    ck_assert_uint_eq(evidence_label_of(plan, FIXED), evidence_label_of(plan, FIXED_TOO));
    ck_assert_uint_ne(evidence_label_of(plan, FIXED), evidence_label_of(plan, KEYED));
    ck_assert_str_eq(evidence_label_name(plan, evidence_label_of(plan, FIXED)), "tool-a");
    ck_assert_uint_eq(evidence_label_count(plan), 4);
}
END_TEST

/* A probe of a run whose two halves of the sequence number differ by key. */
static void keyed_probe(struct random *random, uint32_t key)
{
    uint32_t low = (uint32_t)random_below(random, 65536);
    batch.tcp_seq[0] = (low ^ key) << 16 | low;
    batch.dst[0]++;
}

START_TEST(interleaved_runs_of_one_source_label)
{
    struct random random = {1};
    unsigned labels = 0, matches = 0;
    for (unsigned i = 0; i < 12; i++) {
        keyed_probe(&random, 0x1111 * (i % 3 + 1));
        unsigned notes = note(KEYED, i + 1);
        matches += (notes & NOTE_MATCHES) != 0;
        labels += (notes & NOTE_LABELS) != 0;
    }
    ck_assert_uint_eq(matches, 9); /* all but the first of each run */
    ck_assert_uint_eq(labels, 1);
}
END_TEST

START_TEST(random_values_do_not_hold)
{
    struct random random = random_seeded("random_values_do_not_hold");
    for (unsigned i = 0; i < 200000; i++) {
        batch.tcp_seq[0] = (uint32_t)random_next(&random);
        batch.dst[0]++;
        ck_assert_uint_eq(note(KEYED, i + 1) & NOTE_LABELS, 0);
    }
}
END_TEST

START_TEST(a_value_holds_only_with_a_distinct_packet)
{
    batch.tcp_seq[0] = 5;
    ck_assert_uint_eq(note(KEYED, 1), 0);
    for (unsigned i = 2; i < 20; i++) /* the same packet again */
        ck_assert_uint_eq(note(KEYED, i), 0);
    batch.dst[0]++;
    ck_assert_uint_eq(note(KEYED, 20) & NOTE_MATCHES, NOTE_MATCHES);
}
END_TEST

START_TEST(a_counter_labels_and_a_constant_does_not_increase)
{
    batch.tcp_seq[0] = 9;
    for (unsigned i = 1; i < 50; i++) {
        batch.dst[0]++;
        ck_assert_uint_eq(note(COUNTER, i), 0);
    }
    evidence_free(&pool, &head);
    unsigned labels = 0;
    for (unsigned i = 1; i < 20; i++) {
        batch.dst[0]++;
        batch.tcp_seq[0] += 3;
        labels += (note(COUNTER, i) & NOTE_LABELS) != 0;
    }
    ck_assert_uint_eq(labels, 1);
}
END_TEST

START_TEST(thresholds_count_within_a_day)
{
    const int64_t day_ns = 86400 * INT64_C(1000000000);
    batch.ts_ns[0] = 20000 * day_ns - 1;
    for (unsigned i = 0; i < 10; i++) {
        batch.dstport[0] = (uint16_t)i;
        ck_assert_uint_eq(note(PORTS, 1), 0);
    }
    batch.ts_ns[0] = 20000 * day_ns; /* midnight: all anew */
    for (unsigned i = 0; i < 10; i++) {
        batch.dstport[0] = (uint16_t)(100 + i);
        ck_assert_uint_eq(note(PORTS, 1), 0);
        ck_assert_uint_eq(note(PORTS, 1), 0);
    }
    batch.dstport[0] = 99;
    ck_assert_uint_eq(note(PORTS, 1) & NOTE_LABELS, NOTE_LABELS);
}
END_TEST

START_TEST(thresholds_are_off_without_a_dark_space)
{
    evidence_plan_free(plan);
    plan =
        evidence_plan_new(&(struct evidence_config){.signatures = signatures, .alpha = 1e-9});
    ck_assert(evidence_off(plan, PORTS));
    ck_assert(!evidence_off(plan, FIXED));
    for (unsigned i = 0; i < 100; i++) {
        batch.dstport[0] = (uint16_t)i;
        ck_assert_uint_eq(note(PORTS, 1), 0);
    }
}
END_TEST

START_TEST(expiry_forgets_hits_and_keeps_labels)
{
    (void)note(FIXED, 1);
    evidence_expire(&pool, head);
    batch.dst[0]++;
    ck_assert_uint_eq(note(FIXED, 1) & NOTE_LABELS, 0); /* the first again */
    batch.dst[0]++;
    ck_assert_uint_eq(note(FIXED, 2) & NOTE_LABELS, NOTE_LABELS);
    evidence_expire(&pool, head);
    struct evidence_view view;
    uint32_t at = head;
    ck_assert(evidence_next(&pool, &at, &view));
    ck_assert(view.labelled && view.matched);
    ck_assert_uint_eq(view.hits, 0);
    ck_assert(!evidence_next(&pool, &at, &view));
}
END_TEST

START_TEST(expiry_forgets_what_thresholds_counted)
{
    for (unsigned i = 0; i < 10; i++) {
        batch.dstport[0] = (uint16_t)i;
        ck_assert_uint_eq(note(PORTS, 1), 0);
    }
    evidence_expire(&pool, head);
    for (unsigned i = 0; i < 10; i++) {
        batch.dstport[0] = (uint16_t)(5 + i);
        ck_assert_uint_eq(note(PORTS, 1), 0);
    }
    batch.dstport[0] = 99;
    ck_assert_uint_eq(note(PORTS, 1) & NOTE_LABELS, NOTE_LABELS);
}
END_TEST

START_TEST(a_full_pool_refuses_and_says_so)
{
    pool_fini(&pool);
    pool_init(&pool, 0);
    ck_assert_uint_eq(note(FIXED, 1), NOTE_REFUSED);
}
END_TEST

START_TEST(parts_of_a_source_merge)
{
    struct pool other;
    pool_init(&other, 1 << 20);
    uint32_t part = 0;
    for (unsigned i = 0; i < 9; i++) {
        batch.dst[0]++;
        batch.dstport[0] = (uint16_t)i;
        (void)note(PORTS, i + 1);
        (void)evidence_note(plan, &other, &part, FIXED, 1000000000, &batch, 0);
        batch.dstport[0] = (uint16_t)(i + 5);
        (void)evidence_note(plan, &other, &part, PORTS, i + 1, &batch, 0);
    }
    ck_assert(evidence_merge(plan, &pool, &head, 0, &other, part));
    evidence_free(&other, &part);
    pool_fini(&other);
    struct evidence_view view;
    unsigned records = 0;
    for (uint32_t at = head; evidence_next(&pool, &at, &view); records++)
        if (view.signature == FIXED)
            ck_assert_uint_eq(view.hits, 9);
    ck_assert_uint_eq(records, 2);
    batch.dstport[0] = 3; /* ports 0..13 have been seen: 14 > 10 */
    ck_assert_uint_eq(note(PORTS, 1) & NOTE_LABELS, NOTE_LABELS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evidence");
    TCase *tests = tcase_create("evidence");
    tcase_add_loop_test(tests, binomial_tail_equals_exact_sums, 0,
                        sizeof TAILS / sizeof *TAILS);
    tcase_add_test(tests, binomial_tail_has_sane_ends);
    tcase_add_test(tests, what_is_chance_is_told_by_the_tail);
    suite_add_tcase(suite, tests);
    tests = tcase_create("source");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, two_of_two_label_and_three_of_many_do_not);
    tcase_add_test(tests, a_retransmission_is_no_evidence);
    tcase_add_test(tests, signatures_share_a_label);
    tcase_add_test(tests, interleaved_runs_of_one_source_label);
    tcase_add_test(tests, random_values_do_not_hold);
    tcase_add_test(tests, a_value_holds_only_with_a_distinct_packet);
    tcase_add_test(tests, a_counter_labels_and_a_constant_does_not_increase);
    tcase_add_test(tests, thresholds_count_within_a_day);
    tcase_add_test(tests, thresholds_are_off_without_a_dark_space);
    tcase_add_test(tests, expiry_forgets_hits_and_keeps_labels);
    tcase_add_test(tests, expiry_forgets_what_thresholds_counted);
    tcase_add_test(tests, a_full_pool_refuses_and_says_so);
    tcase_add_test(tests, parts_of_a_source_merge);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
