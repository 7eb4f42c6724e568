/* What the options ask for beside the report: --events, a file of scan events, and --output,
 * hourly files of minutes and events. */
#pragma once

#include "app/event_log.h"
#include "app/setup.h"

struct lines {
    struct hourly *hourly;    /* NULL: no --output */
    struct event_log *events; /* NULL: neither --events nor --output */
    char *events_path;        /* NULL: no --events */
};

/* Are the options right? An exit status. */
int lines_check(const struct setup *setup, struct err *err);
/* Opens what the options name. An exit status, with *err when it is not EXIT_DONE; lines_free()
 * in any case. live: those who capture must not wait for a disk. */
int lines_open(struct lines *lines, const struct setup *setup, bool live, struct err *err);
/* The signatures and databases are others now. */
void lines_rename(const struct lines *lines, const struct setup *setup);
/* Has the analysis keep events, if any are wanted. */
void lines_configure(const struct setup *setup, struct analysis_config *config);
/* The minutes of a report that is whole, of those between two times. -1 with *err. */
int lines_add_series(const struct lines *lines, const struct report *report, int64_t from_s,
                     int64_t until_s, struct err *err);
/* Completes all files. -1 with *err. */
int lines_close(struct lines *lines, struct err *err);
void lines_free(struct lines *lines);
