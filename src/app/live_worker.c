#include "app/live_worker.h"

#include "app/reader.h"
#include "source/fanout.h"
#include "state/recent.h"
#include "state/replan.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS ((int64_t)1000000000)

enum {
    TICK_MS = 1000,
    /* Packet time follows the clock at this distance: what has arrived is in a block of the
     * ring that is handed over earlier than that. */
    QUIET_S = 2,
    OFF_CLOCK_S = 3600,
    DRAIN_S = 3,
    COPY_MS = 5, /* at a time, and then at least so long not: */
    COUNT_MS = 15,
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* both clocks always exist */
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

int live_worker_init(struct live_worker *worker, const struct live_workers_config *config,
                     unsigned id, struct err *err)
{
    worker->config = config;
    worker->id = id;
    worker->first_ns = INT64_MAX;
    worker->last_ns = INT64_MIN;
    (void)pthread_mutex_init(&worker->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&worker->done, NULL);
    (void)pthread_cond_init(&worker->released, NULL);
    stamp_init(&worker->stamp, config->analysis.lateness_ns);
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->analysis = analysis_new(&config->analysis);
    worker->ready = ready_new(config->signatures);
    worker->recent = config->recent ? recent_new() : NULL;
    worker->matcher = config->signatures ? matcher_new(config->signatures) : NULL;
    unsigned signatures_n = config->signatures ? signature_count(config->signatures) : 0;
    worker->said.signature_packets =
        calloc(signatures_n + 1, sizeof *worker->said.signature_packets);
    if (worker->wake_fd < 0 || !worker->analysis || !worker->ready ||
        (config->recent && !worker->recent) || (config->signatures && !worker->matcher) ||
        !worker->said.signature_packets ||
        !live_stage_init(&worker->stage, config->capture.snaplen))
        return err_set(err, NULL, 0, 0, "out of memory or descriptors");
    for (unsigned i = 0; i < config->interfaces_n; i++) {
        struct live_config capture = config->capture;
        capture.interface = config->interfaces[i];
        worker->handles[i] = live_open(&capture, err);
        if (!worker->handles[i])
            return -1;
        worker->said.handles[i] = 1;
    }
    worker->said.status.packet_time_ns = -1;
    worker->said.first_ns = worker->first_ns;
    worker->said.last_ns = worker->last_ns;
    return 0;
}

void live_worker_fini(struct live_worker *worker)
{
    for (unsigned i = 0; worker->config && i < worker->config->interfaces_n; i++)
        live_close(worker->handles[i]);
    live_stage_fini(&worker->stage);
    free(worker->said.signature_packets);
    matcher_free(worker->matcher);
    ready_free(worker->ready);
    recent_free(worker->recent);
    analysis_free(worker->analysis);
    if (worker->config) {
        if (worker->wake_fd >= 0)
            (void)close(worker->wake_fd);
        (void)pthread_cond_destroy(&worker->done);
        (void)pthread_cond_destroy(&worker->released);
        (void)pthread_mutex_destroy(&worker->lock);
    }
}

static void say(struct live_worker *worker, const struct err *message)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->said.message = *message;
    worker->said.has_message = true;
    (void)pthread_mutex_unlock(&worker->lock);
}

/* The kernel deals its packets to the others from now on; what lay in its ring is lost. */
static void give_up_handle(struct live_worker *worker, unsigned i, const struct err *why)
{
    struct live_counts counts = live_counts(worker->handles[i]);
    worker->gone.received += counts.received;
    worker->gone.dropped += counts.dropped;
    worker->gone.read += counts.read;
    worker->lost += counts.received - counts.dropped - counts.read;
    live_close(worker->handles[i]);
    worker->handles[i] = NULL;
    say(worker, why);
}

/* Reads until the stage is full or nothing more is there; returns whether there was any. */
static bool fill(struct live_worker *worker)
{
    unsigned handles = worker->config->interfaces_n, dry = 0;
    while (worker->stage.n < BATCH_CAP && dry < handles) {
        unsigned i = worker->turn++ % handles;
        struct err err;
        int n = worker->handles[i] ? live_read(worker->handles[i], &worker->stage, &err) : 0;
        if (n < 0)
            give_up_handle(worker, i, &err);
        if (n > 0)
            worker->frames_of[i] += (unsigned)n;
        dry = n > 0 ? 0 : dry + 1;
    }
    return worker->stage.n > 0;
}

