/* Renderings of a report. One definition of every output field (src/sink/record.c) feeds them
 * all. Writers return 0, or -1 with *err when the stream or a file cannot be written. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/report.h>
#include <nightscope/source.h>

#include <stdio.h>

struct sink_files { /* the "files" of a report */
    const struct file_status *const *files;
    size_t n;
};

/* One JSON object on one line, schema nightscope.report/1. */
int sink_json(FILE *out, const struct report *report, const struct sink_files *files,
              struct err *err);

/* One file a table in directory `path` (made if missing): summary.csv, series.csv, ports.csv,
 * ... */
int sink_csv(const char *path, const struct report *report, const struct sink_files *files,
             struct err *err);

struct sink_text_options {
    bool colour;
    unsigned width; /* columns of the page, at least 60 */
};

/* One page for a person. */
int sink_text(FILE *out, const struct report *report, const struct sink_files *files,
              const struct sink_text_options *options, struct err *err);

/* A report read back from its JSON, which is hostile input: NULL with *err, at `origin`, when
 * it is not a report or one of a newer schema. Texts of the report are borrowed from the
 * reading. */
struct sink_read;
struct sink_read *sink_read(const char *text, size_t n, const char *origin, struct err *err);
void sink_read_free(struct sink_read *read);
struct report *sink_read_report(const struct sink_read *read);
const struct sink_files *sink_read_files(const struct sink_read *read);

/* Adds the report of another sensor; texts stay borrowed from either. Distinct counts become
 * upper bounds, marked as estimates. -1: out of memory, and *into is not to be used. */
int sink_merge(struct report *into, const struct report *from);
/* Cuts tables at `top` rows; 0: none. */
void sink_cut(struct report *report, size_t top);
