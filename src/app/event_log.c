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

static void write_event(struct event_log *log, const struct event *event)
{
    const struct event_names *names = &log->config.names;
    struct err err;
    log->written++;
    if (log->file && log->csv)
        sink_event_csv(out_file_stream(log->file), event, names);
    else if (log->file)
        sink_event_json(out_file_stream(log->file), event, names);
    if (log->config.hourly && hourly_event(log->config.hourly, event, &err) != 0 &&
        !log->failed) {
        log->failed = true;
        log->error = err;
    }
}

static int compare(const void *a, const void *b)
{
    return event_compare(a, b);
}

/* Writes what ended before this minute. */
static void write_before(struct event_log *log, int64_t minute)
{
    size_t ready = 0;
    for (size_t i = 0; i < log->n; i++) {
        if (log->pending[i].ended_min >= minute)
            continue;
        struct event event = log->pending[i];
        log->pending[i] = log->pending[ready];
        log->pending[ready++] = event;
    }
    if (ready)
        qsort(log->pending, ready, sizeof *log->pending, compare);
    for (size_t i = 0; i < ready; i++)
        write_event(log, &log->pending[i]);
    log->n -= ready;
    memmove(log->pending, log->pending + ready, log->n * sizeof *log->pending);
    struct err err;
    if (log->config.hourly && minute != INT64_MAX &&
        hourly_events_until(log->config.hourly, minute * 60, &err) != 0 && !log->failed) {
        log->failed = true;
        log->error = err;
    }
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
    if (log->n >= log->config.pending_max)
        write_before(log, INT64_MAX);
    if (make_room(log))
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
    int64_t all = log->complete_min[0];
    for (unsigned i = 1; i < log->config.workers; i++)
        all = log->complete_min[i] < all ? log->complete_min[i] : all;
    if (all > log->written_min) {
        log->written_min = all;
        write_before(log, all);
    }
    (void)pthread_mutex_unlock(&log->lock);
    event_blocks_free(blocks);
}

uint64_t event_log_written(struct event_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    uint64_t written = log->written;
    (void)pthread_mutex_unlock(&log->lock);
    return written;
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
