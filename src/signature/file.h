/* The lines of a signature file, and the plain values in them. */
#pragma once

#include "parse.h"
#include "set.h"

/* A logical line: a first line and the deeper indented ones that continue it. */
struct line {
    const char *text; /* from its first character that is not a space ... */
    const char *end;  /* ... to the end of its last line, comments and newlines included */
    const char *line_start;
    unsigned number; /* from 1 */
    unsigned indent; /* columns before the text; a tab goes to the next multiple of 8 */
};

struct line_reader {
    const char *at, *end;
    unsigned number;
    unsigned level; /* indentation of the keys of this signature; 0: not known yet */
};

/* The next logical line; false at the end. */
bool line_next(struct line_reader *reader, struct line *ret_line);

/* A name or label: a-z, 0-9, "-", "." and "_". */
bool text_is_name(const char *text, size_t len);
/* Index of the first byte that is not of UTF-8 text without control characters; len: none. */
size_t text_bad_utf8(const uint8_t *text, size_t len);
/* "0.5", "1e-9", "2^-32"; false when it is none. */
bool text_real(const char *text, double *ret_value);
/* "2016", "2016-08" or "2016-08-31" */
bool text_is_date(const char *text);
/* "30s", "15m", "6h", "1d" in seconds; 0 when it is none. */
uint32_t token_span(const struct token *token);