/* A time stamp that is far off the clock must not close minutes. */
static void check_times(struct live_worker *worker)
{
    int64_t now = now_ns(CLOCK_REALTIME);
    for (unsigned i = 0; i < worker->stage.n; i++) {
        struct frame *frame = &worker->stage.frames[i];
        if (frame->ts_ns - now > OFF_CLOCK_S * SECOND_NS ||
            now - frame->ts_ns > OFF_CLOCK_S * SECOND_NS) {
            frame->flags |= FRAME_BAD_TIME | FRAME_OFF_CLOCK;
            frame->ts_ns = 0;
            continue;
        }
        worker->first_ns = frame->ts_ns < worker->first_ns ? frame->ts_ns : worker->first_ns;
        worker->last_ns = frame->ts_ns > worker->last_ns ? frame->ts_ns : worker->last_ns;
    }
}

enum { EVENTS_HELD = 16384 }; /* ended ones a worker keeps to itself */

static void deliver_events(struct live_worker *worker, int64_t complete_min)
{
    struct event_log *log = worker->config->events;
    if (log)
        event_log_deliver(log, worker->id, analysis_take_events(worker->analysis),
                          complete_min);
}

/* Hands over what packet time has closed. */
static void advance(struct live_worker *worker)
{
    struct collector *collector = worker->config->collector;
    int64_t closed_ns = worker->stamp.packet_ns - worker->config->analysis.lateness_ns;
    int64_t minute_s = closed_ns / (60 * SECOND_NS) * 60;
    if (analysis_events_waiting(worker->analysis) > EVENTS_HELD)
        deliver_events(worker, 0);
    if (closed_ns < 0 || minute_s <= worker->minute_s)
        return;
    worker->minute_s = minute_s;
    analysis_advance(worker->analysis, worker->stamp.packet_ns);
    collector_deliver_steps(collector, analysis_take_profiles(worker->analysis));
    collector_deliver(collector, worker->id, analysis_take_closed(worker->analysis), minute_s);
    deliver_events(worker, worker->stamp.packet_ns / (60 * SECOND_NS));
}

unsigned live_worker_owner(const struct live_workers_config *config,
                           const struct address *source)
{
    return fanout_sum(config->seed, source) % config->n;
}

/* The kernel finds the source with a program that is no decoder: tunnels in tunnels, or headers
 * that are damaged, may lead it elsewhere. Whose sources are counted twice is known then. */
static void look_for_misplaced(struct live_worker *worker, const struct batch *batch)
{
    const struct live_workers_config *config = worker->config;
    for (unsigned i = 0; i < batch->n; i++) {
        struct address source = {.is6 = mask_test(batch->has[HAS_IPV6], i)};
        source.v4 = batch->src[i];
        if (source.is6)
            source.v6 = batch->src6[i];
        worker->misplaced += live_worker_owner(config, &source) != worker->id;
    }
}

static void count(struct live_worker *worker)
{
    struct live_stage *stage = &worker->stage;
    struct ready *ready = worker->ready;
    if (worker->out)
        pcap_out_add(worker->out, stage->frames, stage->n);
    check_times(worker);
    (void)stamp_frames(&worker->stamp, stage->frames, stage->n);
    decode_batch(worker->config->decode, stage->frames, stage->n, &ready->batch);
    if (worker->config->n > 1)
        look_for_misplaced(worker, &ready->batch);
    if (worker->matcher)
        matcher_run(worker->matcher, &ready->batch, ready->matches);
    analysis_prepare(worker->analysis, &ready->batch, ready->matches, ready->prepared);
    analysis_count(worker->analysis, ready->prepared);
    worker->frames += stage->n;
    worker->batches++;
    stage->n = 0;
    stage->used = 0;
    advance(worker);
}

/* Waits for packets, or a message of the main thread. False: none came. */
static bool wait_for_packets(struct live_worker *worker, int timeout_ms)
{
    struct pollfd polls[LIVE_INTERFACES_MAX + 1];
    unsigned handles = worker->config->interfaces_n;
    for (unsigned i = 0; i < handles; i++)
        polls[i] = (struct pollfd){.fd = worker->handles[i] ? live_fd(worker->handles[i]) : -1,
                                   .events = POLLIN};
    polls[handles] = (struct pollfd){.fd = worker->wake_fd, .events = POLLIN};
    if (poll(polls, handles + 1, timeout_ms) <= 0)
        return false;
    bool packets = false;
    for (unsigned i = 0; i < handles; i++) {
        packets |= polls[i].revents & POLLIN;
        if (!worker->handles[i] || !(polls[i].revents & ~POLLIN))
            continue;
        if ((polls[i].revents & POLLNVAL) || live_check(worker->handles[i]) == LIVE_FAILED) {
            struct err err;
            (void)err_set(&err, worker->config->interfaces[i], 0, 0,
                          "the handle of worker %u has failed", worker->id);
            give_up_handle(worker, i, &err);
        }
    }
    uint64_t ignored;
    if (polls[handles].revents && read(worker->wake_fd, &ignored, sizeof ignored) < 0)
        return packets; /* somebody else was faster: there is nothing to read */
    return packets;
}

