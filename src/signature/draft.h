/* A signature file while it is read, and what its signature has so far.
 *
 *     line.c --> file.c: keys --> expression.c: definitions, match, relations, thresholds
 *                           |
 *                           +---> draft.c: begins a signature, ends it, adds it to the set
 */
#pragma once

#include "file.h"

enum { LIST_MAX = 64, THRESHOLDS_MAX = 8 }; /* of one signature */

enum key {
    KEY_TITLE,
    KEY_LABEL,
    KEY_ORIGIN,
    KEY_MATCH,
    KEY_CONSTANT,
    KEY_INCREASING,
    KEY_CHANCE,
    KEY_SINCE,
    KEY_UNTIL,
    KEY_DISTINCT, /* from here on, once is not the limit */
    KEY_PACKETS,
    KEY_REFERENCE,
    KEY_EXAMPLE,
    KEY_NEAR,
    KEY_DEFINE,
    KEY_COUNT_,
};
/* As they are written. */
extern const char *const KEY_NAMES[KEY_COUNT_];

/* A signature while its lines are read. */
struct draft {
    struct signature signature;
    unsigned seen; /* 1 << key */
    unsigned errors_before;
    bool valid_name;
    struct threshold thresholds[THRESHOLDS_MAX];
    const char *references[LIST_MAX], *examples[LIST_MAX], *nears[LIST_MAX];
};

struct file_reader {
    struct signature_set *set;
    struct parser parser;
    struct diag diag;
    const struct define *file_defines;
    struct draft draft;
    bool open; /* a signature is being read */
};

/* Reports an error at a character of a line: its number and column. */
void file_report(struct file_reader *reader, const struct line *line, const char *at,
                 const char *what);
/* The words of a value with one space between them; `#` after a space starts a comment. The
 * set's; NULL after an error. */
const char *file_text(struct file_reader *reader, const struct line *line, const char *at);

/* The values that are expressions: read from `at` to the end of the line, all of it. Errors go
 * to the parser's diag. */
void read_define(struct file_reader *reader, const struct line *line, const char *at);
void read_match(struct file_reader *reader, const struct line *line, const char *at);
void read_relation(struct file_reader *reader, const struct line *line, const char *at,
                   enum relation relation);
/* `distinct (a, b)` says what a new probe is; with a comparison it is a threshold. */
void read_distinct(struct file_reader *reader, const struct line *line, const char *at);
/* `packets > 10` and the like */
void read_packets(struct file_reader *reader, const struct line *line, const char *at);

/* Begins a signature whose name stands at `at`. */
void draft_open(struct file_reader *reader, const struct line *line, const char *at);
/* Adds the signature to the set when it is whole; without one, nothing. */
void draft_close(struct file_reader *reader);
