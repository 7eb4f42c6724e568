/* The labelled sources of an analysis, each with its evidence: what the keys of sources in
 * Redis hold. Bounded: of the span that is kept, the latest seen. */
#pragma once

#include <nightscope/publication.h>

struct analysis;

enum {
    LABELLED_KEPT_S = 7 * 86400, /* before the newest source: not listed */
    LABELLED_MAX = 100000,       /* a row is about a kilobyte */
};

struct labelled_list {
    struct labelled_source *rows; /* by address; free() it */
    size_t n;
    size_t left_out; /* within the span, but there are LABELLED_MAX seen later */
};

/* At most `max` rows. -1: out of memory; the list is empty then. */
int labelled_collect(const struct analysis *analysis, size_t max,
                     struct labelled_list *ret_list);
