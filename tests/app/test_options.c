/* The command line: every kind of option, ranges, messages. */
#include "app/options.h"
#include "harness.h"

#include <string.h>

/* argv is not const by the standard, and nothing writes to it. */
#define WORD(text) (char *)(uintptr_t)(text)

static int parse(struct options *options, struct err *err, const char *a, const char *b)
{
    /* options borrow their files from argv */
    static char first[64], second[64], name[] = "replay", file[] = "x.pcap";
    static char *argv[5];
    (void)snprintf(first, sizeof first, "%s", a);
    (void)snprintf(second, sizeof second, "%s", b ? b : "");
    memcpy(argv, (char *[]){name, first, b ? second : file, b ? file : NULL, NULL},
           sizeof argv);
    return options_parse(options, b ? 4 : 3, argv, err);
}

static const struct {
    const char *name, *value;
    enum option_id id;
    uint64_t expected; /* UINT64_MAX: refused */
} NUMBERS[] = {
    {"--top", "0", OPTION_top, 0},
    {"--top", "5", OPTION_top, 5},
    {"--top", "4294967296", OPTION_top, UINT64_MAX},
    {"--top", "-1", OPTION_top, UINT64_MAX},
    {"--top", "", OPTION_top, UINT64_MAX},
    {"--top", "1x", OPTION_top, UINT64_MAX},
    {"--top", "99999999999999999999999", OPTION_top, UINT64_MAX},
    {"--workers", "1", OPTION_workers, 1},
    {"--workers", "0", OPTION_workers, UINT64_MAX},
    {"--workers", "64", OPTION_workers, 64},
    {"--lateness", "90", OPTION_lateness, 90},
    {"--lateness", "2m", OPTION_lateness, 120},
    {"--lateness", "31m", OPTION_lateness, UINT64_MAX},
    {"--lateness", "18446744073709551615h", OPTION_lateness, UINT64_MAX},
};

START_TEST(numbers_have_ranges)
{
    struct options options;
    struct err err;
    int status = parse(&options, &err, NUMBERS[_i].name, NUMBERS[_i].value);
    if (NUMBERS[_i].expected == UINT64_MAX) {
        ck_assert_int_eq(status, -1);
        ck_assert_str_eq(err.origin, NUMBERS[_i].name);
    } else {
        ck_assert_int_eq(status, 0);
        ck_assert_uint_eq(options.value[NUMBERS[_i].id].number, NUMBERS[_i].expected);
    }
    options_fini(&options);
}
END_TEST

START_TEST(defaults_are_those_of_the_table)
{
    struct options options;
    struct err err;
    ck_assert_int_eq(parse(&options, &err, "--json", NULL), 0);
    ck_assert(options.value[OPTION_json].given);
    ck_assert(!options.value[OPTION_quiet].given);
    ck_assert_uint_eq(options.value[OPTION_top].number, 20);
    ck_assert_uint_eq(options.value[OPTION_lateness].number, 60);
    ck_assert_uint_eq(options.value[OPTION_max_sources].number, 8000000);
    ck_assert_ptr_null(options.value[OPTION_dark].text);
    ck_assert_uint_eq(options.files_n, 1);
    ck_assert_str_eq(options.files[0], "x.pcap");
    options_fini(&options);
}
END_TEST

START_TEST(lists_join)
{
    struct options options;
    struct err err;
    char *argv[] = {WORD("replay"),
                    WORD("--dark"),
                    WORD("192.0.2.0/24"),
                    WORD("--dark=!192.0.2.1"),
                    WORD("--geo"),
                    WORD("a,b"),
                    WORD("--geo"),
                    WORD("c"),
                    WORD("f"),
                    NULL};
    ck_assert_int_eq(options_parse(&options, 9, argv, &err), 0);
    ck_assert_str_eq(options.value[OPTION_dark].text, "192.0.2.0/24,!192.0.2.1");
    ck_assert_str_eq(options.value[OPTION_geo].text, "a,b\nc");
    options_fini(&options);
}
END_TEST

START_TEST(blanks_around_items_of_lists_do_not_count)
{
    static const struct {
        const char *given, *text;
    } LISTS[] = {
        {"gre, ipip", "gre,ipip"},
        {" gre ,\tipip ", "gre,ipip"},
        {"@a b , c", "@a b,c"},
        {"a,,b", "a,,b"},
        {"a, ", "a,"},
        {" ,", ","},
    };
    struct options options;
    struct err err;
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        ck_assert_int_eq(parse(&options, &err, "--decapsulate", LISTS[i].given), 0);
        ck_assert_str_eq(options.value[OPTION_decapsulate].text, LISTS[i].text);
        options_fini(&options);
    }
    ck_assert_int_eq(parse(&options, &err, "--geo", " a, b "), 0); /* names of files */
    ck_assert_str_eq(options.value[OPTION_geo].text, " a, b ");
    options_fini(&options);
}
END_TEST

