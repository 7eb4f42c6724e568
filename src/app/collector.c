#include "app/collector_state.h"

#include <stdlib.h>
#include <string.h>

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
    for (size_t i = 0; i < collector->closed.minutes_n; i++)
        window_free(collector->closed.minutes[i].window);
    free(collector->closed.minutes);
    while (collector->closed.steps) {
        struct profile *next = collector->closed.steps->next;
        profile_free(collector->closed.steps);
        collector->closed.steps = next;
    }
    (void)pthread_mutex_destroy(&collector->lock);
    free(collector->closed_until_s);
    free(collector->rows);
    free(collector);
}

static uint32_t captured_seconds(const struct collector *collector, int64_t start_s)
{
    const struct captured *captured =
        &collector->captured[(uint64_t)start_s / 60 % CAPTURED_MINUTES];
    if (captured->start_s != start_s)
        return 0;
    uint32_t seconds = (captured->ms + 999) / 1000;
    return seconds < 60 ? seconds : 60;
}

static uint64_t seconds_of(const struct report_minute *rows, size_t n)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < n; i++)
        seconds += rows[i].seconds;
    return seconds;
}

/* Room for a row of a sensor that runs on: some of the oldest go at a time. */
static void drop_rows(struct collector *collector)
{
    if (!collector->rows_max || collector->rows_n < collector->rows_max)
        return;
    size_t drop = collector->rows_max / 32 + 1;
    collector->rows_n -= drop;
    collector->refused.minutes += drop;
    collector->refused.seconds += seconds_of(collector->rows, drop);
    memmove(collector->rows, collector->rows + drop,
            collector->rows_n * sizeof *collector->rows);
}

static bool room_for_row(struct collector *collector)
{
    if (collector->rows_n < collector->rows_cap)
        return true;
    size_t cap = collector->rows_cap ? 2 * collector->rows_cap : 64;
    struct report_minute *rows = realloc(collector->rows, cap * sizeof *rows);
    if (!rows)
        return false;
    collector->rows = rows;
    collector->rows_cap = cap;
    return true;
}

static void append_row(struct collector *collector, const struct window *window)
{
    drop_rows(collector);
    if (collector->rows_n == SERIES_MAX || !room_for_row(collector)) {
        collector->refused.minutes++;
        collector->refused.seconds += captured_seconds(collector, window->start_s);
        return;
    }
    struct report_minute *row = &collector->rows[collector->rows_n++];
    *row = (struct report_minute){.start_s = window->start_s,
                                  .seconds = captured_seconds(collector, window->start_s),
                                  .dports = window_dports(window)};
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

/* Keeps a whole minute for whoever takes it. */
static void keep_minute(struct collector *collector, struct window *window)
{
    struct collector_closed *closed = &collector->closed;
    if (closed->minutes_n == collector->closed_cap) {
        size_t cap = collector->closed_cap ? 2 * collector->closed_cap : 16;
        struct collector_minute *minutes =
            realloc(closed->minutes, cap * sizeof *closed->minutes);
        if (!minutes) {
            collector->refused.minutes++;
            window_free(window);
            return;
        }
        closed->minutes = minutes;
        collector->closed_cap = cap;
    }
    closed->minutes[closed->minutes_n++] =
        (struct collector_minute){window, captured_seconds(collector, window->start_s)};
}

void collector_run_on(struct collector *collector, size_t rows_max)
{
    collector->rows_max = rows_max;
}

void collector_note_captured(struct collector *collector, int64_t start_s, uint32_t ms)
{
    (void)pthread_mutex_lock(&collector->lock);
    struct captured *captured = &collector->captured[(uint64_t)start_s / 60 % CAPTURED_MINUTES];
    if (start_s + 60 > collector->all_past_s && captured->start_s <= start_s) {
        if (captured->start_s != start_s) {
            *captured = (struct captured){.start_s = start_s};
            struct window *window = calloc(1, sizeof *window);
            if (window) {
                window->start_s = start_s;
                window->span_s = 60;
                add_pending(collector, window);
            }
        }
        captured->ms += ms;
    }
    (void)pthread_mutex_unlock(&collector->lock);
}

void collector_take(struct collector *collector, struct collector_closed *ret_closed)
{
    (void)pthread_mutex_lock(&collector->lock);
    *ret_closed = collector->closed;
    ret_closed->closed_until_s = collector->all_past_s;
    collector->closed = (struct collector_closed){0};
    collector->closed_cap = 0;
    (void)pthread_mutex_unlock(&collector->lock);
}

static void append_steps(struct profile **list, struct profile *steps)
{
    while (*list)
        list = &(*list)->next;
    *list = steps;
}

void collector_deliver_steps(struct collector *collector, struct profile *steps)
{
    (void)pthread_mutex_lock(&collector->lock);
    if (collector->gathering)
        gathering_add_steps(collector->gathering, steps);
    else
        append_steps(&collector->closed.steps, steps);
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
            gathering_add_minute(collector->gathering, done, 0);
        if (collector->rows_max)
            keep_minute(collector, done);
        else
            window_free(done);
    }
    if (all_past > collector->all_past_s)
        collector->all_past_s = all_past;
    if (collector->gathering)
        gathering_advance(collector->gathering, all_past);
    (void)pthread_mutex_unlock(&collector->lock);
}

bool collector_continue(struct collector *collector, const struct report_minute *rows, size_t n,
                        const struct report_refused *refused)
{
    struct report_minute *copy = malloc((n + 1) * sizeof *copy);
    if (!copy)
        return false;
    if (n)
        memcpy(copy, rows, n * sizeof *copy);
    free(collector->rows);
    collector->rows = copy;
    collector->rows_n = n;
    collector->rows_cap = n + 1;
    collector->refused = *refused;
    return true;
}

size_t collector_rows(struct collector *collector)
{
    (void)pthread_mutex_lock(&collector->lock);
    size_t n = collector->rows_n;
    (void)pthread_mutex_unlock(&collector->lock);
    return n;
}

struct report_minute *collector_copy_series(struct collector *collector, size_t most,
                                            size_t *ret_n, struct report_refused *ret_refused)
{
    (void)pthread_mutex_lock(&collector->lock);
    size_t n = collector->rows_n < most ? collector->rows_n : most;
    struct report_minute *rows = n ? malloc(n * sizeof *rows) : NULL;
    if (rows)
        memcpy(rows, collector->rows + collector->rows_n - n, n * sizeof *rows);
    *ret_n = rows ? n : 0;
    *ret_refused = collector->refused;
    size_t left_out = collector->rows_n - *ret_n;
    ret_refused->minutes += left_out;
    ret_refused->seconds += seconds_of(collector->rows, left_out);
    (void)pthread_mutex_unlock(&collector->lock);
    return rows;
}

struct report_minute *collector_series(struct collector *collector, size_t *ret_n,
                                       struct report_refused *ret_refused)
{
    struct report_minute *rows = collector->rows;
    *ret_n = collector->rows_n;
    *ret_refused = collector->refused;
    collector->rows = NULL;
    collector->rows_n = collector->rows_cap = 0;
    return rows;
}
