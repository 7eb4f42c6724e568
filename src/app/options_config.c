/* Options from configuration files, and as one. */
#include "app/commands.h"
#include "app/config.h"
#include "app/option_row.h"
#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct options *options;
    char command;
};

/* Tells where in the file a message about an option belongs: the key stands in front. */
static void move_error(struct err *err, const char *origin, unsigned line, unsigned column,
                       const char *key)
{
    struct err told = *err;
    (void)err_set(err, origin, line, column, "%s%s %s", key, told.text[0] == '"' ? "" : ":",
                  told.text);
}

static int parse_flag(const char *text, bool *ret_flag)
{
    static const char *const WORDS[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};
    for (unsigned i = 0; i < 8; i++)
        if (strcmp(text, WORDS[i % 2][i / 2]) == 0) {
            *ret_flag = i % 2;
            return 0;
        }
    return -1;
}

static int take_text(struct options *options, unsigned id, const struct config_entry *entry,
                     struct err *err)
{
    const struct option_row *row = &OPTION_ROWS[id];
    if (row->kind == KIND_FLAG) {
        if (parse_flag(entry->value, &options->value[id].given) != 0)
            return err_set(err, NULL, 0, 0, "\"%s\": expected yes or no", entry->value);
        options->given[id] = true;
        return 0;
    }
    if (!entry->value[0])
        return err_set(err, NULL, 0, 0, "\"\": expected %s", row->argument);
    return option_take(options, id, entry->value, err);
}

static int remember(struct options *options, unsigned id, const struct config_entry *entry)
{
    size_t n = options->places_n;
    struct option_place *places = options->places;
    if ((n & (n - 1)) == 0) /* full: it grows at powers of two */
        places = realloc(places, (n ? 2 * n : 1) * sizeof *places);
    char *text = places ? strdup(entry->value) : NULL;
    if (places)
        options->places = places;
    if (!text)
        return -1;
    places[options->places_n++] = (struct option_place){id, entry->line, entry->column, text};
    options->from_file[id] = true;
    return 0;
}

static const struct option_place *place_of(const struct options *options, unsigned id)
{
    for (size_t i = 0; i < options->places_n; i++)
        if (options->places[i].id == id)
            return &options->places[i];
    return NULL;
}

static bool is_row(unsigned id, const char *section, const char *key)
{
    const char *of = option_section(id);
    return of && strcmp(of, section) == 0 && (!key || strcmp(option_key(id), key) == 0);
}

/* One row of those that have the key. `check` keeps the values of all of them, other commands
 * only look whether those of others are right. */
static int take_row(struct reading *reading, unsigned id, const struct config_entry *entry,
                    struct err *err)
{
    const struct option_row *row = &OPTION_ROWS[id];
    struct options *options = reading->options, scratch = {0};
    bool ours = reading->command == 'c' || strchr(row->commands, reading->command);
    bool list = row->kind == KIND_LIST || row->kind == KIND_PATHS;
    const struct option_place *before = place_of(options, id);
    int status;
    if (before && !list)
        status = err_set(err, NULL, 0, 0, "\"%s\": the key is in line %u already", entry->value,
                         before->line);
    else
        status = take_text(ours ? options : &scratch, id, entry, err);
    if (status == 0 && remember(options, id, entry) != 0)
        status = err_set(err, NULL, 0, 0, "out of memory");
    if (!ours)
        options->from_file[id] = false;
    options_fini(&scratch);
    return status;
}

static int unknown_key(const struct config_entry *entry, struct err *err)
{
    struct nearest nearest = nearest_to(entry->key, strlen(entry->key));
    for (unsigned id = 0; id < OPTION_COUNT_; id++)
        if (is_row(id, entry->section, NULL))
            nearest_offer(&nearest, option_key(id));
    char hint[NEAREST_HINT_CAP];
    return err_set(err, entry->origin, entry->line, entry->key_column,
                   "\"%s\": no such key in [%s]%s; nightscope.conf(5) lists them", entry->key,
                   entry->section, nearest_hint(&nearest, "", hint));
}

