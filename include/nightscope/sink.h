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
