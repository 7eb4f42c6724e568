/* One CSV file (RFC 4180 quoting, UTF-8, lines end in LF): written beside its place, synced,
 * then renamed into it, so that a reader never sees half of one.
 *
 * Text comes from strangers. A cell that a spreadsheet would take for a formula (it begins with
 * = + - @, a tab or a return) gets an apostrophe in front; numbers are never touched. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CSV_NAME_CAP = 128 };

struct csv_out {
    FILE *out;
    int dir;              /* borrowed */
    const char *dir_path; /* for messages; borrowed */
    char name[CSV_NAME_CAP], temporary[CSV_NAME_CAP];
    bool comma; /* the next cell is not the first of its row */
};

/* Opens dir/name for writing. 0, or -1 with *err. */
int csv_out_open(struct csv_out *csv, int dir, const char *dir_path, const char *name,
                 struct err *err);
void csv_out_number(struct csv_out *csv, uint64_t number);
void csv_out_bool(struct csv_out *csv, bool value);
void csv_out_text(struct csv_out *csv, const char *text);
void csv_out_end_row(struct csv_out *csv);
/* Puts the file in its place. -1: nothing is left of it, *err says why. */
int csv_out_close(struct csv_out *csv, struct err *err);

/* "cannot be written: reason; what to do", for a file (or, name "", the directory). */
int csv_out_error(const char *dir_path, const char *name, int error, struct err *err);