struct live_counts live_worker_counts(struct live_worker *worker)
{
    struct live_counts sum = worker->gone;
    for (unsigned i = 0; i < worker->config->interfaces_n; i++) {
        if (!worker->handles[i])
            continue;
        struct live_counts counts = live_counts(worker->handles[i]);
        sum.received += counts.received;
        sum.dropped += counts.dropped;
        sum.read += counts.read;
    }
    return sum;
}

/* What was lost since the last time is booked to now. */
static void book_drops(struct live_worker *worker, const struct live_counts *counts)
{
    uint64_t lost = counts->dropped + worker->lost;
    uint64_t drops = lost - worker->booked_drops;
    worker->booked_drops = lost;
    drops += atomic_exchange_explicit(&worker->interface_drops, 0, memory_order_relaxed);
    if (drops)
        analysis_note_dropped(worker->analysis, now_ns(CLOCK_REALTIME) / SECOND_NS, drops);
}

static void report_state(struct live_worker *worker)
{
    struct live_counts counts = live_worker_counts(worker);
    book_drops(worker, &counts);
    struct live_said *said = &worker->said;
    (void)pthread_mutex_lock(&worker->lock);
    report_totals(worker->analysis, &said->totals);
    if (worker->recent)
        recent_look(worker->recent, worker->analysis, now_ns(CLOCK_MONOTONIC) / SECOND_NS,
                    &said->recent);
    if (worker->matcher)
        report_signature_packets(worker->analysis, said->signature_packets);
    said->at_s = now_ns(CLOCK_MONOTONIC) / SECOND_NS;
    said->counts = counts;
    said->lost = worker->lost;
    said->closed_until_s = worker->minute_s;
    said->first_ns = worker->first_ns;
    said->last_ns = worker->last_ns;
    said->status = (struct live_worker_status){
        .frames = worker->frames,
        .events = analysis_events_open(worker->analysis),
        .batches = worker->batches,
        .misplaced = worker->misplaced,
        .busy_ns = worker->busy_ns,
        .sources = said->totals.sources,
        .packet_time_ns = worker->stamp.packet_ns,
    };
    for (unsigned i = 0; i < worker->config->interfaces_n; i++) {
        said->handles[i] = worker->handles[i] != NULL;
        said->frames[i] = worker->frames_of[i];
    }
    (void)pthread_mutex_unlock(&worker->lock);
}

/* Nothing was waiting: whatever is older than the distance has been counted. */
static void follow_clock(struct live_worker *worker)
{
    stamp_advance(&worker->stamp, now_ns(CLOCK_REALTIME) - QUIET_S * SECOND_NS);
    advance(worker);
}

static bool drained(struct live_worker *worker)
{
    bool all = true;
    for (unsigned i = 0; i < worker->config->interfaces_n; i++)
        if (worker->handles[i])
            all &= live_drained(worker->handles[i]);
    return all;
}

/* To the last packet that was accepted. */
static void drain(struct live_worker *worker)
{
    int64_t deadline = now_ns(CLOCK_MONOTONIC) + DRAIN_S * SECOND_NS;
    for (unsigned i = 0; i < worker->config->interfaces_n; i++)
        if (worker->handles[i])
            live_stop(worker->handles[i]);
    do {
        while (fill(worker))
            count(worker);
    } while (!drained(worker) && now_ns(CLOCK_MONOTONIC) < deadline);
    struct live_counts counts = live_worker_counts(worker);
    worker->lost = counts.received - counts.dropped - counts.read; /* none, but for a failure */
}

static void take_rules(struct live_worker *worker, struct live_rules *rules)
{
    struct live_rules old = {worker->matcher, worker->ready->matches, rules->replan,
                             rules->locator, worker->said.signature_packets};
    worker->matcher = rules->matcher;
    worker->ready->matches = rules->matches;
    worker->said.signature_packets = rules->signature_packets;
    analysis_replan(worker->analysis, rules->replan);
    analysis_relocate(worker->analysis, rules->locator);
    *rules = old;
}

