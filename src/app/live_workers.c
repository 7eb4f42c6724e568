#include "app/live_workers_parts.h"
#include "app/monotonic.h"
#include "state/replan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_S = 10 }; /* of a worker, who has something to say once a second */

/* What a thread gets. */
struct start {
    struct live_workers *all;
    struct live_worker *worker;
};

/* Limits hold for all workers together: sources are dealt out evenly, and so is the room for
 * them and their events. */
static void share_limits(struct live_workers_config *config)
{
    uint64_t *limits[] = {&config->analysis.sources_max, &config->analysis.events_max};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        uint64_t share = (*limits[i] + config->n - 1) / config->n;
        if (*limits[i]) /* 0: no events */
            *limits[i] = share > SHARD_COUNT ? share : SHARD_COUNT;
    }
}

static int join_groups(struct live_workers *workers, struct err *err)
{
    const struct live_workers_config *config = &workers->config;
    for (unsigned i = 0; i < config->interfaces_n; i++) {
        int group = -1;
        for (unsigned w = 0; config->n > 1 && w < config->n; w++)
            if (live_join(workers->worker[w].handles[i], config->seed, config->decode, &group,
                          err) != 0)
                return -1;
    }
    return 0;
}

struct live_workers *live_workers_new(const struct live_workers_config *config, struct err *err)
{
    struct live_workers *workers = calloc(1, sizeof *workers);
    if (workers)
        workers->worker = calloc(config->n, sizeof *workers->worker);
    if (!workers || !workers->worker) {
        free(workers);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    workers->config = *config;
    workers->hold.hold = true;
    monotonic_cond_init(&workers->done);
    (void)pthread_mutex_init(&workers->lock, NULL);
    share_limits(&workers->config);
    int status = 0;
    for (unsigned i = 0; status == 0 && i < config->n; i++)
        status = live_worker_init(&workers->worker[i], &workers->config, i, err);
    if (status == 0)
        status = join_groups(workers, err);
    if (status == 0)
        return workers;
    live_workers_free(workers);
    return NULL;
}

void live_workers_free(struct live_workers *workers)
{
    if (!workers)
        return;
    for (unsigned i = 0; i < workers->config.n; i++)
        live_worker_fini(&workers->worker[i]);
    (void)pthread_cond_destroy(&workers->done);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers->worker);
    free(workers);
}

bool live_workers_linktype(const struct live_workers *workers, uint32_t *ret_linktype)
{
    struct live_handle *const *handles = workers->worker[0].handles;
    for (unsigned i = 1; i < workers->config.interfaces_n; i++)
        if (live_linktype(handles[i]) != live_linktype(handles[0]))
            return false;
    *ret_linktype = live_linktype(handles[0]);
    return true;
}

static void *work(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    live_worker_run(start.worker);
    (void)pthread_mutex_lock(&start.all->lock);
    start.all->running--;
    (void)pthread_cond_signal(&start.all->done);
    (void)pthread_mutex_unlock(&start.all->lock);
    return NULL;
}

static int64_t monotonic_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always exists */
    return now.tv_sec;
}

static int start_thread(struct live_workers *workers, struct live_worker *worker)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return -1;
    *start = (struct start){workers, worker};
    worker->said.at_s = monotonic_s(); /* from now on it is expected to say something */
    workers->running++;
    if (pthread_create(&worker->thread, NULL, work, start) == 0) {
        workers->started++;
        return 0;
    }
    workers->running--;
    free(start);
    return -1;
}

int live_workers_start(struct live_workers *workers, struct pcap_out *out,
                       struct event_log *events, struct err *err)
{
    const struct live_workers_config *config = &workers->config;
    workers->config.events = events;
    for (unsigned w = 0; w < config->n; w++) {
        workers->worker[w].out = out;
        for (unsigned i = 0; i < config->interfaces_n; i++)
            if (live_start(workers->worker[w].handles[i], err) != 0)
                return -1;
    }
    int status = 0;
    (void)pthread_mutex_lock(&workers->lock);
    for (unsigned w = 0; status == 0 && w < config->n; w++)
        status = start_thread(workers, &workers->worker[w]);
    (void)pthread_mutex_unlock(&workers->lock);
    if (status == 0)
        return 0;
    live_workers_stop(workers);
    for (unsigned w = 0; w < workers->started; w++)
        (void)pthread_join(workers->worker[w].thread, NULL);
    workers->started = 0;
    return err_set(err, NULL, 0, 0,
                   "cannot start the threads of %u workers; try a smaller --workers",
                   config->n);
}

