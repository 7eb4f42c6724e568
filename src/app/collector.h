/* The collector: merges the minutes that workers close into one series.
 *
 * Each worker delivers its part of a minute when packet time has closed it. When the last
 * worker is past a minute, its parts are one window, which becomes a row of the series and is
 * freed: a year of minutes then costs 120 MB, not 8 GB. Thread-safe. */
#pragma once

#include "app/gathering.h"
#include "base/bytes.h"

#include <nightscope/profile.h>
#include <nightscope/report.h>

enum { SERIES_MAX = 5 * 366 * 1440 }; /* five years of minutes */

struct collector;

/* `gathering` is borrowed: it gets the minutes and the steps that are whole. NULL: none. */
struct collector *collector_new(unsigned workers, struct gathering *gathering);
void collector_free(struct collector *collector);

/* Takes the steps closed with the windows that are delivered next (may be NULL). */
void collector_deliver_steps(struct collector *collector, struct profile *steps);
/* Takes the closed windows (oldest first, may be NULL); this worker has closed all that end by
 * closed_until_s and will deliver none of them again. */
void collector_deliver(struct collector *collector, unsigned worker, struct window *closed,
                       int64_t closed_until_s);

/* For a sensor that runs on and on: closed minutes and steps are kept whole until they are
 * taken, and of the series the last rows_max rows; older ones count as refused. Without a
 * gathering. Before anything is delivered. */
void collector_run_on(struct collector *collector, size_t rows_max);
/* So much of this minute was captured, beside what was noted before; there will be a row of it
 * even if it stays empty. Of a closed minute: nothing. */
void collector_note_captured(struct collector *collector, int64_t start_s, uint32_t ms);

struct collector_minute {
    struct window *window; /* the caller's: window_free() */
    uint32_t seconds;      /* captured of it */
};
struct collector_closed {
    struct collector_minute *minutes; /* by time; the caller's: free() */
    size_t minutes_n;
    struct profile *steps;  /* the caller's: a list of parts, in no order */
    int64_t closed_until_s; /* by all workers; 0: nothing yet */
};
/* What was closed since the last call, to the caller. */
void collector_take(struct collector *collector, struct collector_closed *ret_closed);

/* The state of a sensor that runs on: rows, what was captured of open minutes, and what is
 * closed. Windows and steps are not in it, but can be added to an analysis that is saved beside
 * it: pending ones go to `into`, and come back with the windows it closes. */
void collector_save(struct collector *collector, struct bytes_out *out);
/* Into one that is new; earlier versions saved no seconds of the minutes refused. -1: not what
 * was saved, or no memory. */
int collector_load(struct collector *collector, struct bytes_in *in, bool has_seconds);
/* The parts of minutes that wait for other workers; the caller's (window_free). */
struct window *collector_take_pending(struct collector *collector);
/* Of a minute in the rows; 0: there is no such row. */
uint32_t collector_seconds(struct collector *collector, int64_t start_s);
/* Minutes that end by then are closed, by all workers. */
int64_t collector_closed_until(struct collector *collector);

/* Rows of the run before, by time, and what it refused; before anything is delivered.
 * Copies them. False: memory. */
bool collector_continue(struct collector *collector, const struct report_minute *rows, size_t n,
                        const struct report_refused *refused);
size_t collector_rows(struct collector *collector);
/* A copy of the last rows, at most `most`, and what they lack; free() it. NULL: none, or
 * memory. */
struct report_minute *collector_copy_series(struct collector *collector, size_t most,
                                            size_t *ret_n, struct report_refused *ret_refused);

/* When all workers have finished: the rows, by time, owned by the caller. Their seconds are
 * 0 unless it was noted what was captured.
 */
struct report_minute *collector_series(struct collector *collector, size_t *ret_n,
                                       struct report_refused *ret_refused);
