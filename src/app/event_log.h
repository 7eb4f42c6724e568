/* Where the scan events of all workers go: one file, hourly files, or both.
 *
 * Workers deliver what has ended, in no order. An event is written when every worker is past
 * the minute in which it ended, sorted by event_compare(): the lines do not depend on the
 * workers. When more than pending_max wait, as that many ended in one minute, they are written
 * early: then their order may depend on the workers, what they say does not. Thread-safe. */
#pragma once

#include <nightscope/lines.h>
#include <nightscope/prefix.h>

struct event_log_config {
    unsigned workers;
    size_t pending_max;
    const char *path;      /* of the file: CSV when it ends in .csv or .csv.gz, else NDJSON;
                              NULL: none */
    struct hourly *hourly; /* NULL: none; borrowed */
    struct event_names names;
    const struct prefix_set *withheld; /* events of these sources are not written; NULL: of
                                          none; borrowed */
    bool deferred; /* whoever delivers must not wait for a disk: event_log_write() writes, and
                      of more than pending_max the rest is lost, and counted */
};

struct event_log;

struct event_log *event_log_new(const struct event_log_config *config, struct err *err);
void event_log_free(struct event_log *log);

/* Takes the blocks (may be NULL); this worker will deliver no event that ended before minute
 * complete_min. INT64_MAX: it has delivered all. */
void event_log_deliver(struct event_log *log, unsigned worker, struct event_block *blocks,
                       int64_t complete_min);
/* Deferred: writes what is complete; one thread at a time. */
void event_log_write(struct event_log *log);
/* What numbers mean from now on; by the thread that writes. Labels that were there keep theirs.
 */
void event_log_rename(struct event_log *log, const struct event_names *names);
struct event_log_totals {
    uint64_t written, refused;
    bool failed; /* a write failed: */
    struct err error;
};
struct event_log_totals event_log_totals(struct event_log *log);
/* When all have delivered: writes the rest and completes the file. -1 with *err, also for what
 * failed before. */
int event_log_finish(struct event_log *log, struct err *err);
