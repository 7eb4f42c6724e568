/* What waits for a flusher's thread, in order. Of reports, the newest alone: each is of the
 * whole run, and a slow server may leave the thread no time for minutes. The caller has a lock.
 */
#pragma once

#include "app/flush_parcel.h"

struct flush_inbox {
    struct parcel *first, **end;
    struct parcel *report; /* the one that has it; NULL: none */
    size_t n;
    uint64_t bytes; /* memory of all */
};

void flush_inbox_init(struct flush_inbox *inbox);
/* The report that waited until now goes to *ret_stale, for flusher_values_free() when the lock
 * is released: it may be large. */
void flush_inbox_put(struct flush_inbox *inbox, struct parcel *parcel,
                     struct flusher_values *ret_stale);
/* All of them, by `next`. */
struct parcel *flush_inbox_take(struct flush_inbox *inbox);
void flush_inbox_fini(struct flush_inbox *inbox);
