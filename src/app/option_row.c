/* The table of options, and the values its rows take. */
#include "app/option_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct option_row OPTION_ROWS[OPTION_COUNT_] = {
#define OPTION(id, commands, name, letter, kind, argument, lowest, highest, initial, help)     \
    [OPTION_##                                                                                 \
        id] = {commands, name, letter, KIND_##kind, argument, lowest, highest, initial, help},
#include "app/options.def"
#undef OPTION
};

/* The table in its order, with the sections between the rows. */
static const struct {
    const char *section; /* NULL: a row */
    unsigned id;
} ITEMS[] = {
#define SECTION(name)    {#name, OPTION_COUNT_},
#define OPTION(id_, ...) {NULL, OPTION_##id_},
#include "app/options.def"
#undef OPTION
};

const char *option_section(enum option_id id)
{
    const char *section = "";
    for (size_t i = 0; i < sizeof ITEMS / sizeof *ITEMS; i++) {
        if (ITEMS[i].section)
            section = ITEMS[i].section;
        else if (ITEMS[i].id == id)
            break;
    }
    return section[0] ? section : NULL;
}

const char *option_key(enum option_id id)
{
    const char *section = option_section(id), *name = OPTION_ROWS[id].name;
    size_t n = section ? strlen(section) : 0;
    if (!section)
        return NULL;
    return strncmp(name, section, n) == 0 && name[n] == '-' ? name + n + 1 : name;
}

/* Replay and report begin alike. */
char options_letter(const char *command)
{
    return strcmp(command, "report") == 0 ? 'p' : command[0];
}

/* A whole number, or a duration: digits and a unit of s, m, h, d. */
static int parse_number(const struct option_row *row, const char *text, uint64_t *ret_number)
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

static int expected(const struct option_row *row, const char *text, struct err *err)
{
    char origin[64];
    (void)snprintf(origin, sizeof origin, "--%s", row->name);
    if (row->kind == KIND_DURATION)
        return err_set(err, origin, 0, 0,
                       "\"%s\": expected a duration such as 30s or 5m, from %llu s to %llu s",
                       text, (unsigned long long)row->lowest, (unsigned long long)row->highest);
    return err_set(err, origin, 0, 0, "\"%s\": expected a whole number from %llu to %llu", text,
                   (unsigned long long)row->lowest, (unsigned long long)row->highest);
}

/* Blanks around the items of a list are none of theirs. */
static void trim_items(char *text)
{
    static const char BLANKS[] = " \t";
    char *to = text;
    for (;;) {
        text += strspn(text, BLANKS);
        size_t n = strcspn(text, ","), kept = n;
        while (kept > 0 && strchr(BLANKS, text[kept - 1]))
            kept--;
        memmove(to, text, kept);
        to += kept;
        text += n;
        *to = *text;
        if (!*text)
            return;
        to++;
        text++;
    }
}

static int append(union option_value *value, const char *joiner, const char *text)
{
    char *joined;
    if (asprintf(&joined, "%s%s%s", value->text ? value->text : "", value->text ? joiner : "",
                 text) < 0)
        return -1;
    if (joiner[0] == ',')
        trim_items(joined);
    free(value->text);
    value->text = joined;
    return 0;
}

/* Mostly a variable of a shell that is not set: what it should have said would be left out. */
static int refuse_empty(const struct option_row *row, const char *text, struct err *err)
{
    char origin[64];
    if (text[row->kind == KIND_LIST ? strspn(text, " \t") : 0])
        return 0;
    (void)snprintf(origin, sizeof origin, "--%s", row->name);
    return err_set(err, origin, 0, 0, "\"%s\": expected %s", text, row->argument);
}

int option_take(struct options *options, enum option_id id, const char *text, struct err *err)
{
    const struct option_row *row = &OPTION_ROWS[id];
    union option_value *value = &options->value[id];
    int status = option_has_text(row) ? refuse_empty(row, text, err) : 0;
    if (status != 0)
        return status;
    switch (row->kind) {
    case KIND_FLAG:
        value->given = true;
        break;
    case KIND_TEXT:
        free(value->text);
        value->text = strdup(text);
        status = value->text ? 0 : err_set(err, NULL, 0, 0, "out of memory");
        break;
    case KIND_LIST:
    case KIND_PATHS:
        if (append(value, row->kind == KIND_LIST ? "," : "\n", text) != 0)
            status = err_set(err, NULL, 0, 0, "out of memory");
        break;
    case KIND_NUMBER:
    case KIND_DURATION:
        if (parse_number(row, text, &value->number) != 0)
            status = expected(row, text, err);
        break;
    }
    options->given[id] |= status == 0;
    return status;
}

void options_init(struct options *options)
{
    *options = (struct options){0};
    for (unsigned id = 0; id < OPTION_COUNT_; id++) {
        const struct option_row *row = &OPTION_ROWS[id];
        if (row->initial[0] && (row->kind == KIND_NUMBER || row->kind == KIND_DURATION))
            (void)parse_number(row, row->initial, &options->value[id].number); /* tested */
    }
}

void options_fini(struct options *options)
{
    for (unsigned id = 0; id < OPTION_COUNT_; id++)
        if (option_has_text(&OPTION_ROWS[id]))
            free(options->value[id].text);
    for (size_t i = 0; i < options->places_n; i++)
        free(options->places[i].text);
    free(options->places);
    free(options->config_path);
    *options = (struct options){0};
}
