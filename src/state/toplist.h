/* The top sources of a view. */
#pragma once

#include "state/state.h"

#include <nightscope/report.h>

struct top_source;

struct toplist {
    enum view view;
    size_t top;              /* of how many are kept */
    size_t total;            /* in the view */
    struct top_source *heap; /* n of them, in no order a reader may rely on */
    size_t n, cap;
};

/* A source as it is held. */
struct toplist_source {
    struct address address;
    uint32_t row;
    uint8_t shard, seen;  /* seen: bit k: a packet of class k */
    uint64_t all_packets; /* of every class */
    uint64_t packets[VIEW_COUNT_];
    const struct mark *mark;     /* NULL: nothing matched */
    const struct pool *evidence; /* of the mark */
};

/* top 0: all. */
void toplist_init(struct toplist *toplist, enum view view, size_t top);
void toplist_fini(struct toplist *toplist);
/* Sources with a packet of the view's class are ranked: the scan view by all packets a source
 * sent, the others by those of the view. False: memory. */
bool toplist_offer(struct toplist *toplist, const struct toplist_source *source);
/* Fills the table of a view with what was offered. Once only. -1: memory. */
int toplist_rows(const struct analysis *analysis, struct toplist *toplist,
                 struct report_view *ret_view);
