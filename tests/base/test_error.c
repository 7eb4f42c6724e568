/* Error texts: position, escaping, cutting. */
#include "harness.h"

#include <nightscope/error.h>
#include <string.h>

START_TEST(position_precedes_text)
{
    struct err err;
    char text[128];
    ck_assert_int_eq(err_set(&err, "site.conf", 12, 8, "idle \"%s\"", "5 parsecs"), -1);
    err_format(&err, text, sizeof text);
    ck_assert_str_eq(text, "site.conf:12:8: idle \"5 parsecs\"");
    (void)err_set(&err, NULL, 0, 0, "plain");
    err_format(&err, text, sizeof text);
    ck_assert_str_eq(text, "plain");
}
END_TEST

START_TEST(control_characters_are_escaped)
{
    struct err err;
    (void)err_set(&err, "a\nb", 0, 0, "\x1b[31mred");
    ck_assert_str_eq(err.origin, "a\\x0ab");
    ck_assert_str_eq(err.text, "\\x1b[31mred");
    (void)err_set(&err, "", 0, 0, "caf\xc3\xa9 \xe2\x82\xac \xff\xc3 \xc2\x9b \xed\xa0\x80");
    ck_assert_str_eq(err.text,
                     "caf\xc3\xa9 \xe2\x82\xac \\xff\\xc3 \\xc2\\x9b \\xed\\xa0\\x80");
}
END_TEST

START_TEST(long_text_is_cut)
{
    struct err err;
    char longer[4096];
    memset(longer, '\n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)err_set(&err, longer, 0, 0, "%s", longer);
    ck_assert_uint_lt(strlen(err.text), sizeof err.text);
    ck_assert_uint_lt(strlen(err.origin), sizeof err.origin);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tests = tcase_create("error");
    tcase_add_test(tests, position_precedes_text);
    tcase_add_test(tests, control_characters_are_escaped);
    tcase_add_test(tests, long_text_is_cut);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
