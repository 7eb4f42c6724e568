/* Configuration files: what is right, every mistake with its place, and that what is printed
 * reads back as it was. */
#include "app/options.h"
#include "harness.h"

#include <string.h>

static int parse(struct options *options, const char *command, const char *text,
                 struct err *err)
{
    options_init(options);
    return options_parse_config(options, command, text, strlen(text), "site.conf", err);
}

static const struct {
    const char *text, *message;
} MISTAKES[] = {
    {"\n\n\n\n\n\n\n\n\n\n[events]\nidle = 5 parsecs\n",
     "site.conf:12:8: idle \"5 parsecs\": expected a duration such as 30s or 5m, from 1 s to "
     "2592000 s"},
    {"[events]\nidle = 0s",
     "site.conf:2:8: idle \"0s\": expected a duration such as 30s or 5m, "
     "from 1 s to 2592000 s"},
    {"[analysis]\n  workers   =    65 ; too many\n",
     "site.conf:2:18: workers \"65\": expected a whole number from 1 to 64"},
    {"[analysis]\nworkers: many",
     "site.conf:2:10: workers \"many\": expected a whole number from 1 to 64"},
    {"[analysis]\nworkers = -1",
     "site.conf:2:11: workers \"-1\": expected a whole number from 1 to 64"},
    {"[analysis]\nworkers = 99999999999999999999",
     "site.conf:2:11: workers \"99999999999999999999\": expected a whole number from 1 to 64"},
    {"[terminal]\nquiet = maybe", "site.conf:2:9: quiet \"maybe\": expected yes or no"},
    {"[geo]\ngeo =   \n", "site.conf:2:9: geo \"\": expected FILE.mmdb"},
    {"# what\n[telescop]\ndark = 1.2.3.4\n",
     "site.conf:2:2: \"telescop\": no such section, perhaps \"telescope\"; nightscope.conf(5) "
     "lists them"},
    {"[telescope]\n\tdrak = 1.2.3.4\n", "site.conf:2:2: \"drak\": no such key in [telescope], "
                                        "perhaps \"dark\"; nightscope.conf(5) lists them"},
    {"[events]\nevents-idle = 5m\n", "site.conf:2:1: \"events-idle\": no such key in [events]; "
                                     "nightscope.conf(5) lists them"},
    {"dark = 1.2.3.4\n", "site.conf:1:1: \"dark\": expected a [section] before the first key"},
    {"[report]\ntop = 1\ntop = 2\n", "site.conf:3:7: top \"2\": the key is in line 2 already"},
    {"[report]\ntop = 1\nfoo bar\ntop = 2\n",
     "site.conf:3:1: \"foo bar\": expected a line such as `key = value` or `[section]`"},
    {"[telescope]\ndark = 192.0.2.0/24,\n\t198.51.100.0/24\n",
     "site.conf:3:2: \"198.51.100.0/24\": expected a line such as `key = value` or "
     "`[section]`; an "
     "indented line does not go on with the one before: a list goes on in another line of its "
     "key"},
    {"[report\ntop = 1\n",
     "site.conf:1:1: \"[report\": expected a line such as `key = value` or `[section]`"},
    {"[terminal] quiet = yes\n",
     "site.conf:1:12: \"quiet = yes\": expected nothing behind [terminal]; a key has a line of "
     "its own, and a comment there begins with ';'"},
    {"[report]\ntop = 1\n\t[terminal]] # x \t\r\n",
     "site.conf:3:12: \"] # x\": expected nothing behind [terminal]; a key has a line of its "
     "own, and a comment there begins with ';'"},
    {"[terminal]\rquiet = yes\r", "site.conf:1:11: a carriage return without a line feed: "
                                  "expected lines that end with LF or "
                                  "CR LF"},
    {"\n# all\r[report]\rtop = 1\r\n",
     "site.conf:2:6: a carriage return without a line feed: expected lines that end with LF or "
     "CR LF"},
    {"[help]\nhelp = yes\n",
     "site.conf:1:2: \"help\": no such section; nightscope.conf(5) lists them"},
    {"\xef\xbb\xbf[terminal]\nquiet = \xff\x1b[2J",
     "site.conf:2:9: quiet \"\\xff\\x1b[2J\": expected yes or no"},
};

