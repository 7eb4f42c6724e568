#include "app/workers.h"

#include "app/handover.h"
#include "app/monotonic.h"
#include "app/reader.h"

#include <nightscope/checkpoint.h>

#include <pthread.h>
#include <stdlib.h>

enum { EVENTS_HELD = 16384 }; /* ended ones a worker keeps to itself */
static const int64_t MINUTE_NS = 60000000000;

struct worker {
    struct workers *all;
    unsigned id;
    pthread_t thread, thread_ahead;
    struct reader *reader;
    struct handover *handover; /* NULL: it reads itself ... */
    struct ready *ready;       /* ... into this */
    struct analysis *analysis;
    uint64_t chunks;        /* counted and given back */
    int64_t minute_s;       /* of the last packet time it advanced to */
    int64_t packet_time_ns; /* of the last chunk it counted */
};

struct workers {
    struct workers_config config;
    struct chunk_ring *chunks;
    struct collector *collector;

    pthread_t thread_making; /* unpacks and frames ahead of all readers */

    pthread_mutex_t lock;
    pthread_cond_t done; /* a worker has finished */
    unsigned running;
    bool cancelled; /* not all threads could be started */

    struct worker *worker;
};

static void deliver_events(struct worker *worker, int64_t complete_min)
{
    struct event_log *log = worker->all->config.events;
    if (log)
        event_log_deliver(log, worker->id, analysis_take_events(worker->analysis),
                          complete_min);
}

/* Minutes that end by then are closed. */
static int64_t closed_until_s(const struct worker *worker)
{
    int64_t closed_ns = worker->packet_time_ns - worker->all->config.analysis.lateness_ns;
    return closed_ns < 0 ? 0 : closed_ns / MINUTE_NS * 60;
}

static void deliver_windows(struct worker *worker, int64_t until_s)
{
    collector_deliver_steps(worker->all->collector, analysis_take_profiles(worker->analysis));
    collector_deliver(worker->all->collector, worker->id,
                      analysis_take_closed(worker->analysis), until_s);
}

/* Closes what is open. Events that are, of a run that is kept, go on in the next one. */
static void finish(struct worker *worker)
{
    analysis_finish(worker->analysis);
    if (worker->all->config.kept)
        event_blocks_free(analysis_take_events(worker->analysis));
    deliver_events(worker, INT64_MAX);
    deliver_windows(worker, INT64_MAX);
}

static void count(struct worker *worker, const struct ready *ready)
{
    struct workers *all = worker->all;
    if (ready->frames)
        analysis_count(worker->analysis, ready->prepared);
    if (!ready->ends_chunk)
        return;
    chunk_ring_put(all->chunks, worker->chunks++);
    worker->packet_time_ns = ready->packet_time_ns;
    if (analysis_events_waiting(worker->analysis) > EVENTS_HELD)
        deliver_events(worker, 0);
    int64_t until_s = closed_until_s(worker);
    if (until_s > worker->minute_s) {
        worker->minute_s = until_s;
        analysis_advance(worker->analysis, ready->packet_time_ns);
        deliver_windows(worker, until_s);
        deliver_events(worker, ready->packet_time_ns / MINUTE_NS);
    }
}

/* Threads wait here until all are started, so that none runs before it is known that all can.
 */
static bool may_run(struct workers *all)
{
    (void)pthread_mutex_lock(&all->lock);
    bool may = !all->cancelled;
    (void)pthread_mutex_unlock(&all->lock);
    return may;
}

static void *make_ahead(void *argument)
{
    struct workers *all = argument;
    if (may_run(all))
        chunk_ring_make_ahead(all->chunks);
    return NULL;
}

static void *read_ahead(void *argument)
{
    struct worker *worker = argument;
    if (may_run(worker->all))
        while (reader_next(worker->reader, handover_space(worker->handover))) {
            handover_put(worker->handover);
            analysis_prepare_memory(worker->analysis);
        }
    handover_end(worker->handover);
    return NULL;
}

static void count_all(struct worker *worker)
{
    if (worker->handover) {
        for (const struct ready *ready; (ready = handover_next(worker->handover));) {
            count(worker, ready);
            handover_taken(worker->handover);
        }
    } else {
        while (reader_next(worker->reader, worker->ready))
            count(worker, worker->ready);
    }
    /* All workers have seen every chunk: they agree on what is over. */
    analysis_advance(worker->analysis, worker->packet_time_ns);
    if (!worker->all->config.kept) {
        finish(worker);
        return;
    }
    deliver_events(worker, worker->packet_time_ns / MINUTE_NS);
    deliver_windows(worker, closed_until_s(worker));
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct workers *all = worker->all;
    if (!may_run(all))
        return NULL;
    count_all(worker);
    (void)pthread_mutex_lock(&all->lock);
    all->running--;
    (void)pthread_cond_signal(&all->done);
    (void)pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void free_all(struct workers *workers)
{
    for (unsigned i = 0; workers->worker && i < workers->config.n; i++) {
        struct worker *worker = &workers->worker[i];
        reader_free(worker->reader);
        handover_free(worker->handover);
        ready_free(worker->ready);
        analysis_free(worker->analysis);
    }
    free(workers->worker);
    chunk_ring_free(workers->chunks);
    (void)pthread_cond_destroy(&workers->done);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers);
}

