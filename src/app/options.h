/* The command line and the configuration file: options.def as a struct, parsed and checked. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stddef.h>
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

/* A value as the configuration file has it. */
struct option_place {
    enum option_id id;
    unsigned line, column;
    char *text;
};

struct options {
    union option_value value[OPTION_COUNT_];
    bool given[OPTION_COUNT_];     /* by the command line or the file */
    bool from_file[OPTION_COUNT_]; /* and the command line did not overrule it */
    char **files;                  /* borrowed from argv */
    unsigned files_n;
    char *config_path; /* NULL: no file */
    struct option_place *places;
    size_t places_n;
};

/* The letter that options.def has for a command. */
char options_letter(const char *command);

enum { OPTIONS_USAGE = -1, OPTIONS_BAD_CONFIG = -2 };

/* Defaults. */
void options_init(struct options *options);
/* Parses argv[1..argc-1], and the file that --config names; argv[0] is the command, which
 * decides what options there are. `check` takes from a file what any command does. 0, or
 * OPTIONS_* with *err. options_fini() in any case. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);
/* The same from the text of a configuration file, onto what was there. -1 with *err. */
int options_parse_config(struct options *options, const char *command, const char *text,
                         size_t n, const char *origin, struct err *err);
/* Has every option that needs another one its partner, from the command line or the file? A
 * default in a file, or a setting of all runs, needs none. -1 with *err, of origin "--NAME".
 * option_partners.c */
int options_check_partners(const struct options *options, struct err *err);
void options_fini(struct options *options);
void options_help(const char *command, FILE *out);

/* Is this error about an option whose value the file gave? Then *err tells the place in the
 * file, and true. */
bool options_locate(const struct options *options, struct err *err);

/* The values in effect, as a configuration file. -1 with *err: one of them cannot be in a file.
 */
int options_print(const struct options *options, const char *command, FILE *out,
                  struct err *err);

/* Section and key of an option in configuration files; NULL: of the command line alone. */
const char *option_section(enum option_id id);
const char *option_key(enum option_id id);