/* As much of a copy as holds nobody up; true when it is whole. */
static bool copy_some(struct live_worker *worker, struct live_request *request)
{
    int64_t until = now_ns(CLOCK_MONOTONIC) + COPY_MS * (SECOND_NS / 1000);
    while (request->part < ANALYSIS_PARTS && !request->failed &&
           now_ns(CLOCK_MONOTONIC) < until)
        request->failed =
            analysis_copy_part(request->copy, worker->analysis, request->part++) != 0;
    return request->failed || request->part == ANALYSIS_PARTS;
}

/* Until the request is taken back; under the lock. */
static void stand_still(struct live_worker *worker)
{
    worker->held = true;
    (void)pthread_cond_signal(&worker->done);
    while (worker->request)
        (void)pthread_cond_wait(&worker->released, &worker->lock);
    worker->held = false;
}

/* Between two batches: nothing is lost, and nothing is counted by half. */
static void serve(struct live_worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    struct live_request *request = worker->request;
    int64_t began = now_ns(CLOCK_MONOTONIC);
    bool done = !request->hold;
    if (request->rules)
        take_rules(worker, request->rules);
    if (request->copy)
        done = copy_some(worker, request);
    if (request->hold)
        stand_still(worker); /* `request` is not valid any more */
    int64_t took_ns = now_ns(CLOCK_MONOTONIC) - began;
    if (worker->request)
        worker->request->took_ns += took_ns;
    if (took_ns > worker->said.held_up_ns)
        worker->said.held_up_ns = took_ns;
    if (done) {
        worker->request = NULL;
        atomic_store_explicit(&worker->has_request, false, memory_order_relaxed);
        (void)pthread_cond_signal(&worker->done);
    }
    (void)pthread_mutex_unlock(&worker->lock);
}

void live_worker_go_on(struct live_worker *worker, int64_t closed_until_s)
{
    worker->minute_s = closed_until_s;
    stamp_advance(&worker->stamp,
                  closed_until_s * SECOND_NS + worker->config->analysis.lateness_ns);
}

void live_worker_run(struct live_worker *worker)
{
    int64_t tick = now_ns(CLOCK_MONOTONIC), began = tick;
    int64_t serve_after = 0;
    bool quiet = false, any = false;
    while (!atomic_load_explicit(&worker->stop, memory_order_acquire)) {
        bool asked = atomic_load_explicit(&worker->has_request, memory_order_acquire);
        if (asked && (!any || now_ns(CLOCK_MONOTONIC) >= serve_after)) {
            serve(worker);
            serve_after = now_ns(CLOCK_MONOTONIC) + COUNT_MS * (SECOND_NS / 1000);
        }
        any = fill(worker);
        if (any)
            count(worker);
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (!any && !asked && now - tick < TICK_MS * (SECOND_NS / 1000)) {
            worker->busy_ns += (uint64_t)(now - began);
            int64_t left_ms = (tick - now) / (SECOND_NS / 1000) + TICK_MS;
            quiet = !wait_for_packets(worker, (int)left_ms + 1);
            began = now_ns(CLOCK_MONOTONIC);
        }
        if (now - tick >= TICK_MS * (SECOND_NS / 1000)) {
            tick = now;
            if (!any && !asked && quiet)
                follow_clock(worker);
            worker->busy_ns += (uint64_t)(now - began);
            began = now;
            report_state(worker);
        }
    }
    drain(worker);
    report_state(worker);
    if (!worker->config->keeps_state)
        live_worker_close(worker);
}

void live_worker_close(struct live_worker *worker)
{
    analysis_finish(worker->analysis);
    collector_deliver_steps(worker->config->collector,
                            analysis_take_profiles(worker->analysis));
    collector_deliver(worker->config->collector, worker->id,
                      analysis_take_closed(worker->analysis), INT64_MAX);
    if (!worker->config->keeps_state)
        deliver_events(worker, INT64_MAX);
    else if (worker->config->events) /* open ones go on with the state */
        event_log_deliver(worker->config->events, worker->id, NULL, INT64_MAX);
}

void live_worker_wake(const struct live_worker *worker)
{
    const uint64_t one = 1;
    if (write(worker->wake_fd, &one, sizeof one) < 0)
        return; /* it is full, so the worker wakes */
}
