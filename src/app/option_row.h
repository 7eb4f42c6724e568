/* A row of options.def, and what values it takes; private to options. */
#pragma once

#include "app/options.h"

enum option_kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_LIST,
    KIND_PATHS,
    KIND_NUMBER,
    KIND_DURATION,
};

struct option_row {
    const char *commands; /* letters of those that take it */
    const char *name;
    int letter;
    enum option_kind kind;
    const char *argument;
    uint64_t lowest, highest;
    const char *initial;
    const char *help;
};

extern const struct option_row OPTION_ROWS[OPTION_COUNT_];

/* Texts and not numbers: they are allocated. */
static inline bool option_has_text(const struct option_row *row)
{
    return row->kind == KIND_TEXT || row->kind == KIND_LIST || row->kind == KIND_PATHS;
}

/* Takes a value; lists grow. -1 with *err, of origin "--NAME". */
int option_take(struct options *options, enum option_id id, const char *text, struct err *err);
/* Reads a configuration file. 0 or OPTIONS_BAD_CONFIG. */
int options_read_config(struct options *options, const char *command, const char *path,
                        struct err *err);