void live_workers_note_dropped(struct live_workers *workers, uint64_t packets)
{
    atomic_fetch_add_explicit(&workers->worker[0].interface_drops, packets,
                              memory_order_relaxed);
}

static void add_totals(struct live_status *status, const struct report_totals *totals)
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        status->counts[i] += totals->counts[i];
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        status->not_counted[i] += totals->not_counted[i];
#define X(name) status->limits.name += totals->limits.name;
    LIMITS(X)
#undef X
}

static void add_recent(struct report_recent *into, const struct report_recent *recent)
{
    if (recent->seconds > into->seconds)
        into->seconds = recent->seconds; /* they differ by a second or so */
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        into->counts[i] += recent->counts[i];
    for (unsigned i = 0; i < recent->ports_n; i++)
        report_top_ports_add(into->ports, &into->ports_n, &recent->ports[i]);
}

void live_workers_status(struct live_workers *workers, struct live_status *status)
{
    struct live_worker_status *each = (struct live_worker_status *)status->workers;
    uint64_t *packets = (uint64_t *)status->signature_packets;
    const struct signature_set *signatures = workers->config.signatures;
    unsigned signatures_n = signatures ? signature_count(signatures) : 0;
    status->signatures = signatures;
    status->closed_until_s = status->first_ns = INT64_MAX;
    status->last_ns = INT64_MIN;
    memset(packets, 0, signatures_n * sizeof *packets);
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        const struct live_said *said = &worker->said;
        add_totals(status, &said->totals);
        status->received += said->counts.received;
        status->frames += said->status.frames;
        status->misplaced += said->status.misplaced;
        status->drops[LIVE_DROP_kernel] += said->counts.dropped;
        status->drops[LIVE_DROP_handle] += said->lost;
        if ((uint64_t)said->held_up_ns / 1000000 > status->held_up_ms)
            status->held_up_ms = (uint64_t)said->held_up_ns / 1000000;
        if (said->closed_until_s < status->closed_until_s)
            status->closed_until_s = said->closed_until_s;
        status->first_ns =
            said->first_ns < status->first_ns ? said->first_ns : status->first_ns;
        status->last_ns = said->last_ns > status->last_ns ? said->last_ns : status->last_ns;
        for (unsigned i = 0; i < signatures_n; i++)
            packets[i] += said->signature_packets[i];
        add_recent(&status->recent, &said->recent);
        each[w] = said->status;
        (void)pthread_mutex_unlock(&worker->lock);
    }
    status->has_time = status->first_ns <= status->last_ns;
    if (!status->has_time)
        status->first_ns = status->last_ns = 0;
}

unsigned live_workers_handles(struct live_workers *workers, unsigned interface,
                              uint64_t *ret_frames)
{
    unsigned handles = 0;
    *ret_frames = 0;
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        handles += worker->said.handles[interface];
        *ret_frames += worker->said.frames[interface];
        (void)pthread_mutex_unlock(&worker->lock);
    }
    return handles;
}

bool live_workers_message(struct live_workers *workers, struct err *ret_message)
{
    bool found = false;
    for (unsigned w = 0; !found && w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        found = worker->said.has_message;
        if (found)
            *ret_message = worker->said.message;
        worker->said.has_message = false;
        (void)pthread_mutex_unlock(&worker->lock);
    }
    return found;
}

bool live_workers_alive(struct live_workers *workers)
{
    int64_t now_s = monotonic_s();
    bool alive = true;
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        alive &= now_s - worker->said.at_s <= SILENCE_S;
        (void)pthread_mutex_unlock(&worker->lock);
    }
    return alive;
}

void live_workers_stop(struct live_workers *workers)
{
    for (unsigned w = 0; w < workers->config.n; w++) {
        atomic_store_explicit(&workers->worker[w].stop, true, memory_order_release);
        live_worker_wake(&workers->worker[w]);
    }
}

static void rules_fini(struct live_rules *rules)
{
    matcher_free(rules->matcher);
    matches_free(rules->matches);
    replan_free(rules->replan);
    free(rules->signature_packets);
}

