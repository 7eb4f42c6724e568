/* What is near to a word, against a definition that is as slow as it is plain. */
#include "base/nearest.h"
#include "harness.h"

#include <string.h>

static const char *near(const char *word, const char *const *names)
{
    struct nearest nearest = nearest_to(word, strlen(word));
    for (; *names; names++)
        nearest_offer(&nearest, *names);
    return nearest.name ? nearest.name : "";
}

START_TEST(typos_are_understood)
{
    static const char *const NAMES[] = {"top",           "workers",     "geo",      "redis",
                                        "redis-timeout", "tcp.dstport", "no-quiet", NULL};
    static const struct {
        const char *word, *meant;
    } CASES[] = {
        {"tpo", "top"},
        {"to", ""},
        {"topp", "top"},
        {"worker", "workers"},
        {"wrokres", "workers"},
        {"tcp.destport", "tcp.dstport"},
        {"tcp.dport", "tcp.dstport"},
        {"redis-timeuot", "redis-timeout"},
        {"rediss", "redis"},
        {"noquiet", "no-quiet"},
        {"xyz", ""},
        {"", ""},
        {"interface", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        ck_assert_str_eq(near(CASES[i].word, NAMES), CASES[i].meant);
}
END_TEST

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* By the definition: what the last letters can have come from. */
static unsigned defined(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (!a_len || !b_len)
        return (unsigned)(a_len + b_len);
    unsigned best = defined(a, a_len - 1, b, b_len - 1) + (a[a_len - 1] != b[b_len - 1]);
    best = least(best, defined(a, a_len - 1, b, b_len) + 1);
    best = least(best, defined(a, a_len, b, b_len - 1) + 1);
    if (a_len > 1 && b_len > 1 && a[a_len - 1] == b[b_len - 2] && a[a_len - 2] == b[b_len - 1])
        best = least(best, defined(a, a_len - 2, b, b_len - 2) + 1);
    return best;
}

START_TEST(distance_is_as_defined)
{
    struct random random = random_seeded("distance");
    for (unsigned round = 0; round < 2000; round++) {
        char word[8] = "", name[8] = "";
        for (unsigned i = 0; i < 7; i++) {
            word[i] = (char)('a' + random_below(&random, 3));
            name[i] = (char)('a' + random_below(&random, 3));
        }
        word[random_below(&random, 8)] = '\0';
        name[random_below(&random, 8)] = '\0';
        struct nearest nearest = nearest_to(word, strlen(word));
        nearest.edits = 8; /* whatever it is */
        nearest_offer(&nearest, name);
        ck_assert_ptr_eq(nearest.name, name);
        ck_assert_uint_eq(nearest.edits, defined(word, strlen(word), name, strlen(name)));
    }
}
END_TEST

START_TEST(long_words_are_near_to_nothing)
{
    char word[4096], text[NEAREST_HINT_CAP];
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    struct nearest nearest = nearest_to(word, strlen(word));
    nearest_offer(&nearest, word);
    nearest_offer(&nearest, "aaa");
    ck_assert_str_eq(nearest_hint(&nearest, "--", text), "");
    nearest = nearest_to("geoo", 4);
    nearest_offer(&nearest, "geo");
    nearest_offer(&nearest, word);
    ck_assert_str_eq(nearest_hint(&nearest, "--", text), ", perhaps \"--geo\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tests = tcase_create("nearest");
    tcase_add_test(tests, typos_are_understood);
    tcase_add_test(tests, distance_is_as_defined);
    tcase_add_test(tests, long_words_are_near_to_nothing);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
