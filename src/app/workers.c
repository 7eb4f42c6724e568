#include "app/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { RING = 8 };

struct slot {
    struct chunk *chunk;
    unsigned readers; /* workers that have not seen it yet */
};

struct worker {
    struct workers *all;
    unsigned id;
    pthread_t thread;
    struct analysis *analysis;
    struct batch *batch;
    struct matcher *matcher; /* NULL without signatures */
    struct matches *matches;
    struct frame own[BATCH_CAP];
    unsigned own_n;
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
    int64_t minute_s; /* of the last packet time it advanced to */
};

struct workers {
    struct workers_config config;
    struct replay *replay;
    struct collector *collector;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a chunk was made, or seen by all */
    pthread_cond_t done;    /* a worker has finished */
    struct slot ring[RING];
    uint64_t made; /* chunks made so far */
    bool making, ended;
    unsigned running;

    unsigned started;
    struct worker *worker;
};

static void note_times(struct worker *worker, const struct frame *frames, unsigned n)
{
    int64_t first = worker->has_time ? worker->first_ns : INT64_MAX;
    int64_t last = worker->has_time ? worker->last_ns : INT64_MIN;
    for (unsigned i = 0; i < n; i++) {
        if (frames[i].flags & FRAME_BAD_TIME)
            continue;
        worker->has_time = true;
        first = frames[i].ts_ns < first ? frames[i].ts_ns : first;
        last = frames[i].ts_ns > last ? frames[i].ts_ns : last;
    }
    worker->first_ns = first;
    worker->last_ns = last;
}

static void count_frames(struct worker *worker, const struct frame *frames, unsigned n)
{
    decode_batch(worker->all->config.decode, frames, n, worker->batch);
    if (worker->matcher)
        matcher_run(worker->matcher, worker->batch, worker->matches);
    analysis_add(worker->analysis, worker->batch, worker->matches);
    note_times(worker, frames, n);
    worker->frames += n;
}

/* Counts the frames of this worker's shards, in the order of the chunk. */
static void take_chunk(struct worker *worker, const struct chunk *chunk)
{
    unsigned workers = worker->all->config.n;
    if (workers == 1) {
        for (unsigned at = 0; at < chunk->n; at += BATCH_CAP) {
            unsigned left = chunk->n - at;
            count_frames(worker, chunk->frames + at, left < BATCH_CAP ? left : BATCH_CAP);
        }
    } else {
        for (unsigned i = 0; i < chunk->n; i++) {
            if (chunk->frames[i].shard % workers != worker->id)
                continue;
            worker->own[worker->own_n++] = chunk->frames[i];
            if (worker->own_n == BATCH_CAP) {
                count_frames(worker, worker->own, BATCH_CAP);
                worker->own_n = 0;
            }
        }
        if (worker->own_n > 0)
            count_frames(worker, worker->own, worker->own_n);
        worker->own_n = 0;
    }
    int64_t closed_ns = chunk->packet_time_ns - worker->all->config.analysis.lateness_ns;
    int64_t minute_s = closed_ns / 60000000000 * 60;
    if (closed_ns >= 0 && minute_s > worker->minute_s) {
        worker->minute_s = minute_s;
        analysis_advance(worker->analysis, chunk->packet_time_ns);
        collector_deliver(worker->all->collector, worker->id,
                          analysis_take_closed(worker->analysis), minute_s);
    }
}

/* Makes the next chunk in its slot; called and returns with the lock held. */
static void make_chunk(struct workers *all)
{
    struct slot *slot = &all->ring[all->made % RING];
    all->making = true;
    (void)pthread_mutex_unlock(&all->lock);
    chunk_release(all->replay, slot->chunk);
    bool more = replay_next(all->replay, slot->chunk);
    (void)pthread_mutex_lock(&all->lock);
    all->making = false;
    if (more) {
        slot->readers = all->config.n;
        all->made++;
    } else {
        all->ended = true;
    }
    (void)pthread_cond_broadcast(&all->changed);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct workers *all = worker->all;
    (void)pthread_mutex_lock(&all->lock);
    for (uint64_t next = 0;; next++) {
        while (next == all->made && !all->ended) {
            if (!all->making && all->ring[all->made % RING].readers == 0)
                make_chunk(all);
            else
                (void)pthread_cond_wait(&all->changed, &all->lock);
        }
        if (next == all->made)
            break;
        struct slot *slot = &all->ring[next % RING];
        (void)pthread_mutex_unlock(&all->lock);
        take_chunk(worker, slot->chunk);
        (void)pthread_mutex_lock(&all->lock);
        if (--slot->readers == 0)
            (void)pthread_cond_broadcast(&all->changed);
    }
    (void)pthread_mutex_unlock(&all->lock);
    analysis_finish(worker->analysis);
    collector_deliver(all->collector, worker->id, analysis_take_closed(worker->analysis),
                      INT64_MAX);
    (void)pthread_mutex_lock(&all->lock);
    all->running--;
    (void)pthread_cond_signal(&all->done);
    (void)pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void free_all(struct workers *workers)
{
    for (unsigned i = 0; i < RING; i++) {
        if (workers->ring[i].chunk)
            chunk_release(workers->replay, workers->ring[i].chunk);
        chunk_free(workers->ring[i].chunk);
    }
    for (unsigned i = 0; workers->worker && i < workers->config.n; i++) {
        analysis_free(workers->worker[i].analysis);
        free(workers->worker[i].batch);
        matcher_free(workers->worker[i].matcher);
        matches_free(workers->worker[i].matches);
    }
    free(workers->worker);
    (void)pthread_cond_destroy(&workers->changed);
    (void)pthread_cond_destroy(&workers->done);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers);
}

