/* The compiled matcher equals the naive evaluator, on every instruction set of this processor;
 * what is printed parses to the same expression; candidates cover every match. */
#include "harness.h"

#include <stdarg.h>

#include "random_batch.h"
#include "random_signature.h"
#include "signature/parse.h"
#include "signature/plan.h"

enum { ROUNDS = 60, SIGNATURES = 120, TEXT_CAP = 1 << 16 };

static char text[TEXT_CAP];
static struct signature_errors errors;
static struct random_batch packets;

/* Adds random signatures, each a file of its own: those that the checker refuses (a constant
 * that cannot be reached, ...) are left out. */
static struct signature_set *random_set(struct random *random, unsigned n)
{
    struct signature_set *set = signature_set_new();
    ck_assert_ptr_nonnull(set);
    for (unsigned i = 0; i < n; i++) {
        struct writer writer = {text, sizeof text, 0};
        random_signature(random, &writer, i);
        errors.n = 0;
        (void)signature_set_parse(set, "random", text, writer.len, &errors);
    }
    return set;
}

static void check_row(const struct signature_set *set, const struct matches *matches,
                      const char *isa, unsigned row, bool *ret_any, bool *ret_iot)
{
    for (unsigned i = 0; i < signature_count(set); i++) {
        bool naive = signature_truth(set, i, &packets.batch, row) == TRUTH_TRUE;
        if (mask_test(matches->mask[i], row) != naive) {
            (void)signature_print(set, i, text, sizeof text);
            ck_abort_msg("%s row %u: naive %d: %s", isa, row, naive, text);
        }
        if (!naive)
            continue;
        *ret_any = true;
        *ret_iot |= signature_at(set, i)->origin == ORIGIN_IOT;
        unsigned candidate = candidate_of(&packets.batch, row);
        if (!(signature_at(set, i)->candidates & 1U << candidate)) {
            (void)signature_print(set, i, text, sizeof text);
            ck_abort_msg("row %u is of kind %u, not among the candidates of: %s", row,
                         candidate, text);
        }
    }
}

/* The number of matches found. */
static unsigned long check_batch(const struct signature_set *set, const struct matches *matches,
                                 const char *isa)
{
    unsigned long found = 0;
    unsigned hits = 0;
    for (unsigned row = 0; row < BATCH_CAP; row++) {
        bool any = false, iot = false;
        if (row < packets.batch.n)
            check_row(set, matches, isa, row, &any, &iot);
        ck_assert_int_eq(mask_test(matches->any, row), any);
        ck_assert_int_eq(mask_test(matches->iot, row), iot);
    }
    for (unsigned i = 0; i < signature_count(set); i++) {
        unsigned bits = 0;
        for (unsigned w = 0; w < BATCH_WORDS; w++)
            bits += (unsigned)__builtin_popcountll(matches->mask[i][w]);
        found += bits;
        bool listed = hits < matches->hits_n && matches->hits[hits] == i;
        ck_assert_int_eq(listed, bits > 0);
        hits += listed;
    }
    ck_assert_uint_eq(hits, matches->hits_n);
    return found;
}

START_TEST(matcher_equals_naive_evaluator)
{
    struct random random = random_seeded("property");
    unsigned long found = 0, made = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct signature_set *set =
            random_set(&random, 1 + (unsigned)random_below(&random, SIGNATURES));
        struct matches *matches = matches_new(set);
        ck_assert_ptr_nonnull(matches);
        made += signature_count(set);
        for (unsigned isa = 0; kernels_at(isa); isa++) {
            struct matcher *matcher = matcher_new_on(set, kernels_at(isa));
            ck_assert_ptr_nonnull(matcher);
            for (unsigned batch = 0; batch < 3; batch++) {
                unsigned n =
                    batch == 0 ? BATCH_CAP : (unsigned)random_below(&random, BATCH_CAP + 1);
                random_batch_fill(&random, &packets, n);
                matcher_run(matcher, &packets.batch, matches);
                found += check_batch(set, matches, matcher_isa(matcher));
            }
            matcher_free(matcher);
        }
        matches_free(matches);
        signature_set_free(set);
    }
    printf("%lu signatures, %lu matches\n", made, found);
    ck_assert_uint_gt(made, ROUNDS * SIGNATURES / 4);
    ck_assert_uint_gt(found, 10000);
}
END_TEST

START_TEST(printed_expression_parses_to_itself)
{
    struct random random = random_seeded("round trip");
    struct signature_set *set = random_set(&random, 2000);
    ck_assert_uint_gt(signature_count(set), 1000);
    for (unsigned i = 0; i < signature_count(set); i++) {
        struct diag diag = {"printed", &errors, 0};
        struct parser parser = {.ast = &set->ast, .diag = &diag};
        size_t len = signature_print(set, i, text, sizeof text);
        ck_assert_uint_lt(len, sizeof text);
        errors.n = 0;
        parser_start(&parser, text, text + len, text, 1);
        uint32_t node = check_truth(&parser, parse_operand(&parser));
        ck_assert_msg(!parser.failed, "%s: %s", text, errors.items[0].text);
        ck_assert_int_eq(parser.token.kind, TOK_END);
        ck_assert_msg(node == signature_at(set, i)->match, "not the same: %s", text);
    }
    signature_set_free(set);
}
END_TEST