START_TEST(mistakes_are_told_with_their_place)
{
    struct options options;
    struct err err = {0};
    char message[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    ck_assert_int_eq(parse(&options, "replay", MISTAKES[_i].text, &err), -1);
    err_format(&err, message, sizeof message);
    ck_assert_str_eq(message, MISTAKES[_i].message);
    options_fini(&options);
}
END_TEST

START_TEST(long_lines_and_nul_bytes_are_mistakes)
{
    struct options options = {0};
    struct err err = {0};
    char text[512] = "[geo]\ngeo = ";
    memset(text + strlen(text), 'x', 190);
    ck_assert_int_eq(parse(&options, "replay", text, &err), 0); /* 196 bytes */
    options_fini(&options);
    strcat(text, "x");
    ck_assert_int_eq(parse(&options, "replay", text, &err), -1);
    ck_assert_uint_eq(err.line, 2);
    ck_assert_uint_eq(err.column, 197);
    options_fini(&options);
    static const char nul[] = "[geo]\nge\0o = x\n";
    ck_assert_int_eq(
        options_parse_config(&options, "replay", nul, sizeof nul - 1, "site.conf", &err), -1);
    ck_assert_uint_eq(err.line, 2);
    ck_assert_uint_eq(err.column, 3);
    options_fini(&options);
}
END_TEST

START_TEST(values_are_those_of_the_file)
{
    struct options options;
    struct err err = {0};
    ck_assert_int_eq(
        parse(&options, "replay",
              "\xef\xbb\xbf# a site\r\n[telescope]\r\n\tdark = 192.0.2.0/24 ; x\r\n"
              "dark=!192.0.2.1\r\n[events]\r\nidle: 2m\r\n[geo]\r\ngeo = a;b\r\n"
              "geo = c d\r\n[output]\r\nformat = csv, ndjson\r\n[terminal] \r\nquiet = "
              "on\r\n[report] ; y\r\ntop = 0\r\n",
              &err),
        0);
    ck_assert_str_eq(options.value[OPTION_dark].text, "192.0.2.0/24,!192.0.2.1");
    ck_assert_str_eq(options.value[OPTION_geo].text, "a;b\nc d");
    ck_assert_str_eq(options.value[OPTION_output_format].text, "csv,ndjson");
    ck_assert_uint_eq(options.value[OPTION_events_idle].number, 120);
    ck_assert_uint_eq(options.value[OPTION_top].number, 0);
    ck_assert(options.given[OPTION_top] && options.value[OPTION_quiet].given);
    ck_assert(!options.given[OPTION_rows]); /* the `top` of another command */
    options_fini(&options);
}
END_TEST

START_TEST(a_command_takes_its_own_keys_and_checks_the_others)
{
    static const char two[] = "[redis]\nsensor = a\nsensor = b\n[capture]\nsnaplen = 96\n";
    struct options options;
    struct err err = {0};
    ck_assert_int_eq(parse(&options, "report", two, &err), 0);
    ck_assert_str_eq(options.value[OPTION_sensors].text, "a,b");
    ck_assert_uint_eq(options.value[OPTION_snaplen].number, 65535);
    options_fini(&options);
    ck_assert_int_eq(parse(&options, "replay", two, &err), -1); /* it has one sensor */
    options_fini(&options);
    ck_assert_int_eq(parse(&options, "check", two, &err), 0); /* some command takes them */
    ck_assert_uint_eq(options.value[OPTION_snaplen].number, 96);
    options_fini(&options);
    ck_assert_int_eq(parse(&options, "explain", "[capture]\nsnaplen = 1\n", &err), -1);
    ck_assert_str_eq(err.text, "snaplen \"1\": expected a whole number from 64 to 262144");
    options_fini(&options);
}
END_TEST

/* Not const by the standard, and nothing writes to it. */
#define WORD(text) (char *)(uintptr_t)(text)

START_TEST(the_command_line_wins)
{
    char path[] = "/tmp/nightscope-config-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    (void)fputs("[telescope]\ndark = 192.0.2.0/24\n[analysis]\nworkers = 3\nlateness = 5s\n"
                "[terminal]\nquiet = yes\n",
                file);
    ck_assert_int_eq(fclose(file), 0);
    struct options options;
    struct err err = {0};
    char *argv[] = {WORD("replay"),
                    WORD("--dark"),
                    WORD("10.0.0.0/8"),
                    WORD("--dark"),
                    WORD("!10.1.1.1"),
                    WORD("--workers=2"),
                    WORD("--config"),
                    path,
                    WORD("--no-quiet"),
                    WORD("x.pcap"),
                    NULL};
    ck_assert_int_eq(options_parse(&options, 10, argv, &err), 0);
    ck_assert_str_eq(options.value[OPTION_dark].text, "10.0.0.0/8,!10.1.1.1");
    ck_assert_uint_eq(options.value[OPTION_workers].number, 2);
    ck_assert_uint_eq(options.value[OPTION_lateness].number, 5);
    ck_assert(!options.value[OPTION_quiet].given);
    ck_assert_uint_eq(options.files_n, 1);
    ck_assert_str_eq(options.files[0], "x.pcap");
    /* Mistakes that are found later are located where the file gave the value. */
    (void)err_set(&err, "--lateness", 0, 0, "\"5s\": too soon");
    ck_assert(options_locate(&options, &err));
    ck_assert_str_eq(err.origin, path);
    ck_assert_uint_eq(err.line, 5);
    ck_assert_uint_eq(err.column, 12);
    ck_assert_str_eq(err.text, "lateness \"5s\": too soon");
    (void)err_set(&err, "--dark", 0, 0, "\"10.0.0.0/8\": no");
    ck_assert(!options_locate(&options, &err));
    options_fini(&options);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(options_parse(&options, 10, argv, &err), OPTIONS_BAD_CONFIG);
    ck_assert_str_eq(err.text, "cannot be read: No such file or directory");
    options_fini(&options);
}
END_TEST

