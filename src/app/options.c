/* Parses the command line by the rows of options.def; getopt_long splits it. */
#include "app/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_FLAG, KIND_TEXT, KIND_LIST, KIND_PATHS, KIND_NUMBER, KIND_DURATION };

struct row {
    const char *commands; /* letters of those that take it */
    const char *name;
    int letter;
    enum kind kind;
    const char *argument;
    uint64_t lowest, highest;
    const char *initial;
    const char *help;
};

static const struct row ROWS[OPTION_COUNT_] = {
#define OPTION(id, commands, name, letter, kind, argument, lowest, highest, initial, help)     \
    [OPTION_##                                                                                 \
        id] = {commands, name, letter, KIND_##kind, argument, lowest, highest, initial, help},
#include "app/options.def"
#undef OPTION
};

/* A whole number, or a duration: digits and a unit of s, m, h, d. */
static int parse_number(const struct row *row, const char *text, uint64_t *ret_number)
{
    if (text[0] < '0' || text[0] > '9')
        return -1;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    uint64_t unit = 1;
    if (row->kind == KIND_DURATION && *end) {
        const char *units = "smhd";
        static const uint64_t seconds[] = {1, 60, 3600, 86400};
        const char *found = strchr(units, *end);
        if (!found)
            return -1;
        unit = seconds[found - units];
        end++;
    }
    uint64_t value;
    if (errno || *end || __builtin_mul_overflow((uint64_t)number, unit, &value) ||
        value < row->lowest || value > row->highest)
        return -1;
    *ret_number = value;
    return 0;
}

static int expected(const struct row *row, const char *text, struct err *err)
{
    char origin[64];
    (void)snprintf(origin, sizeof origin, "--%s", row->name);
    if (row->kind == KIND_DURATION)
        return err_set(err, origin, 0, 0,
                       "\"%s\": expected a duration of at most %llu s, such as 30s or 5m", text,
                       (unsigned long long)row->highest);
    return err_set(err, origin, 0, 0, "\"%s\": expected a whole number from %llu to %llu", text,
                   (unsigned long long)row->lowest, (unsigned long long)row->highest);
}

static int append(union option_value *value, const char *joiner, const char *text)
{
    char *joined;
    if (asprintf(&joined, "%s%s%s", value->text ? value->text : "", value->text ? joiner : "",
                 text) < 0)
        return -1;
    free(value->text);
    value->text = joined;
    return 0;
}

static int take(struct options *options, unsigned id, const char *text, struct err *err)
{
    const struct row *row = &ROWS[id];
    union option_value *value = &options->value[id];
    switch (row->kind) {
    case KIND_FLAG:
        value->given = true;
        return 0;
    case KIND_TEXT:
        free(value->text);
        value->text = strdup(text);
        return value->text ? 0 : err_set(err, NULL, 0, 0, "out of memory");
    case KIND_LIST:
    case KIND_PATHS:
        return append(value, row->kind == KIND_LIST ? "," : "\n", text) == 0
                   ? 0
                   : err_set(err, NULL, 0, 0, "out of memory");
    case KIND_NUMBER:
    case KIND_DURATION:
        return parse_number(row, text, &value->number) == 0 ? 0 : expected(row, text, err);
    }
    return -1;
}

/* Replay and report begin alike. */
char options_letter(const char *command)
{
    return strcmp(command, "report") == 0 ? 'p' : command[0];
}

int options_parse(struct options *options, int argc, char **argv, struct err *err)
{
    const char command = options_letter(argv[0]);
    *options = (struct options){0};
    struct option longs[OPTION_COUNT_ + 1] = {0};
    char letters[2 * OPTION_COUNT_ + 2] = ":";
    unsigned longs_n = 0;
    for (unsigned id = 0; id < OPTION_COUNT_; id++) {
        const struct row *row = &ROWS[id];
        bool argument = row->kind != KIND_FLAG, taken = strchr(row->commands, command);
        if (taken)
            longs[longs_n++] = (struct option){
                row->name, argument ? required_argument : no_argument, NULL, 256 + (int)id};
        if (row->letter && taken) {
            char letter[3] = {(char)row->letter, argument ? ':' : '\0', '\0'};
            strcat(letters, letter);
        }
        if (row->initial[0] && (row->kind == KIND_NUMBER || row->kind == KIND_DURATION))
            (void)parse_number(row, row->initial, &options->value[id].number); /* tested */
    }
    opterr = 0;
    optind = 1;
    for (int got; (got = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        unsigned id = OPTION_COUNT_;
        if (got >= 256)
            id = (unsigned)got - 256;
        for (unsigned i = 0; id == OPTION_COUNT_ && i < OPTION_COUNT_; i++)
            if (ROWS[i].letter && ROWS[i].letter == got)
                id = i;
        if (got == ':')
            return err_set(err, argv[optind - 1], 0, 0, "this option needs a value");
        if (id == OPTION_COUNT_)
            return err_set(
                err, argv[optind - 1], 0, 0,
                "no such option, or a value it does not take; `nightscope %s --help` "
                "lists them",
                argv[0]);
        if (take(options, id, optarg ? optarg : "", err) != 0)
            return -1;
    }
    options->files = argv + optind;
    options->files_n = (unsigned)(argc - optind);
    return 0;
}

void options_fini(struct options *options)
{
    for (unsigned id = 0; id < OPTION_COUNT_; id++)
        if (ROWS[id].kind == KIND_TEXT || ROWS[id].kind == KIND_LIST ||
            ROWS[id].kind == KIND_PATHS)
            free(options->value[id].text);
    *options = (struct options){0};
}

/* Help text in a column of its own, broken at blanks. */
static void wrap(FILE *out, unsigned indent, unsigned width, const char *text)
{
    unsigned column = indent;
    while (*text) {
        unsigned length = (unsigned)strcspn(text, " ");
        if (column > indent && column + 1 + length > width) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        bool blank = column > indent;
        (void)fprintf(out, "%s%.*s", blank ? " " : "", (int)length, text);
        column += length + (blank ? 1 : 0);
        text += length;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

void options_help(const char *command, FILE *out)
{
    for (unsigned id = 0; id < OPTION_COUNT_; id++) {
        const struct row *row = &ROWS[id];
        if (!strchr(row->commands, options_letter(command)))
            continue;
        char left[64];
        char letter[8] = "    ";
        if (row->letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
        int used = snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name,
                            row->argument[0] ? " " : "", row->argument);
        (void)fprintf(out, "%s%*s", left, used < 30 ? 30 - used : 0, "");
        if (used >= 30)
            (void)fprintf(out, "\n%30s", "");
        char help[512];
        (void)snprintf(help, sizeof help, "%s%s%s%s", row->help,
                       row->initial[0] ? " (default: " : "", row->initial,
                       row->initial[0] ? ")" : "");
        wrap(out, 30, 92, help);
    }
}