static bool allocate(struct workers *workers)
{
    workers->worker = calloc(workers->config.n, sizeof *workers->worker);
    if (!workers->worker)
        return false;
    for (unsigned i = 0; i < RING; i++)
        if (!(workers->ring[i].chunk = chunk_new()))
            return false;
    for (unsigned i = 0; i < workers->config.n; i++) {
        struct worker *worker = &workers->worker[i];
        worker->all = workers;
        worker->id = i;
        worker->analysis = analysis_new(&workers->config.analysis);
        worker->batch = malloc(sizeof *worker->batch);
        if (!worker->analysis || !worker->batch)
            return false;
        const struct signature_set *signatures = workers->config.signatures;
        if (!signatures)
            continue;
        worker->matcher = matcher_new(signatures);
        worker->matches = matches_new(signatures);
        if (!worker->matcher || !worker->matches)
            return false;
    }
    return true;
}

struct workers *workers_start(const struct workers_config *config, struct replay *replay,
                              struct collector *collector, struct err *err)
{
    struct workers *workers = calloc(1, sizeof *workers);
    if (!workers) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    workers->config = *config;
    workers->replay = replay;
    workers->collector = collector;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes); /* these cannot fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&workers->done, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_cond_init(&workers->changed, NULL);
    (void)pthread_mutex_init(&workers->lock, NULL);
    if (!allocate(workers)) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        free_all(workers);
        return NULL;
    }
    /* Held until all are started, so that none runs before it is known that all can. */
    (void)pthread_mutex_lock(&workers->lock);
    workers->running = config->n;
    for (; workers->started < config->n; workers->started++)
        if (pthread_create(&workers->worker[workers->started].thread, NULL, work,
                           &workers->worker[workers->started]) != 0)
            break;
    bool all = workers->started == config->n;
    if (!all)
        workers->ended = true;
    (void)pthread_mutex_unlock(&workers->lock);
    if (all)
        return workers;
    for (unsigned i = 0; i < workers->started; i++)
        (void)pthread_join(workers->worker[i].thread, NULL);
    (void)err_set(err, NULL, 0, 0, "cannot start %u threads; try a smaller --workers",
                  config->n);
    free_all(workers);
    return NULL;
}

bool workers_wait(struct workers *workers, unsigned timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&workers->lock);
    int waited = 0;
    while (workers->running > 0 && waited == 0)
        waited = pthread_cond_timedwait(&workers->done, &workers->lock, &until);
    bool done = workers->running == 0;
    (void)pthread_mutex_unlock(&workers->lock);
    return done;
}

int workers_finish(struct workers *workers, struct workers_result *ret_result, struct err *err)
{
    struct workers_result result = {.first_ns = INT64_MAX, .last_ns = INT64_MIN};
    int status = 0;
    for (unsigned i = 0; i < workers->config.n; i++)
        (void)pthread_join(workers->worker[i].thread, NULL);
    for (unsigned i = 0; i < workers->config.n; i++) {
        struct worker *worker = &workers->worker[i];
        result.frames += worker->frames;
        if (worker->has_time) {
            result.has_time = true;
            result.first_ns =
                worker->first_ns < result.first_ns ? worker->first_ns : result.first_ns;
            result.last_ns =
                worker->last_ns > result.last_ns ? worker->last_ns : result.last_ns;
        }
        if (i > 0 && analysis_merge(workers->worker[0].analysis, worker->analysis) != 0)
            status = err_set(err, NULL, 0, 0, "out of memory while merging the workers");
    }
    if (status == 0) {
        result.analysis = workers->worker[0].analysis;
        workers->worker[0].analysis = NULL;
        *ret_result = result;
    }
    free_all(workers);
    return status;
}
