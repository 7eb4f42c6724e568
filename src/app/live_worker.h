/* One worker of a sensor; private to live_workers.c. */
#pragma once

#include "app/live_workers.h"
#include "source/stamp.h"

#include <pthread.h>
#include <stdatomic.h>

struct ready;
struct recent;

/* What a worker says once a second; under its lock. */
struct live_said {
    int64_t at_s; /* monotonic clock; at first, when the worker was started */
    struct report_totals totals;
    struct live_worker_status status;
    struct live_counts counts;
    uint64_t lost; /* LIVE_DROP_handle */
    int64_t closed_until_s;
    int64_t first_ns, last_ns;
    int64_t held_up_ns;
    unsigned handles[LIVE_INTERFACES_MAX]; /* 1: captures */
    uint64_t frames[LIVE_INTERFACES_MAX];
    uint64_t *signature_packets;
    struct report_recent recent; /* where it is asked for */
    bool has_message;
    struct err message;
};

/* What a reload replaces, of one worker. Afterwards it holds what was replaced. */
struct live_rules {
    struct matcher *matcher;
    struct matches *matches;
    struct replan *replan;
    const struct locator *locator; /* NULL: no databases */
    uint64_t *signature_packets;
};

/* What the main thread may ask for, one thing at a time. */
struct live_request {
    struct live_rules *rules; /* take these, or: */
    struct analysis *copy;    /* add a copy of yours to this, part by part */
    unsigned part;            /* the next, or: */
    bool hold;                /* stand still until the request is taken back */
    int64_t took_ns;
    bool failed; /* for lack of memory */
};

struct live_worker {
    const struct live_workers_config *config;
    unsigned id;
    struct pcap_out *out;
    pthread_t thread;
    int wake_fd; /* written to when `stop` is set */
    atomic_bool stop;
    _Atomic uint64_t interface_drops; /* to be booked */

    struct live_handle *handles[LIVE_INTERFACES_MAX]; /* NULL: failed */
    uint64_t frames_of[LIVE_INTERFACES_MAX];
    struct live_counts gone; /* of handles that have failed */
    uint64_t lost;
    unsigned turn; /* the handle that is read first */

    struct live_stage stage;
    struct matcher *matcher;
    struct ready *ready;
    struct analysis *analysis;
    struct recent *recent; /* NULL: nobody looks */
    struct stamp stamp;
    int64_t minute_s; /* of the last packet time it advanced to */

    uint64_t frames, batches, busy_ns;
    uint64_t misplaced;    /* packets of sources that another worker has */
    uint64_t booked_drops; /* of the kernel */
    int64_t first_ns, last_ns;

    pthread_mutex_t lock;
    struct live_said said;
    struct live_request *request; /* NULL: none, or done */
    pthread_cond_t done;
    bool held; /* stands still, until: */
    pthread_cond_t released;
    atomic_bool has_request;
};

/* Opens the handles. -1 with *err; live_worker_fini() in any case. */
int live_worker_init(struct live_worker *worker, const struct live_workers_config *config,
                     unsigned id, struct err *err);
void live_worker_fini(struct live_worker *worker);
/* Any thread: it has something to look at. */
void live_worker_wake(const struct live_worker *worker);
/* Captures and counts until it is stopped, then until its rings are drained. */
void live_worker_run(struct live_worker *worker);
/* After that, of a sensor that keeps its state: what is open is closed, and handed over. */
void live_worker_close(struct live_worker *worker);
/* Its analysis was loaded: packet time goes on from there. */
void live_worker_go_on(struct live_worker *worker, int64_t closed_until_s);
/* The worker to whom the kernel deals the packets of a source. */
unsigned live_worker_owner(const struct live_workers_config *config,
                           const struct address *source);
struct live_counts live_worker_counts(struct live_worker *worker);
