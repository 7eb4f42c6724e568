/* The transposed masks hold what a walk over rows and masks finds, in that order. */
#include "harness.h"
#include "state/match_lists.h"

#include <string.h>

static const char TEXT[] = "signature usual\n    title t\n    origin iot\n    match tcp\n"
                           "    chance 2^-8\n    reference none\n"
                           "signature own-probe\n    title t\n    origin tool\n    match tcp\n"
                           "    distinct ip.id\n    chance 2^-8\n    reference none\n"
                           "signature related\n    title t\n    origin iot\n    match tcp\n"
                           "    constant tcp.srcport\n    chance 2^-8\n    reference none\n"
                           "signature off\n    title t\n    origin research\n    match tcp\n"
                           "    distinct ports > 5 in 1d\n    reference none\n"
                           "signature five\n    title t\n    origin tool\n    match tcp\n"
                           "    chance 2^-8\n    reference none\n"
                           "signature six\n    title t\n    origin tool\n    match tcp\n"
                           "    chance 2^-8\n    reference none\n";
enum { USUAL, OWN_PROBE, RELATED, OFF, FIVE, SIX, SIGNATURES };

static struct signature_set *signatures;
static struct evidence_plan *plan;
static struct matches *matches;

static void setup(void)
{
    static struct signature_errors errors;
    signatures = signature_set_new();
    ck_assert_int_eq(signature_set_parse(signatures, "test", TEXT, sizeof TEXT - 1, &errors),
                     0);
    plan =
        evidence_plan_new(/* no dark space: `off` is */
                          &(struct evidence_config){.signatures = signatures, .alpha = 1e-9});
    matches = matches_new(signatures);
}

static void teardown(void)
{
    matches_free(matches);
    evidence_plan_free(plan);
    signature_set_free(signatures);
}

/* Each signature matches a row with the probability density / 16. */
static void fill(struct random *random, struct batch *batch, unsigned density)
{
    memset(matches->mask, 0, SIGNATURES * sizeof *matches->mask);
    matches->hits_n = 0;
    for (unsigned row = 0; row < batch->n; row++) {
        mask_set(batch->has[HAS_IP], row);
        mask_set(batch->has[HAS_TCP], row);
        batch->dst[row] = (uint32_t)random_next(random);
        batch->tcp_seq[row] = (uint32_t)random_next(random);
        batch->ip_id[row] = (uint16_t)random_next(random);
    }
    for (unsigned signature = 0; signature < SIGNATURES; signature++) {
        bool any = false;
        for (unsigned row = 0; row < batch->n; row++)
            if (random_below(random, 16) < density) {
                mask_set(matches->mask[signature], row);
                any = true;
            }
        if (any)
            matches->hits[matches->hits_n++] = signature;
    }
}

static void check(const struct match_lists *lists, const struct batch *batch)
{
    unsigned k = 0;
    for (unsigned row = 0; row < batch->n; row++) {
        unsigned its = 0;
        bool iot = false;
        for (unsigned signature = 0; signature < SIGNATURES; signature++) {
            if (signature == OFF || !mask_test(matches->mask[signature], row))
                continue;
            its++;
            iot |= signature == USUAL; /* `related` is for its source to decide */
            if (row >= lists->rows_end)
                continue;
            ck_assert_uint_lt(k, lists->n);
            ck_assert_uint_eq(lists->hits[k].row, row);
            ck_assert_uint_eq(lists->hits[k].signature, signature);
            ck_assert_uint_eq(lists->hits[k].probe,
                              signature_probe_key(signatures, signature, batch, row) >> 32);
            k++;
        }
        ck_assert_int_eq(mask_test(lists->any, row), its > 0);
        ck_assert_int_eq(mask_test(lists->several, row), its > 1 && row < lists->rows_end);
        ck_assert_int_eq(mask_test(lists->iot, row), iot);
    }
    ck_assert_uint_eq(k, lists->n);
}

START_TEST(lists_hold_what_a_walk_finds)
{
    struct random random = random_seeded("match lists");
    static struct batch batch;
    static struct match_lists lists;
    unsigned overflows = 0;
    for (unsigned round = 0; round < 400; round++) {
        memset(&batch, 0, sizeof batch);
        batch.n = round % 3 ? BATCH_CAP : (unsigned)random_below(&random, BATCH_CAP + 1);
        fill(&random, &batch, round % 17);
        match_lists_fill(&lists, plan, &batch, matches);
        check(&lists, &batch);
        overflows += lists.rows_end < batch.n;
    }
    ck_assert_uint_gt(overflows, 0);
}
END_TEST

START_TEST(without_signatures_lists_are_empty)
{
    static struct match_lists lists;
    static struct batch batch;
    match_lists_fill(&lists, NULL, &batch, NULL);
    ck_assert(match_lists_empty(&lists));
    struct random random = random_seeded("empty lists");
    batch.n = 1;
    fill(&random, &batch, 16);
    match_lists_fill(&lists, plan, &batch, matches);
    ck_assert(!match_lists_empty(&lists));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("match_lists");
    TCase *tests = tcase_create("match_lists");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lists_hold_what_a_walk_finds);
    tcase_add_test(tests, without_signatures_lists_are_empty);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
