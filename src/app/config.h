/* Configuration files: INI, read with libinih. Sections of keys with a value a line:
 *
 *     [telescope]
 *     dark = 192.0.2.0/24     ; a comment after a blank
 *     dark = 198.51.100.0/24  ; keys that are lists may be repeated
 *
 * What a section or a key means is the caller's to say. A file is untrusted input: size and
 * lines are bounded, and the first thing that is wrong is told with its line and column. */
#pragma once

#include <nightscope/error.h>

#include <stddef.h>

enum {
    CONFIG_FILE_MAX = 1 << 20,
    CONFIG_LINE_MAX = 196, /* bytes: what libinih takes */
};

struct config_entry {
    const char *section;
    const char *key;   /* NULL: a section begins */
    const char *value; /* without blanks around it; may be "" */
    const char *origin;
    unsigned line, column; /* of the value, or of the name of the section */
    unsigned key_column;
};

/* 0 to go on, -1 with *err. */
typedef int config_take(void *context, const struct config_entry *entry, struct err *err);

/* -1 with *err; entries before the mistake have been taken. */
int config_parse(const char *text, size_t n, const char *origin, config_take *take,
                 void *context, struct err *err);
int config_read(const char *path, config_take *take, void *context, struct err *err);
