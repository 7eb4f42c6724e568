#include "app/event_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct event_log {
    struct event_log_config config;
    pthread_mutex_t lock;
    int64_t *complete_min; /* by worker */
    int64_t written_min;   /* events that ended before it are written */
    struct event *pending;
    size_t n, cap;
    struct out_file *file;
    bool csv;
    uint64_t written, refused;
    bool failed; /* hourly files: the first error is kept */
    struct err error;
};

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcmp(text + length - n, end) == 0;
}

struct event_log *event_log_new(const struct event_log_config *config, struct err *err)
{
    struct event_log *log = calloc(1, sizeof *log);
    int64_t *complete = calloc(config->workers, sizeof *complete);
    if (!log || !complete) {
        free(log);
        free(complete);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    log->config = *config;
    log->complete_min = complete;
    (void)pthread_mutex_init(&log->lock, NULL); /* cannot fail without attributes */
    if (!config->path)
        return log;
    log->csv = ends_in(config->path, ".csv") || ends_in(config->path, ".csv.gz");
    log->file = out_file_open(config->path, err);
    if (!log->file) {
        event_log_free(log);
        return NULL;
    }
    if (log->csv)
        sink_event_csv_header(out_file_stream(log->file));
    return log;
}

void event_log_free(struct event_log *log)
{
    if (!log)
        return;
    out_file_abandon(log->file);
    (void)pthread_mutex_destroy(&log->lock);
    free(log->complete_min);
    free(log->pending);
    free(log);
}

static void keep_error(struct event_log *log, const struct err *err)
{
    if (log->failed)
        return;
    log->failed = true;
    log->error = *err;
}

static void write_event(struct event_log *log, const struct event *event)
{
    const struct event_names *names = &log->config.names;
    struct err err;
    if (log->config.withheld && prefix_set_has(log->config.withheld, &event->source))
        return;
    log->written++;
    if (log->file && log->csv)
        sink_event_csv(out_file_stream(log->file), event, names);
    else if (log->file)
        sink_event_json(out_file_stream(log->file), event, names);
    if (log->config.hourly && hourly_event(log->config.hourly, event, &err) != 0)
        keep_error(log, &err);
}

static int compare(const void *a, const void *b)
{
    return event_compare(a, b);
}

static void write_all(struct event_log *log, struct event *events, size_t n, int64_t minute)
{
    if (n)
        qsort(events, n, sizeof *events, compare);
    for (size_t i = 0; i < n; i++)
        write_event(log, &events[i]);
    struct err err;
    if (log->config.hourly && minute != INT64_MAX &&
        hourly_events_until(log->config.hourly, minute * 60, &err) != 0)
        keep_error(log, &err);
}

/* Brings what ended before this minute to the front; how many those are. */
static size_t find_complete(struct event_log *log, int64_t minute)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n; i++) {
        if (minute != INT64_MAX && log->pending[i].ended_min >= minute)
            continue;
        struct event event = log->pending[i];
        log->pending[i] = log->pending[n];
        log->pending[n++] = event;
    }
    return n;
}

static void forget(struct event_log *log, size_t n)
{
    log->n -= n;
    if (log->n)
        memmove(log->pending, log->pending + n, log->n * sizeof *log->pending);
}

/* Writes what ended before this minute. */
static void write_before(struct event_log *log, int64_t minute)
{
    size_t n = find_complete(log, minute);
    write_all(log, log->pending, n, minute);
    forget(log, n);
}

/* All workers have delivered what ended before this minute. */
static int64_t complete(const struct event_log *log)
{
    int64_t all = log->complete_min[0];
    for (unsigned i = 1; i < log->config.workers; i++)
        all = log->complete_min[i] < all ? log->complete_min[i] : all;
    return all;
}

static bool make_room(struct event_log *log)
{
    if (log->n < log->cap)
        return true;
    size_t cap = log->cap ? 2 * log->cap : 1024;
    struct event *pending = realloc(log->pending, cap * sizeof *pending);
    if (!pending)
        return false;
    log->pending = pending;
    log->cap = cap;
    return true;
}

static void take(struct event_log *log, const struct event *event)
{
    if (log->n >= log->config.pending_max && !log->config.deferred)
        write_before(log, INT64_MAX);
    if (log->n < log->config.pending_max && make_room(log))
        log->pending[log->n++] = *event;
    else
        log->refused++;
}

void event_log_deliver(struct event_log *log, unsigned worker, struct event_block *blocks,
                       int64_t complete_min)
{
    (void)pthread_mutex_lock(&log->lock);
    for (const struct event_block *block = blocks; block; block = block->next)
        for (unsigned i = 0; i < block->n; i++)
            take(log, &block->events[i]);
    if (complete_min > log->complete_min[worker])
        log->complete_min[worker] = complete_min;
    int64_t all = complete(log);
    if (all > log->written_min && !log->config.deferred) {
        log->written_min = all;
        write_before(log, all);
    }
    (void)pthread_mutex_unlock(&log->lock);
    event_blocks_free(blocks);
}

void event_log_write(struct event_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    int64_t all = complete(log);
    size_t n = all > log->written_min ? find_complete(log, all) : 0;
    struct event *ready = n ? malloc(n * sizeof *ready) : NULL;
    if (ready) {
        memcpy(ready, log->pending, n * sizeof *ready);
        forget(log, n);
    }
    (void)pthread_mutex_unlock(&log->lock);
    if (all <= log->written_min || (n && !ready))
        return; /* without memory: the next time */
    log->written_min = all;
    write_all(log, ready, n, all);
    if (n && log->file)
        out_file_push(log->file);
    free(ready);
}

void event_log_rename(struct event_log *log, const struct event_names *names)
{
    log->config.names = *names;
    if (log->config.hourly)
        hourly_rename(log->config.hourly, names);
}

struct event_log_totals event_log_totals(struct event_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    struct event_log_totals totals = {.written = log->written,
                                      .refused = log->refused,
                                      .failed = log->failed,
                                      .error = log->error};
    (void)pthread_mutex_unlock(&log->lock);
    return totals;
}

int event_log_finish(struct event_log *log, struct err *err)
{
    write_before(log, INT64_MAX);
    struct out_file *file = log->file;
    log->file = NULL;
    if (file && out_file_close(file, err) != 0)
        return -1;
    if (log->failed) {
        *err = log->error;
        return -1;
    }
    if (log->refused)
        return err_set(err, log->config.path, 0, 0,
                       "out of memory: %llu events could not be kept",
                       (unsigned long long)log->refused);
    return 0;
}
