/* What Redis keeps beside the series: hours, the trailing hour and day, UTC days. Made of the
 * minutes and of the steps of profiles (five minutes) as all workers have closed them.
 *
 *   parts of steps --> steps, whole --> trailing hour (12) and day (288), as of the newest
 *   (one a worker)                  --> the UTC day: merged as it goes, trimmed when it is over
 *   minutes, whole ---------------> the hour, with the sketches of its steps
 *
 * Memory stays flat over years of packets: 288 steps, one open day, and of hours and finished
 * days what the schema keeps. Not thread-safe: the collector calls it under its lock. */
#pragma once

#include <nightscope/publication.h>

enum {
    GATHERED_HOURS_MAX = 2 * 366 * 24,
    GATHERED_DAYS_MAX = 400,
    GATHERED_DAY_MEMBERS = 200, /* of each ranking of a finished day */
};

struct gathering;

struct gathering *gathering_new(void);
void gathering_free(struct gathering *gathering);

/* Takes ownership of parts of steps, oldest first; may be NULL. */
void gathering_add_steps(struct gathering *gathering, struct profile *steps);
/* A minute that is whole, and how much of it was captured (0: gathering_read() works it out).
 */
void gathering_add_minute(struct gathering *gathering, const struct window *minute,
                          uint32_t seconds);
/* All workers have closed and delivered what ends by then. */
void gathering_advance(struct gathering *gathering, int64_t closed_until_s);

/* After gathering_advance(): time has come to until_s, packets or not, and the trailing spans
 * end with the last whole step before it. For a sensor that captures: an hour of silence
 * empties the trailing hour. An archive's spans end with its newest packets. */
void gathering_roll(struct gathering *gathering, int64_t until_s);

/* When the newest whole step began; -1: there is none. */
int64_t gathering_newest_step(const struct gathering *gathering);
/* Sources of a step to its hour, which is not closed: twice is as good as once. */
void gathering_add_sources(struct gathering *gathering, const struct profile *step);
/* Whole hours that began later. */
uint64_t gathering_hours_after(const struct gathering *gathering, int64_t start_s);
/* Sets used[label] of all labels that its profiles count, which are of n. False: one is not of
 * them, or memory. */
bool gathering_note_labels(const struct gathering *gathering, bool *used, size_t n);
/* Labels get other numbers: those of map[label], of n; UINT16_MAX: none, their packets go to
 * the others. */
void gathering_relabel(struct gathering *gathering, const uint16_t *map, unsigned n);
/* Memory of all that is in it. */
uint64_t gathering_bytes(const struct gathering *gathering);
/* Changes whenever what gathering_read() gives does, and what it gave is not valid any more. */
uint64_t gathering_version(const struct gathering *gathering);

/* Borrowed until the gathering changes or is freed. */
struct gathered {
    const struct publication_hour *hours;
    size_t hours_n;
    const struct profile *hour, *day; /* trailing; NULL: no packets */
    const struct publication_day *days;
    size_t days_n;
    uint64_t refused; /* parts of all this that found no memory */
};
/* first_ns and last_ns of all frames bound the seconds of hours; first_ns after last_ns: they
 * are the sum of those of the minutes. -1: out of memory. */
int gathering_read(struct gathering *gathering, int64_t first_ns, int64_t last_ns,
                   struct gathered *ret_gathered);
