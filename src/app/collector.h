/* The collector: merges the minutes that workers close into one series.
 *
 * Each worker delivers its part of a minute when packet time has closed it. When the last
 * worker is past a minute, its parts are one window, which becomes a row of the series and is
 * freed: a year of minutes then costs 120 MB, not 8 GB. Thread-safe. */
#pragma once

#include "app/gathering.h"

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

/* When all workers have finished: the rows, by time (seconds not yet set), owned by the caller.
 */
struct report_minute *collector_series(struct collector *collector, size_t *ret_n,
                                       uint64_t *ret_refused);
