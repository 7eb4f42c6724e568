/* What went wrong, for a person: where (file, line, column) and what was expected.
 *
 * Functions on cold paths return 0 or a negative value and fill a struct err; nothing below the
 * application prints or exits. Hot paths cannot fail: they return an enum that is counted. */
#pragma once

#include <stdarg.h>

enum {
    ERR_ORIGIN_CAP = 256,
    ERR_TEXT_CAP = 512,
};

struct err {
    char origin[ERR_ORIGIN_CAP]; /* file name, option name; "" if none */
    unsigned line, column;       /* from 1; 0: none */
    char text[ERR_TEXT_CAP];     /* no final full stop or newline; control characters escaped */
};

/* Fills *err (which may be NULL) and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, const char *origin, unsigned line, unsigned column,
            const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "origin:line:column: text" with the parts that are there, into buf; always ends in NUL. */
void err_format(const struct err *err, char *buf, unsigned long cap);
