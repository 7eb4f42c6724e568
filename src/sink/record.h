/* One definition of every output field: its name, what it is, where in a struct report it lies.
 *
 * A record is a tree. Leaves are values; a group holds further fields of the same struct; a
 * table holds the columns of its rows. JSON nests the tree, CSV writes a file a table and one
 * of the leaves, and a field added here is in both.
 *
 *     RECORD_REPORT                          of struct record_root
 *       "packets"     FIELD_U64
 *       "protocols"   FIELD_GROUP  --> "tcp" FIELD_U64, ...
 *       "ports"       FIELD_TABLE  --> "proto" FIELD_PROTOCOL, "port" FIELD_U16, ...  a row
 */
#pragma once

#include <nightscope/sink.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_SIZE,     /* size_t */
    FIELD_BOOL,     /* bool */
    FIELD_NAME,     /* const char *, any bytes; NULL: null */
    FIELD_TEXT,     /* char[], any bytes up to a NUL */
    FIELD_ADDRESS,  /* struct address */
    FIELD_PROTOCOL, /* enum protocol */
    FIELD_TIME_S,   /* uint32_t, Unix time */
    FIELD_START_S,  /* int64_t, Unix time */
    FIELD_TIME_NS,  /* int64_t; null when the report has no time */
    FIELD_ERROR,    /* struct file_status, whole: null when nothing is wrong */
    FIELD_CONSTANT, /* the text at `text` */
    FIELD_LIST,     /* const char *[], as many as the unsigned at `count` says */
    FIELD_GROUP,    /* fields of the same struct */
    FIELD_TABLE,    /* any REPORT_TABLE */
    FIELD_MAP,      /* the same; in JSON an object of rows by their first column */
    FIELD_FILES,    /* struct sink_files */
};

enum {
    FIELD_NONZERO = 1,  /* JSON has the field only when it is neither 0 nor false */
    FIELD_LOCATED = 2,  /* a table without rows (a number 0) when there are no databases */
    FIELD_SIGNED = 4,   /* the same, when there are no signatures */
    FIELD_DARKLESS = 8, /* only when there are signatures, and --dark was not given */
    /* For reading back, and for merging two reports. */
    FIELD_REQUIRED = 16, /* a text that must be there */
    FIELD_COUNTRY = 32,  /* a text of two capital letters, or "??" */
    FIELD_KEY = 64,      /* rows that agree in these are one row */
    FIELD_LOWEST = 128,  /* a time: the lower one ... */
    FIELD_HIGHEST = 256, /* ... the higher one */
    FIELD_BY_KEY = 512,  /* a table sorted by its key, not by packets */
    FIELD_ADDS = 1024,   /* sums of exact values are exact */
};

struct field {
    const char *name;
    enum field_kind kind;
    unsigned flags;    /* FIELD_NONZERO, ... */
    size_t offset;     /* in the struct of the record */
    size_t cap;        /* leaves, lists: bytes there */
    bool can_estimate; /* the bool at `estimated` says whether the value is not exact */
    size_t estimated;  /* its offset */
    bool bounded;      /* an estimate is never above the uint64_t at `bound` */
    size_t bound;
    size_t count;                /* FIELD_LIST */
    const char *text;            /* FIELD_CONSTANT */
    const char *file;            /* tables: the name in CSV, when it is not that of the tree */
    const struct record *record; /* FIELD_GROUP: of the same struct; tables: of a row */
};

struct record {
    const struct field *fields;
    size_t n;
    size_t size; /* bytes of a row; unused in groups */
};

extern const struct record RECORD_REPORT; /* of struct report */
extern const struct record RECORD_MINUTE; /* of struct report_minute */

/* A leaf's value. text is borrowed from the report, or points into buf. */
struct value {
    enum { VALUE_NULL, VALUE_NUMBER, VALUE_BOOL, VALUE_TEXT } kind;
    uint64_t number; /* VALUE_NUMBER; VALUE_BOOL: 0 or 1 */
    const char *text;
    char buf[ADDRESS_TEXT_CAP];
};

/* What all outputs are of. */
struct record_root {
    const struct report *report;
    const struct sink_files *files;
};

/* A table's rows, whatever their type; row i is at record_row(). */
struct record_rows {
    const struct record *record;
    const void *rows; /* or, when indirect, an array of pointers to rows */
    size_t n;
    bool indirect;
};

/* Names borrowed from the report. */
struct record_names {
    const char *const *names;
    size_t n;
};

/* An estimated count of distinct things among packets: there are no more of them than packets.
 */
uint64_t record_distinct(uint64_t count, bool estimated, uint64_t packets);
/* Leaves only (not a list, group or table). VALUE_NULL with FIELD_DARKLESS: leave it out. base
 * is the struct the field is of. */
void record_value(const struct field *field, const struct record_root *root, const void *base,
                  struct value *ret_value);
/* Does the bool beside the field say that it is an estimate? */
bool record_estimated(const struct field *field, const void *base);
/* FIELD_LIST only. */
struct record_names record_names(const struct field *field, const void *base);
/* FIELD_TABLE, FIELD_MAP and FIELD_FILES only. */
struct record_rows record_rows(const struct field *field, const struct record_root *root,
                               const void *base);
const void *record_row(const struct record_rows *rows, size_t i);

/* A table as it is, whatever its type; FIELD_TABLE and FIELD_MAP only. Setting frees nothing.
 */
struct record_table {
    void *rows;
    size_t n, total;
    bool cut;
};
struct record_table record_table(const struct field *field, const void *base);
void record_set_table(const struct field *field, void *base, const struct record_table *table);
/* Fills in what follows from the fields of the record: of a report that was read or merged. */
void record_derive(struct report *report);
/* What went wrong with a file, or NULL. */
const char *record_file_error(const struct file_status *file);
/* "tcp", "udp", ... */
const char *record_protocol(enum protocol protocol);