static int unknown_section(const struct config_entry *entry, struct err *err)
{
    struct nearest nearest = nearest_to(entry->section, strlen(entry->section));
    for (unsigned id = 0; id < OPTION_COUNT_; id++)
        nearest_offer(&nearest, option_section(id) ? option_section(id) : "");
    char hint[NEAREST_HINT_CAP];
    return err_set(err, entry->origin, entry->line, entry->column,
                   "\"%s\": no such section%s; nightscope.conf(5) lists them", entry->section,
                   nearest_hint(&nearest, "", hint));
}

/* A key may be in several rows, of different commands: those of this command must take it, of
 * the others one must. */
static int take_key(struct reading *reading, const struct config_entry *entry, struct err *err)
{
    bool known = false, taken = false, refused = false;
    for (unsigned id = 0; id < OPTION_COUNT_ && !refused; id++) {
        if (!is_row(id, entry->section, entry->key))
            continue;
        struct err ours;
        if (take_row(reading, id, entry, &ours) == 0) {
            taken = true;
        } else {
            refused =
                reading->command != 'c' && strchr(OPTION_ROWS[id].commands, reading->command);
            if (refused || !known)
                *err = ours;
        }
        known = true;
    }
    if (!known)
        return unknown_key(entry, err);
    if (taken && !refused)
        return 0;
    move_error(err, entry->origin, entry->line, entry->column, entry->key);
    return -1;
}

static int take_entry(void *context, const struct config_entry *entry, struct err *err)
{
    bool known = false;
    for (unsigned id = 0; id < OPTION_COUNT_ && !known; id++)
        known = is_row(id, entry->section, NULL);
    if (!entry->section[0])
        return err_set(err, entry->origin, entry->line, entry->key_column,
                       "\"%s\": expected a [section] before the first key", entry->key);
    if (!known)
        return unknown_section(entry, err);
    return entry->key ? take_key(context, entry, err) : 0;
}

int options_parse_config(struct options *options, const char *command, const char *text,
                         size_t n, const char *origin, struct err *err)
{
    struct reading reading = {options, options_letter(command)};
    return config_parse(text, n, origin, take_entry, &reading, err);
}

int options_read_config(struct options *options, const char *command, const char *path,
                        struct err *err)
{
    struct reading reading = {options, options_letter(command)};
    options->config_path = strdup(path);
    if (!options->config_path) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return OPTIONS_BAD_CONFIG;
    }
    return config_read(path, take_entry, &reading, err) == 0 ? 0 : OPTIONS_BAD_CONFIG;
}

/* The text a message quotes first, or "". */
static void quoted(const struct err *err, char *buf, size_t cap)
{
    const char *end = err->text[0] == '"' ? strstr(err->text + 1, "\":") : NULL;
    (void)snprintf(buf, cap, "%.*s", end ? (int)(end - err->text - 1) : 0, err->text + 1);
}

bool options_locate(const struct options *options, struct err *err)
{
    unsigned id = 0;
    if (strncmp(err->origin, "--", 2) != 0 || err->line != 0)
        return false;
    while (id < OPTION_COUNT_ &&
           !(options->from_file[id] && strcmp(OPTION_ROWS[id].name, err->origin + 2) == 0))
        id++;
    const struct option_place *place = id < OPTION_COUNT_ ? place_of(options, id) : NULL;
    if (!place)
        return false;
    unsigned column = place->column;
    char token[ERR_TEXT_CAP];
    quoted(err, token, sizeof token);
    for (size_t i = 0; token[0] && i < options->places_n; i++) {
        const struct option_place *other = &options->places[i];
        const char *found = other->id == id ? strstr(other->text, token) : NULL;
        if (!found)
            continue;
        place = other;
        column = other->column + (unsigned)(found - other->text);
        break;
    }
    move_error(err, options->config_path, place->line, column, option_key(id));
    return true;
}

/* Printing */

