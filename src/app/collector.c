#include "app/collector.h"

#include <pthread.h>
#include <stdlib.h>

struct collector {
    pthread_mutex_t lock;
    unsigned workers;
    int64_t *closed_until_s; /* by worker */
    struct window *pending;  /* by start_s */
    struct report_minute *rows;
    size_t rows_n, rows_cap;
    uint64_t refused;
    struct gathering *gathering;
};

struct collector *collector_new(unsigned workers, struct gathering *gathering)
{
    struct collector *collector = calloc(1, sizeof *collector);
    if (!collector)
        return NULL;
    collector->closed_until_s = calloc(workers, sizeof *collector->closed_until_s);
    if (!collector->closed_until_s) {
        free(collector);
        return NULL;
    }
    collector->workers = workers;
    collector->gathering = gathering;
    (void)pthread_mutex_init(&collector->lock, NULL); /* cannot fail without attributes */
    return collector;
}

void collector_free(struct collector *collector)
{
    if (!collector)
        return;
    while (collector->pending) {
        struct window *next = collector->pending->next;
        window_free(collector->pending);
        collector->pending = next;
    }
    (void)pthread_mutex_destroy(&collector->lock);
    free(collector->closed_until_s);
    free(collector->rows);
    free(collector);
}

static void append_row(struct collector *collector, const struct window *window)
{
    if (collector->rows_n == collector->rows_cap) {
        size_t cap = collector->rows_cap ? 2 * collector->rows_cap : 64;
        struct report_minute *rows = collector->rows_n < SERIES_MAX
                                         ? realloc(collector->rows, cap * sizeof *rows)
                                         : NULL;
        if (!rows) {
            collector->refused++;
            return;
        }
        collector->rows = rows;
        collector->rows_cap = cap;
    }
    struct report_minute *row = &collector->rows[collector->rows_n++];
    *row = (struct report_minute){.start_s = window->start_s, .dports = window_dports(window)};
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        row->counts[i] = window->counts[i];
}

/* Takes ownership of one window: adds it to the pending one of its minute, or makes it that. */
static void add_pending(struct collector *collector, struct window *window)
{
    struct window **at = &collector->pending;
    while (*at && (*at)->start_s < window->start_s)
        at = &(*at)->next;
    if (*at && (*at)->start_s == window->start_s) {
        window_merge(*at, window);
        window_free(window);
    } else {
        window->next = *at;
        *at = window;
    }
}

void collector_deliver_steps(struct collector *collector, struct profile *steps)
{
    (void)pthread_mutex_lock(&collector->lock);
    if (collector->gathering)
        gathering_add_steps(collector->gathering, steps);
    (void)pthread_mutex_unlock(&collector->lock);
}

void collector_deliver(struct collector *collector, unsigned worker, struct window *closed,
                       int64_t closed_until_s)
{
    (void)pthread_mutex_lock(&collector->lock);
    while (closed) {
        struct window *next = closed->next;
        add_pending(collector, closed);
        closed = next;
    }
    collector->closed_until_s[worker] = closed_until_s;
    int64_t all_past = closed_until_s;
    for (unsigned i = 0; i < collector->workers; i++)
        if (collector->closed_until_s[i] < all_past)
            all_past = collector->closed_until_s[i];
    while (collector->pending &&
           collector->pending->start_s + collector->pending->span_s <= all_past) {
        struct window *done = collector->pending;
        collector->pending = done->next;
        append_row(collector, done);
        if (collector->gathering)
            gathering_add_minute(collector->gathering, done);
        window_free(done);
    }
    if (collector->gathering)
        gathering_advance(collector->gathering, all_past);
    (void)pthread_mutex_unlock(&collector->lock);
}

struct report_minute *collector_series(struct collector *collector, size_t *ret_n,
                                       uint64_t *ret_refused)
{
    struct report_minute *rows = collector->rows;
    *ret_n = collector->rows_n;
    *ret_refused = collector->refused;
    collector->rows = NULL;
    collector->rows_n = collector->rows_cap = 0;
    return rows;
}