static char *print(const struct options *options, const char *command)
{
    char *text = NULL;
    size_t n;
    struct err err = {0};
    FILE *out = open_memstream(&text, &n);
    ck_assert_msg(options_print(options, command, out, &err) == 0, "%s", err.text);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static const char *const COMMANDS[] = {"replay", "report", "explain", "check", "live", "serve"};

START_TEST(what_is_printed_reads_back_as_it_was)
{
    const char *command = COMMANDS[_i];
    char *words[] = {WORD(command), NULL};
    struct options options, again;
    struct err err = {0};
    ck_assert_int_eq(options_parse(&options, 1, words, &err), 0);
    char *defaults = print(&options, command);
    options_fini(&options);
    ck_assert_int_eq(parse(&options, command, defaults, &err), 0);
    char *second = print(&options, command);
    ck_assert_str_eq(second, defaults);
    options_fini(&options);
    ck_assert_int_eq(parse(&options, "check", defaults, &err), 0); /* for all commands */
    options_fini(&options);
    ck_assert_int_eq(
        parse(&options, command,
              "[geo]\ngeo = a,b\ngeo = c\n[telescope]\ndark = 10.0.0.0/8,!10.0.0.1\n"
              "[analysis]\nlateness = 5m\n[terminal]\nquiet = yes\n",
              &err),
        0);
    char *third = print(&options, command);
    ck_assert_int_eq(parse(&again, command, third, &err), 0);
    char *fourth = print(&again, command);
    ck_assert_str_eq(fourth, third);
    if (strcmp(command, "replay") == 0) {
        ck_assert_ptr_nonnull(strstr(third, "\ngeo = a,b\ngeo = c\n"));
        ck_assert_ptr_nonnull(strstr(third, "\ndark = 10.0.0.0/8\ndark = !10.0.0.1\n"));
        ck_assert_ptr_nonnull(strstr(third, "\nlateness = 300s\n"));
        ck_assert_ptr_nonnull(strstr(third, "\nquiet = yes\n"));
        ck_assert_ptr_nonnull(strstr(third, "\nmax-sources = 8000000\n"));
    }
    options_fini(&options);
    options_fini(&again);
    free(defaults);
    free(second);
    free(third);
    free(fourth);
}
END_TEST

START_TEST(what_a_file_cannot_say_is_not_printed)
{
    struct options options;
    struct err err = {0};
    char *words[] = {WORD("replay"), WORD("--csv"), WORD("a ;b"), NULL};
    ck_assert_int_eq(options_parse(&options, 3, words, &err), 0);
    FILE *out = fopen("/dev/null", "w");
    ck_assert_int_eq(options_print(&options, "replay", out, &err), -1);
    ck_assert_str_eq(err.origin, "--csv");
    ck_assert_int_eq(fclose(out), 0);
    options_fini(&options);
}
END_TEST

/* The page is made from the table by another program. */
START_TEST(the_manual_page_has_every_key)
{
    static char page[1 << 18];
    char path[4096], text[128];
    (void)snprintf(path, sizeof path, "%s/contrib/doc/nightscope.conf.5.scd",
                   getenv("NIGHTSCOPE_BUILD"));
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    unsigned keys = 0;
    for (unsigned id = 0; id < OPTION_COUNT_; id++) {
        if (!option_section(id))
            continue;
        (void)snprintf(text, sizeof text, "\n## [%s]\n", option_section(id));
        const char *section = strstr(page, text);
        ck_assert_msg(section != NULL, "%s", text);
        (void)snprintf(text, sizeof text, "\n*%s* = ", option_key(id));
        ck_assert_msg(strstr(section, text) != NULL, "%s", text);
        keys++;
    }
    for (const char *at = page; (at = strstr(at, "* = ")); at++)
        keys--;
    ck_assert_uint_eq(keys, 0);
}
END_TEST

START_TEST(defaults_are_in_the_range_of_their_row)
{
    static const struct {
        const char *initial;
        bool number;
        enum option_id id;
    } ROWS[] = {
#define KIND_FLAG     false
#define KIND_TEXT     false
#define KIND_LIST     false
#define KIND_PATHS    false
#define KIND_NUMBER   true
#define KIND_DURATION true
#define OPTION(id, commands, name, letter, kind, argument, lowest, highest, initial, help)     \
    {initial, KIND_##kind, OPTION_##id},
#include "app/options.def"
#undef OPTION
    };
    for (unsigned i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct options options = {0};
        struct err err = {0};
        char text[256];
        if (!ROWS[i].number || !ROWS[i].initial[0] || !option_section(ROWS[i].id))
            continue;
        (void)snprintf(text, sizeof text, "[%s]\n%s = %s\n", option_section(ROWS[i].id),
                       option_key(ROWS[i].id), ROWS[i].initial);
        ck_assert_msg(parse(&options, "check", text, &err) == 0, "%s: %s", text, err.text);
        options_fini(&options);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    tcase_add_loop_test(tests, mistakes_are_told_with_their_place, 0,
                        sizeof MISTAKES / sizeof *MISTAKES);
    tcase_add_test(tests, long_lines_and_nul_bytes_are_mistakes);
    tcase_add_test(tests, values_are_those_of_the_file);
    tcase_add_test(tests, a_command_takes_its_own_keys_and_checks_the_others);
    tcase_add_test(tests, the_command_line_wins);
    tcase_add_loop_test(tests, what_is_printed_reads_back_as_it_was, 0,
                        sizeof COMMANDS / sizeof *COMMANDS);
    tcase_add_test(tests, what_a_file_cannot_say_is_not_printed);
    tcase_add_test(tests, the_manual_page_has_every_key);
    tcase_add_test(tests, defaults_are_in_the_range_of_their_row);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