static bool allocate(struct workers *workers, struct replay *replay)
{
    const struct workers_config *config = &workers->config;
    workers->worker = calloc(config->n, sizeof *workers->worker);
    workers->chunks = chunk_ring_new(replay, config->n, config->make_ahead);
    if (!workers->worker || !workers->chunks)
        return false;
    for (unsigned i = 0; i < config->n; i++) {
        struct worker *worker = &workers->worker[i];
        worker->all = workers;
        worker->id = i;
        worker->packet_time_ns = config->packet_time_ns;
        worker->analysis = analysis_new(&config->analysis);
        struct reader_config reader = {i, config->n, config->decode, config->signatures,
                                       worker->analysis};
        worker->reader = reader_new(&reader, workers->chunks);
        if (config->read_ahead)
            worker->handover = handover_new(config->signatures);
        else
            worker->ready = ready_new(config->signatures);
        if (!worker->reader || !(worker->handover || worker->ready) || !worker->analysis)
            return false;
    }
    return true;
}

/* False: not all of them, and those that were started have ended. */
static bool start_threads(struct workers *workers)
{
    unsigned n = workers->config.n, counting = 0, reading = 0;
    (void)pthread_mutex_lock(&workers->lock);
    workers->running = n;
    for (; counting < n; counting++)
        if (pthread_create(&workers->worker[counting].thread, NULL, work,
                           &workers->worker[counting]) != 0)
            break;
    if (workers->config.read_ahead && counting == n)
        for (; reading < n; reading++)
            if (pthread_create(&workers->worker[reading].thread_ahead, NULL, read_ahead,
                               &workers->worker[reading]) != 0)
                break;
    bool all = counting == n && (reading == n || !workers->config.read_ahead);
    if (all && workers->config.make_ahead)
        all = pthread_create(&workers->thread_making, NULL, make_ahead, workers) == 0;
    workers->cancelled = !all;
    (void)pthread_mutex_unlock(&workers->lock);
    if (all)
        return true;
    for (unsigned i = 0; i < counting; i++)
        (void)pthread_join(workers->worker[i].thread, NULL);
    for (unsigned i = 0; i < reading; i++)
        (void)pthread_join(workers->worker[i].thread_ahead, NULL);
    return false;
}

/* -1 with *err. */
static int load(struct workers *workers, struct err *err)
{
    struct analysis *analyses[SHARD_COUNT];
    for (unsigned i = 0; i < workers->config.n; i++)
        analyses[i] = workers->worker[i].analysis;
    return workers->config.load
               ? workers->config.load(workers->config.context, analyses, workers->config.n, err)
               : 0;
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
    workers->collector = collector;
    monotonic_cond_init(&workers->done);
    (void)pthread_mutex_init(&workers->lock, NULL);
    bool allocated = allocate(workers, replay);
    bool loaded = allocated && load(workers, err) == 0;
    if (loaded && start_threads(workers))
        return workers;
    if (allocated && !loaded)
        ; /* *err says why */
    else if (allocated)
        (void)err_set(err, NULL, 0, 0,
                      "cannot start the threads of %u workers; try a smaller "
                      "--workers",
                      config->n);
    else
        (void)err_set(err, NULL, 0, 0, "out of memory");
    free_all(workers);
    return NULL;
}

bool workers_wait(struct workers *workers, unsigned timeout_ms)
{
    return monotonic_wait_idle(&workers->lock, &workers->done, &workers->running, timeout_ms);
}

struct workers_result workers_times(const struct workers *workers)
{
    struct workers_result result = {.first_ns = INT64_MAX, .last_ns = INT64_MIN};
    for (unsigned i = 0; i < workers->config.n; i++) {
        struct reader_totals totals = reader_totals(workers->worker[i].reader);
        result.frames += totals.frames;
        result.has_time |= totals.has_time;
        result.first_ns = totals.first_ns < result.first_ns ? totals.first_ns : result.first_ns;
        result.last_ns = totals.last_ns > result.last_ns ? totals.last_ns : result.last_ns;
    }
    return result;
}

int64_t workers_packet_time(const struct workers *workers)
{
    return workers->worker[0].packet_time_ns;
}

bool workers_save(const struct workers *workers, struct bytes_out *out)
{
    bytes_put_u64(out, workers->config.n);
    for (unsigned i = 0; i < workers->config.n; i++)
        (void)analysis_save(workers->worker[i].analysis, out); /* a failure sticks */
    return !out->failed;
}

int workers_finish(struct workers *workers, struct workers_result *ret_result, struct err *err)
{
    int status = 0;
    if (workers->config.make_ahead)
        (void)pthread_join(workers->thread_making, NULL);
    for (unsigned i = 0; i < workers->config.n; i++) {
        (void)pthread_join(workers->worker[i].thread, NULL);
        if (workers->config.read_ahead)
            (void)pthread_join(workers->worker[i].thread_ahead, NULL);
        if (workers->config.kept)
            finish(&workers->worker[i]);
    }
    struct workers_result result = workers_times(workers);
    for (unsigned i = 1; i < workers->config.n; i++)
        if (analysis_merge(workers->worker[0].analysis, workers->worker[i].analysis) != 0)
            status = err_set(err, NULL, 0, 0, "out of memory while merging the workers");
    if (status == 0) {
        result.analysis = workers->worker[0].analysis;
        workers->worker[0].analysis = NULL;
        *ret_result = result;
    }
    free_all(workers);
    return status;
}