/* Many signatures of the same shape: every one goes through the dispatch. */
START_TEST(dispatched_signatures_equal_naive_evaluator)
{
    struct random random = random_seeded("dispatch");
    struct signature_set *set = signature_set_new();
    for (unsigned i = 0; i < 600; i++) {
        static const char *const FIELD[] = {"ip.id",  "tcp.dstport", "udp.dstport", "ip.dst",
                                            "ip.ttl", "tcp.seq",     "ipv6.hlim"};
        const char *field = FIELD[random_below(&random, 7)];
        unsigned most = strstr(field, "tl") || strstr(field, "hl") ? 250 : 600;
        int n = snprintf(
            text, sizeof text,
            "signature s%u\n title t\n origin iot\n chance 1\n match tcp.syn == %u and "
            "not tcp.window in {1, 3, 5-9} and %s in {%u, %u} or %s == %u\n",
            i, i & 1, field, i % most, (i + 3) % most, field, i % most);
        if (i % 3)
            n = snprintf(text, sizeof text,
                         "signature s%u\n title t\n origin iot\n chance 1\n match %s %s %u and "
                         "ip.df == %u\n",
                         i, field, i % 3 == 1 ? "==" : "!=", i % most, i & 1);
        errors.n = 0;
        if (signature_set_parse(set, "dispatch", text, (size_t)n, &errors) < 0)
            ck_abort_msg("%s: %s", text, errors.items[0].text);
    }
    struct matches *matches = matches_new(set);
    unsigned long found = 0;
    for (unsigned isa = 0; kernels_at(isa); isa++) {
        struct matcher *matcher = matcher_new_on(set, kernels_at(isa));
        ck_assert_uint_gt(matcher->dispatches_n, 3);
        for (unsigned batch = 0; batch < 10; batch++) {
            random_batch_fill(&random, &packets, BATCH_CAP - batch);
            matcher_run(matcher, &packets.batch, matches);
            found += check_batch(set, matches, matcher_isa(matcher));
        }
        matcher_free(matcher);
    }
    ck_assert_uint_gt(found, 1000);
    matches_free(matches);
    signature_set_free(set);
}
END_TEST

/* Alternatives of payload literals, with and without something else among them. */
START_TEST(literal_alternatives_equal_naive_evaluator)
{
    static const char *const LITERAL[] = {"00",   "0001", "000102", "01",       "0100", "ff",
                                          "fffe", "02",   "0300",   "00000000", "0402", "0a"};
    static const char *const OTHER[] = {"payload.len == 0", "ip.df", "payload contains 01",
                                        "payload at 1 00"};
    struct random random = random_seeded("literals");
    struct signature_set *set = signature_set_new();
    unsigned long found = 0, steps = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct writer writer = {text, sizeof text, 0};
        write_text(
            &writer,
            "signature s%u\n title t\n origin iot\n chance 1\n match ip.ttl != 3 and %s(", i,
            random_below(&random, 2) ? "not " : "");
        uint64_t n = 2 + random_below(&random, 7), other = random_below(&random, 12);
        for (uint64_t k = 0; k < n; k++)
            if (k == other)
                write_text(&writer, "%s%s", k ? " or " : "", OTHER[random_below(&random, 4)]);
            else
                write_text(&writer, "%spayload %s %s", k ? " or " : "",
                           random_below(&random, 2) ? "==" : "starts",
                           LITERAL[random_below(&random, 12)]);
        write_text(&writer, ")\n");
        errors.n = 0;
        if (signature_set_parse(set, "literals", text, writer.len, &errors) < 0)
            ck_abort_msg("%s: %s", text, errors.items[0].text);
    }
    struct matches *matches = matches_new(set);
    for (unsigned isa = 0; kernels_at(isa); isa++) {
        struct matcher *matcher = matcher_new_on(set, kernels_at(isa));
        for (uint32_t i = 0; i < matcher->steps_n; i++)
            steps += matcher->steps[i].how == HOW_LITERALS;
        for (unsigned batch = 0; batch < 10; batch++) {
            random_batch_fill(&random, &packets, BATCH_CAP - batch);
            matcher_run(matcher, &packets.batch, matches);
            found += check_batch(set, matches, matcher_isa(matcher));
        }
        matcher_free(matcher);
    }
    ck_assert_uint_gt(steps, 50);
    ck_assert_uint_gt(found, 10000);
    matches_free(matches);
    signature_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property");
    TCase *tests = tcase_create("property");
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, matcher_equals_naive_evaluator);
    tcase_add_test(tests, printed_expression_parses_to_itself);
    tcase_add_test(tests, dispatched_signatures_equal_naive_evaluator);
    tcase_add_test(tests, literal_alternatives_equal_naive_evaluator);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
