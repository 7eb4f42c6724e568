/* A flush: what is new in a publication since the last one that Redis acknowledged.
 *
 *   staged before        info, totals, report; rankings and days where they are other
 *   in place before      hashes of labelled sources that are new or other
 *   one transaction      names of the staged keys, entries of streams, members of "iot"
 *   after it, in it      how many entries there are: fewer than there must be are missing keys
 *
 * Values are absolute and ids of entries are times: a flush that is sent twice is as good as
 * one, and after it the keys are those that redis_publish() of the publication makes. */
#pragma once

#include "publish/keys.h"

#include <nightscope/publication.h>

enum { FLUSH_ENTRIES_MAX = 512 }; /* minutes and hours; more are for redis_publish() */

struct flush {
    /* Of these lists, what comes before the index is there already. */
    size_t minutes_from, hours_from, days_from, feed_from;
    bool tops;                /* rankings, and days from days_from on, are other than before */
    const uint32_t *labelled; /* indices of rows that are new or other */
    size_t labelled_n;
    const struct address *gone; /* labelled sources that are listed no more */
    size_t gone_n;
    size_t look_from, look_n; /* labelled sources to ask for, whether they are still there */
};

/* The names of rankings and days that are in Redis, sorted: what the next flush removes when it
 * has none of that name, and looks for, some at a time. Zeroed at first; names_fini(). */
enum { FLUSH_LOOK_N = 512 };
struct flush_memory {
    struct names names;
    size_t looked;
};

/* Everything, like redis_publish(); fills the memory. */
enum redis_status flush_all(struct redis *redis, const struct publication *publication,
                            struct flush_memory *memory, struct err *err);
/* REDIS_DONE: it is there. *ret_missing (with REDIS_DONE only): the server lacks keys that it
 * had acknowledged, and flush_all() is due. */
enum redis_status flush_changes(struct redis *redis, const struct publication *publication,
                                const struct flush *flush, struct flush_memory *memory,
                                bool *ret_missing, struct err *err);
