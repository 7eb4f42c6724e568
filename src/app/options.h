/* The command line: options.def as a struct, parsed and checked. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* FLAG: given. TEXT, LIST and PATHS: the text, NULL when not given. NUMBER, DURATION: the
 * value, of the default when not given (0 where there is none). */
union option_value {
    bool given;
    char *text;
    uint64_t number;
};

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "app/options.def"
#undef OPTION
    OPTION_COUNT_,
};

struct options {
    union option_value value[OPTION_COUNT_];
    char **files; /* borrowed from argv */
    unsigned files_n;
};

/* The letter that options.def has for a command. */
char options_letter(const char *command);

/* Parses argv[1..argc-1]; argv[0] is the command, which decides what options there are. -1 with
 * *err for a usage error. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);
void options_fini(struct options *options);
void options_help(const char *command, FILE *out);
