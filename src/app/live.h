/* A sensor that captures, as those see it who show or keep what it counts.
 *
 *   kernel --> worker 0: ring, batches, analysis -->  collector  --> live_command.c, each
 * second: fanout    worker 1: ring, batches, analysis -->  (minutes,      observers (metrics,
 * screen, by source                                         steps)        files, Redis) are
 * called
 *
 * Observers run in the thread that controls the sensor, which is never one that captures: one
 * that blocks for long delays the others and the watchdog, but loses no packet. */
#pragma once

#include "app/setup.h"

#include <nightscope/analysis.h>
#include <nightscope/profile.h>
#include <nightscope/report.h>
#include <nightscope/window.h>

enum { LIVE_INTERFACES_MAX = 16 };

/* Where packets were lost before they could be counted. */
#define LIVE_DROPS(X)                                                                          \
    X(kernel)    /* no room in a ring: we were too slow, or the ring is too small */           \
    X(interface) /* the interface or the kernel's backlog had no room, before any ring */      \
    X(handle)    /* lay in the ring of a handle that failed */
enum live_drop {
#define X(name) LIVE_DROP_##name,
    LIVE_DROPS(X)
#undef X
        LIVE_DROP_COUNT_,
};

struct live_interface {
    const char *name;
    bool up;
    uint64_t downs;   /* times it went down */
    unsigned handles; /* that capture */
};

struct live_worker_status {
    uint64_t frames;        /* read */
    uint64_t batches;       /* frames / (256 * batches) says how full they were: its load */
    uint64_t busy_ns;       /* time not spent waiting */
    uint64_t sources;       /* held */
    uint64_t events;        /* scan events that are open */
    int64_t packet_time_ns; /* -1: none yet */
    uint64_t misplaced;     /* counted packets of sources that another worker has */
};

/* Everything as of now, since the start; of a running sensor the parts may be of moments up to
 * a second apart. received = frames + not yet read + drops[kernel]; at the end nothing is left
 * unread. */
struct live_status {
    int64_t now_ns, started_ns; /* by the clock */
    uint64_t received;          /* passed the kernel filter */
    uint64_t frames;            /* read: packets + not_counted */
    uint64_t drops[LIVE_DROP_COUNT_];
    uint64_t counts[COUNT_COUNT_]; /* of the run; `sources` and `iot_matched_sources`: 0 */
    uint64_t not_counted[REASON_COUNT_];
    struct report_limits limits; /* minutes_refused: of the collector */
    int64_t closed_until_s;      /* minutes that end by then are closed; 0: none yet */
    bool has_time;
    int64_t first_ns, last_ns;   /* lowest and highest time stamp of frames that are on time */
    uint64_t lag_s;              /* behind the clock: how old the oldest packet time is */
    uint64_t write_lost;         /* frames that --write could not write */
    uint64_t misplaced;          /* packets whose sources count once for each worker they met */
    struct report_recent recent; /* where it is asked for */
    uint64_t reloads, reloads_failed;
    uint64_t held_up_ms; /* longest that a worker was held up by a copy or a reload */
    bool ended;          /* nothing comes any more */
    const struct live_interface *interfaces;
    unsigned interfaces_n;
    const struct live_worker_status *workers;
    unsigned workers_n;
    /* By signature and by label, packets that match; borrowed until the next status. */
    const struct signature_set *signatures;
    const uint64_t *signature_packets;
};

/* Who wants to know. Any function may be NULL. */
struct live_observer {
    void *context;
    /* A minute that no worker adds to any more, in order, each once; a quiet one is all zeros.
     * seconds: how much of it was captured. The window is borrowed. */
    void (*minute)(void *context, const struct window *minute, uint32_t seconds);
    /* Parts of steps of profiles, in no order, before the tick of their minutes. The observer's
     * own: profile_free(). For one observer alone. */
    void (*steps)(void *context, struct profile *steps);
    /* Each second, and once more when capture has ended. */
    void (*tick)(void *context, const struct live_status *status);
    /* The signatures were reloaded: names borrowed from the old set are no longer valid. */
    void (*reloaded)(void *context, const struct setup *setup);
};
