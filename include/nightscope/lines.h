/* Files that grow line by line: scan events and minutes, as NDJSON or CSV, plain or gzip.
 *
 * A file is written under a temporary name beside its place (".NAME.tmp") and renamed when it
 * is complete, so that a reader never sees half of one. What is not a regular file (/dev/null,
 * a pipe) is written in place. Names that end in ".gz" are compressed. */
#pragma once

#include <nightscope/event.h>
#include <nightscope/report.h>

#include <stdio.h>

struct out_file;

/* NULL with *err when it cannot be written. */
struct out_file *out_file_open(const char *path, struct err *err);
/* To write to; its first failure is kept. */
FILE *out_file_stream(const struct out_file *file);
/* The errno of the first write that failed; 0: none so far. */
int out_file_error(const struct out_file *file);
/* Hands all lines so far to the kernel: whoever reads the file after a crash finds them. */
void out_file_push(struct out_file *file);
/* Completes and frees it. -1 with *err: nothing is left in its place. */
int out_file_close(struct out_file *file, struct err *err);
/* Frees it and leaves nothing behind. NULL is fine. */
void out_file_abandon(struct out_file *file);

/* What runs left behind that did not end (a crash, SIGKILL): half-written files that nobody
 * writes any more. Their whole lines go to files with a number of their own; the rest is
 * removed. */
struct lines_rest {
    unsigned files; /* that were left */
    uint64_t lines; /* of them that could be read */
};

/* PATH, or with a number before its ending (events.1.csv.gz), that nothing has, not even
 * half-written; to be freed. NULL with errno. */
char *out_file_free_name(const char *path);
/* What was left of this file. -1 with *err: it could not be completed, and stays. */
int out_file_recover(const char *path, struct lines_rest *ret_rest, struct err *err);

/* What an event's numbers mean. Borrowed. */
struct event_names {
    const char *const *labels; /* by event_label.label */
    size_t labels_n;
    const struct locator *locator; /* NULL: no databases */
};

/* One line each; whoever writes looks at the stream in the end. */
void sink_event_json(FILE *out, const struct event *event, const struct event_names *names);
void sink_event_csv_header(FILE *out);
void sink_event_csv(FILE *out, const struct event *event, const struct event_names *names);
void sink_minute_json(FILE *out, const struct report_minute *minute);
void sink_minute_csv_header(FILE *out);
void sink_minute_csv(FILE *out, const struct report_minute *minute);

/* A folder of hourly files: windows-YYYYMMDDTHH.ndjson.gz and .csv.gz, the same for events.
 *
 * A file is of one UTC hour and renamed into its place when the hour is over: an hour of
 * minutes by their start, one of events by their end. A name that is taken (an earlier run of
 * the same hour) is not touched: a number is added to the new one. */
struct hourly_config {
    const char *path; /* made if it is missing */
    bool ndjson, csv;
    bool windows, events;
    bool push;                /* hand each minute's lines to the kernel at once */
    struct event_names names; /* of the events */
};

struct hourly;

/* NULL with *err when the folder cannot be made or written to. */
struct hourly *hourly_new(const struct hourly_config *config, struct err *err);
/* Before hourly_new(). -1 with *err: one could not be completed, and stays. A folder that is
 * not there has none. */
int hourly_recover(const char *path, struct lines_rest *ret_rest, struct err *err);
/* Minutes and events come in order of their hour. -1 with *err when a file could not be begun
 * or completed: its lines are lost, the next hour is tried anew. */
int hourly_minute(struct hourly *hourly, const struct report_minute *minute, struct err *err);
int hourly_event(struct hourly *hourly, const struct event *event, struct err *err);
/* All events that ended before this were given: completes the files of hours that are over.
 * Files of minutes are completed by the first minute of another hour. */
int hourly_events_until(struct hourly *hourly, int64_t until_s, struct err *err);
/* What the numbers of events mean from now on. */
void hourly_rename(struct hourly *hourly, const struct event_names *names);
/* Files that were completed, and lines of those that could not be. */
void hourly_totals(const struct hourly *hourly, uint64_t *ret_files, uint64_t *ret_lost);
/* Completes what is open, and frees it. -1 with *err, also when lines were lost before. */
int hourly_close(struct hourly *hourly, struct err *err);
/* Frees it, and what is open is lost. NULL is fine. */
void hourly_abandon(struct hourly *hourly);