static void print_comment(FILE *out, const char *text)
{
    enum { WIDTH = 96 };
    unsigned column = 0;
    while (*text) {
        unsigned length = (unsigned)strcspn(text, " ");
        if (column == 0 || column + 1 + length > WIDTH) {
            (void)fprintf(out, "%s#", column ? "\n" : "");
            column = 1;
        }
        (void)fprintf(out, " %.*s", (int)length, text);
        column += 1 + length;
        text += length;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

/* Would libinih read this value as it is? */
static bool fits(const char *key, const char *text, size_t n)
{
    static const char BLANKS[] = " \t\r\v\f";
    if (n == 0 || strlen(key) + 3 + n > CONFIG_LINE_MAX || strchr(BLANKS, text[0]) ||
        strchr(BLANKS, text[n - 1]) || text[0] == ';')
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n' || (text[i] == ';' && i > 0 && strchr(BLANKS, text[i - 1])))
            return false;
    return true;
}

/* A line for each part of a list. */
static int print_text(FILE *out, unsigned id, const char *text, struct err *err)
{
    const struct option_row *row = &OPTION_ROWS[id];
    const char *key = option_key(id);
    const char *joiner = row->kind == KIND_LIST ? "," : row->kind == KIND_PATHS ? "\n" : "";
    for (;;) {
        size_t n = joiner[0] ? strcspn(text, joiner) : strlen(text);
        if (!fits(key, text, n)) {
            char origin[64];
            (void)snprintf(origin, sizeof origin, "--%s", row->name);
            return err_set(err, origin, 0, 0,
                           "\"%.*s\": cannot be in a configuration file (empty, too long, or "
                           "with a line's end or a blank and ';' in it)",
                           (int)n, text);
        }
        (void)fprintf(out, "%s = %.*s\n", key, (int)n, text);
        text += n;
        if (!*text)
            return 0;
        text++;
    }
}

static int print_row(const struct options *options, unsigned id, FILE *out, struct err *err)
{
    const struct option_row *row = &OPTION_ROWS[id];
    const union option_value *value = &options->value[id];
    const char *key = option_key(id);
    bool number = row->kind == KIND_NUMBER || row->kind == KIND_DURATION;
    print_comment(out, row->help);
    if (row->kind == KIND_FLAG)
        (void)fprintf(out, "%s = %s\n", key, value->given ? "yes" : "no");
    else if (number && (options->given[id] || row->initial[0]))
        (void)fprintf(out, "%s = %llu%s\n", key, (unsigned long long)value->number,
                      row->kind == KIND_DURATION ? "s" : "");
    else if (!number && value->text)
        return print_text(out, id, value->text, err);
    else if (row->initial[0])
        (void)fprintf(out, "%s = %s\n", key, row->initial);
    else
        (void)fprintf(out, "# %s = %s\n", key, row->argument);
    return 0;
}

/* Was a row of this section, or of this key in it, there before? */
static bool seen(unsigned id, const char *key, char letter)
{
    for (unsigned i = 0; i < id; i++)
        if (is_row(i, option_section(id), key) &&
            (letter == 'c' || strchr(OPTION_ROWS[i].commands, letter)))
            return true;
    return false;
}

int options_print(const struct options *options, const char *command, FILE *out,
                  struct err *err)
{
    char letter = options_letter(command);
    (void)fprintf(out, "# nightscope %s, what `nightscope %s` uses; nightscope.conf(5)\n",
                  NIGHTSCOPE_VERSION, command);
    for (unsigned first = 0; first < OPTION_COUNT_; first++) {
        const char *section = option_section(first);
        bool ours = letter == 'c' || strchr(OPTION_ROWS[first].commands, letter);
        if (!section || !ours || seen(first, NULL, letter))
            continue;
        (void)fprintf(out, "\n[%s]\n", section);
        for (unsigned id = first; id < OPTION_COUNT_; id++) {
            ours = letter == 'c' || strchr(OPTION_ROWS[id].commands, letter);
            if (is_row(id, section, NULL) && ours && !seen(id, option_key(id), letter) &&
                print_row(options, id, out, err) != 0)
                return -1;
        }
    }
    return 0;
}
