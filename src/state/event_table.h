/* What struct events is made of: the tables of open events, and those that have ended. Private
 * to what counts events and what restores them; events.h has the drawing. */
#pragma once

#include "state/events.h"
#include "state/state.h"

#include <string.h>

enum {
    NO_ROW = 0,      /* links are a row's number + 1 */
    ROWS_FIRST = 64, /* a table's first size */
    /* A pool may have so many bytes for each event of the limit: an event with ten destinations
     * in as many networks needs 128, one with sketches of both 4,096. */
    SETS_BYTES_AN_EVENT = 256,
};
struct event_row {
    struct event event;
    uint32_t hash;
    uint32_t touched_min; /* packet time of its last packet */
    uint32_t next;        /* of its bucket; of the free ones */
    uint32_t older, newer;
    struct distinct destinations, networks;
};

struct event_table {
    struct event_row *rows;
    uint32_t *buckets; /* as many as rows_cap, a power of two */
    uint32_t rows_cap, used, open;
    uint32_t free, oldest, newest;
    uint32_t minute;   /* what is over by then has ended */
    uint32_t restored; /* the row restored last; 0: none yet */
    struct pool pool;
};

/* What the rows of a batch match. */
struct batch_labels {
    uint8_t n[BATCH_CAP];
    struct event_label labels[BATCH_CAP][EVENT_LABELS_MAX];
};

struct events {
    struct memory *memory;
    uint32_t table_max; /* events a shard holds */
    uint32_t idle_min;  /* whole minutes of silence that are surely enough */
    int64_t idle_ns;
    uint64_t key[2];
    struct event_table tables[SHARD_COUNT];
    struct event_block *ended;
    size_t waiting;
    struct events_limits limits;
    struct batch_labels matches;
};

static inline struct event_row *event_row_at(const struct event_table *table, uint32_t link)
{
    return &table->rows[link - 1];
}

/* The row of a key, or NULL. */
struct event_row *event_table_find(const struct event_table *table, const struct event *key,
                                   uint32_t hash);
/* A new row of this key, in its bucket and in no order yet, where another may have to end for
 * it; NULL: memory. */
struct event_row *event_table_insert(struct events *events, struct event_table *table,
                                     const struct event *key, uint32_t hash, uint32_t minute);
/* Puts a row into the order of silence behind another; 0: it is the oldest. */
void event_table_link(struct event_table *table, struct event_row *row, uint32_t older);
void event_table_unlink(struct event_table *table, struct event_row *row);
/* `source`: the hash of the source in the table of sources. */
uint32_t event_hash(const struct event *key, uint64_t source, const uint64_t secret[2]);
