/* Parses the command line by the rows of options.def; getopt_long splits it. */
#include "app/option_row.h"

#include "base/nearest.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long() is asked for: the options of a command, and what takes back those flags
 * that a file may have set. */
struct words {
    struct option longs[2 * OPTION_COUNT_ + 1];
    char negations[OPTION_COUNT_][40];
    char letters[2 * OPTION_COUNT_ + 2];
};
enum { VALUE_OPTION = 256, VALUE_NEGATION = VALUE_OPTION + OPTION_COUNT_ };

/* "no-quiet" takes back "quiet", "promiscuous" takes back "no-promiscuous". */
static void negate(const char *name, char ret_name[static 40])
{
    bool negative = strncmp(name, "no-", 3) == 0;
    (void)snprintf(ret_name, 40, "%s%s", negative ? "" : "no-", negative ? name + 3 : name);
}

static void fill_words(struct words *words, char command)
{
    unsigned n = 0;
    *words = (struct words){.letters = ":"};
    for (unsigned id = 0; id < OPTION_COUNT_; id++) {
        const struct option_row *row = &OPTION_ROWS[id];
        bool argument = row->kind != KIND_FLAG;
        if (!strchr(row->commands, command))
            continue;
        words->longs[n++] =
            (struct option){row->name, argument ? required_argument : no_argument, NULL,
                            VALUE_OPTION + (int)id};
        if (!argument && option_section(id)) {
            negate(row->name, words->negations[id]);
            words->longs[n++] = (struct option){words->negations[id], no_argument, NULL,
                                                VALUE_NEGATION + (int)id};
        }
        if (row->letter) {
            char letter[3] = {(char)row->letter, argument ? ':' : '\0', '\0'};
            strcat(words->letters, letter);
        }
    }
}

/* The command line wins: what a file said is forgotten. */
static void overrule(struct options *options, unsigned id)
{
    if (!options->from_file[id])
        return;
    if (option_has_text(&OPTION_ROWS[id])) {
        free(options->value[id].text);
        options->value[id].text = NULL;
    }
    options->from_file[id] = false;
}

/* What getopt_long() refused. Of a letter, optopt says which: it may be one of several. */
static int refuse(const struct words *words, char **argv, struct err *err)
{
    const char *word = argv[optind - 1];
    if (optopt >= VALUE_OPTION)
        return err_set(err, word, 0, 0, "this option takes no value");
    if (optopt) {
        char letter[] = {'-', (char)optopt, '\0'};
        return err_set(err, letter, 0, 0, "no such option; `nightscope %s --help` lists them",
                       argv[0]);
    }
    size_t len = strcspn(word, "=");
    len -= len < 2 ? len : 2; /* the dashes */
    struct nearest nearest = nearest_to(word + 2, len);
    const char *other = NULL;
    for (const struct option *option = words->longs; option->name; option++) {
        nearest_offer(&nearest, option->name);
        if (strncmp(option->name, word + 2, len) != 0)
            continue;
        if (other)
            return err_set(err, word, 0, 0, "short for --%s or --%s: which?", other,
                           option->name);
        other = option->name;
    }
    char hint[NEAREST_HINT_CAP];
    return err_set(err, word, 0, 0, "no such option%s; `nightscope %s --help` lists them",
                   nearest_hint(&nearest, "--", hint), argv[0]);
}

/* Takes what getopt_long() found. config_only: of all options but --config, nothing. */
static int take_word(struct options *options, const struct words *words, int got, char **argv,
                     bool config_only, struct err *err)
{
    unsigned id = OPTION_COUNT_;
    if (got >= VALUE_NEGATION) {
        id = (unsigned)(got - VALUE_NEGATION);
        options->value[id].given = options->value[id].given && config_only;
        options->from_file[id] = options->from_file[id] && config_only;
        return 0;
    }
    if (got >= VALUE_OPTION)
        id = (unsigned)(got - VALUE_OPTION);
    for (unsigned i = 0; id == OPTION_COUNT_ && i < OPTION_COUNT_; i++)
        if (OPTION_ROWS[i].letter && OPTION_ROWS[i].letter == got)
            id = i;
    if (config_only && id != OPTION_config)
        return 0;
    if (got == ':')
        return err_set(err, argv[optind - 1], 0, 0, "this option needs a value");
    if (id == OPTION_COUNT_)
        return refuse(words, argv, err);
    overrule(options, id);
    return option_take(options, id, optarg ? optarg : "", err);
}

static int take_words(struct options *options, const struct words *words, int argc, char **argv,
                      bool config_only, struct err *err)
{
    opterr = 0;
    optind = 0; /* anew */
    for (int got; (got = getopt_long(argc, argv, words->letters, words->longs, NULL)) != -1;)
        if (take_word(options, words, got, argv, config_only, err) != 0)
            return OPTIONS_USAGE;
    return 0;
}

/* Only --config; getopt_long() sorts what it is given, so it gets a copy. */
static int find_config(struct options *options, const struct words *words, int argc,
                       char **argv, struct err *err)
{
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    if (!copy) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return OPTIONS_USAGE;
    }
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    int status = take_words(options, words, argc, copy, true, err);
    free(copy);
    return status;
}

int options_parse(struct options *options, int argc, char **argv, struct err *err)
{
    struct words words;
    options_init(options);
    fill_words(&words, options_letter(argv[0]));
    int status = find_config(options, &words, argc, argv, err);
    if (status == 0 && options->value[OPTION_config].text)
        status = options_read_config(options, argv[0], options->value[OPTION_config].text, err);
    if (status == 0)
        status = take_words(options, &words, argc, argv, false, err);
    options->files = argv + optind;
    options->files_n = (unsigned)(argc - optind);
    return status;
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
        const struct option_row *row = &OPTION_ROWS[id];
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