/* Every option that has a text, whatever commands take it. */
START_TEST(empty_values_are_refused)
{
    static const struct {
        const char *commands, *name;
        bool number;
    } ROWS[] = {
#define KIND_FLAG                                     true
#define KIND_TEXT                                     false
#define KIND_LIST                                     false
#define KIND_PATHS                                    false
#define KIND_NUMBER                                   true
#define KIND_DURATION                                 true
#define OPTION(id, commands, name, letter, kind, ...) {commands, name, KIND_##kind},
#include "app/options.def"
#undef OPTION
    };
    static const char *const COMMANDS[] = {"replay", "explain", "check",
                                           "report", "live",    "serve"};
    unsigned checked = 0;
    for (size_t i = 0; i < 6 * sizeof ROWS / sizeof *ROWS; i++) {
        const char *command = COMMANDS[i % 6];
        char word[64];
        struct options options;
        struct err err = {0};
        if (ROWS[i / 6].number || !strchr(ROWS[i / 6].commands, options_letter(command)))
            continue;
        (void)snprintf(word, sizeof word, "--%s", ROWS[i / 6].name);
        char *argv[] = {WORD(command), word, WORD(""), NULL};
        ck_assert_msg(options_parse(&options, 3, argv, &err) == OPTIONS_USAGE, "%s", word);
        ck_assert_str_eq(err.origin, word);
        ck_assert_msg(strncmp(err.text, "\"\": expected ", 13) == 0, "%s", err.text);
        options_fini(&options);
        checked++;
    }
    ck_assert_uint_gt(checked, 60);
    struct options options;
    struct err err = {0};
    ck_assert_int_eq(parse(&options, &err, "--dark", " \t"), OPTIONS_USAGE);
    options_fini(&options);
}
END_TEST

START_TEST(usage_errors_name_the_option)
{
    struct options options;
    struct err err;
    char *unknown[] = {WORD("replay"), WORD("--wat"), NULL};
    ck_assert_int_eq(options_parse(&options, 2, unknown, &err), -1);
    ck_assert_str_eq(err.origin, "--wat");
    options_fini(&options);
    char *valueless[] = {WORD("replay"), WORD("--top"), NULL};
    ck_assert_int_eq(options_parse(&options, 2, valueless, &err), -1);
    ck_assert_str_eq(err.origin, "--top");
    options_fini(&options);
}
END_TEST

/* Reads the manual page of a command. */
static void read_page(const char *command, char *page, size_t cap)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/contrib/doc/nightscope-%s.1.scd",
                   getenv("NIGHTSCOPE_SOURCE"), command);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file, "%s", path);
    size_t size = fread(page, 1, cap - 1, file);
    page[size] = '\0';
    (void)fclose(file);
}

START_TEST(manual_pages_name_every_option)
{
    static const struct {
        const char *commands, *name;
    } OPTIONS[] = {
#define OPTION(id, commands, name, ...) {commands, name},
#include "app/options.def"
#undef OPTION
    };
    static const char *const COMMANDS[] = {"replay", "explain", "check",
                                           "report", "live",    "serve"};
    static char page[65536];
    const char *command = COMMANDS[_i];
    read_page(command, page, sizeof page);
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "*--%s*", OPTIONS[i].name);
        bool taken = false; /* by this row, or by another of the name */
        for (size_t j = 0; j < sizeof OPTIONS / sizeof *OPTIONS; j++)
            taken |= strcmp(OPTIONS[j].name, OPTIONS[i].name) == 0 &&
                     strchr(OPTIONS[j].commands, options_letter(command));
        ck_assert_msg(taken == (strstr(page, text) != NULL), "nightscope-%s(1): %s", command,
                      text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");
    tcase_add_loop_test(tests, numbers_have_ranges, 0, sizeof NUMBERS / sizeof *NUMBERS);
    tcase_add_test(tests, defaults_are_those_of_the_table);
    tcase_add_test(tests, lists_join);
    tcase_add_test(tests, blanks_around_items_of_lists_do_not_count);
    tcase_add_loop_test(tests, manual_pages_name_every_option, 0, 6);
    tcase_add_test(tests, empty_values_are_refused);
    tcase_add_test(tests, usage_errors_name_the_option);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