static bool rules_init(struct live_rules *rules, const struct setup *from,
                       const struct setup *to, bool feed)
{
    *rules = (struct live_rules){
        .matcher = matcher_new(to->signatures),
        .matches = matches_new(to->signatures),
        .replan = replan_new(from->evidence, to->evidence, feed),
        .locator = to->geo ? &to->locator : NULL,
        .signature_packets =
            calloc(signature_count(to->signatures) + 1, sizeof *rules->signature_packets),
    };
    return rules->matcher && rules->matches && rules->replan && rules->signature_packets;
}

/* Asks a worker for something and waits until it is done. */
static void ask(struct live_worker *worker, struct live_request *request)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->request = request;
    atomic_store_explicit(&worker->has_request, true, memory_order_release);
    live_worker_wake(worker);
    while (worker->request)
        (void)pthread_cond_wait(&worker->done, &worker->lock);
    (void)pthread_mutex_unlock(&worker->lock);
}

static struct analysis *new_whole(const struct live_workers *workers, bool copy)
{
    struct analysis_config whole = workers->config.analysis;
    whole.sources_max *= workers->config.n;
    whole.locator = NULL; /* sources bring their places along */
    if (copy) {
        whole.profiles = false;
        whole.events_max = 0;
    }
    return analysis_new(&whole);
}

struct analysis *live_workers_copy(struct live_workers *workers, int64_t *ret_longest_ns)
{
    struct analysis *copy = new_whole(workers, true);
    int64_t longest_ns = 0;
    for (unsigned w = 0; copy && w < workers->config.n; w++) {
        struct live_request request = {.copy = copy};
        ask(&workers->worker[w], &request);
        longest_ns = request.took_ns > longest_ns ? request.took_ns : longest_ns;
        if (request.failed) {
            analysis_free(copy);
            copy = NULL;
        }
    }
    *ret_longest_ns = longest_ns;
    return copy;
}

int live_workers_reload(struct live_workers *workers, const struct setup *from,
                        const struct setup *to, struct err *err)
{
    unsigned n = workers->config.n;
    struct live_rules *rules = calloc(n, sizeof *rules);
    bool ready = rules;
    for (unsigned w = 0; ready && w < n; w++)
        ready = rules_init(&rules[w], from, to, workers->config.analysis.feed);
    for (unsigned w = 0; ready && w < n; w++)
        ask(&workers->worker[w], &(struct live_request){.rules = &rules[w]});
    for (unsigned w = 0; rules && w < n; w++)
        rules_fini(&rules[w]);
    free(rules);
    if (!ready)
        return err_set(err, NULL, 0, 0, "out of memory");
    workers->config.signatures = to->signatures;
    workers->config.analysis.evidence = to->evidence;
    workers->config.analysis.locator = to->geo ? &to->locator : NULL;
    return 0;
}

bool live_workers_wait(struct live_workers *workers, unsigned timeout_ms)
{
    return monotonic_wait_idle(&workers->lock, &workers->done, &workers->running, timeout_ms);
}

static void add_result(struct live_worker *worker, struct live_result *result)
{
    struct live_counts counts = live_worker_counts(worker);
    result->received += counts.received;
    result->frames += worker->frames;
    result->drops[LIVE_DROP_kernel] += counts.dropped;
    result->drops[LIVE_DROP_handle] += worker->lost;
    result->first_ns =
        worker->first_ns < result->first_ns ? worker->first_ns : result->first_ns;
    result->last_ns = worker->last_ns > result->last_ns ? worker->last_ns : result->last_ns;
}

int live_workers_finish(struct live_workers *workers, struct live_result *ret_result,
                        struct err *err)
{
    const struct live_workers_config *config = &workers->config;
    struct live_result result = {
        .frames_before = workers->frames_before, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    int status = 0;
    for (unsigned w = 0; w < workers->started; w++)
        (void)pthread_join(workers->worker[w].thread, NULL);
    workers->started = 0;
    struct analysis *analysis = new_whole(workers, false);
    if (!analysis)
        return err_set(err, NULL, 0, 0, "out of memory");
    for (unsigned w = 0; w < config->n; w++) {
        add_result(&workers->worker[w], &result);
        if (analysis_merge(analysis, workers->worker[w].analysis) != 0)
            status = err_set(err, NULL, 0, 0, "out of memory while merging the workers");
    }
    if (status != 0) {
        analysis_free(analysis);
        return status;
    }
    result.has_time = result.first_ns <= result.last_ns;
    if (!result.has_time)
        result.first_ns = result.last_ns = 0;
    result.analysis = analysis;
    *ret_result = result;
    return 0;
}
