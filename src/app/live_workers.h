/* The workers of a sensor: each captures the packets of its own sources, and counts them.
 *
 *   interface 0   handle --\
 *   interface 1   handle ---> stage of 256 frames --> decoded, matched --> analysis -->
 * collector (one thread)
 *
 * A worker is alone with its handles and its analysis; nothing is locked for a packet. Once a
 * second it says how it stands. Packet time is that of the worker's own packets; when there are
 * none, it follows the clock at a distance, so that quiet minutes close. */
#pragma once

#include "app/collector.h"
#include "app/event_log.h"
#include "app/live.h"
#include "sink/pcap_out.h"

#include <nightscope/live.h>

struct live_workers_config {
    unsigned n;                 /* 1..SHARD_COUNT */
    struct live_config capture; /* but for the interface */
    const char *const *interfaces;
    unsigned interfaces_n;
    const struct decode_config *decode;
    struct analysis_config analysis;
    const struct signature_set *signatures;
    struct collector *collector;
    bool keeps_state;         /* open minutes stay open at the end: live_workers_close() */
    bool recent;              /* say what came in the last minute */
    struct event_log *events; /* set when they start; NULL: none are kept */
    uint32_t seed;
};

struct live_workers;

/* Opens every handle: what needs privileges. Nothing is counted yet. NULL with *err. */
struct live_workers *live_workers_new(const struct live_workers_config *config,
                                      struct err *err);
void live_workers_free(struct live_workers *workers);
/* LINKTYPE_ of the interfaces; false: not all have the same. */
bool live_workers_linktype(const struct live_workers *workers, uint32_t *ret_linktype);

/* Starts to count. out: what is read is written there, too; events: where those go that end.
 * Either may be NULL. -1 with *err. */
int live_workers_start(struct live_workers *workers, struct pcap_out *out,
                       struct event_log *events, struct err *err);

/* Packets that an interface lost by itself, to be booked to now. */
void live_workers_note_dropped(struct live_workers *workers, uint64_t packets);
/* Fills what workers know: received, frames, drops[kernel] and [handle], counts ... */
void live_workers_status(struct live_workers *workers, struct live_status *status);
/* Handles of an interface that capture, and frames read from it. */
unsigned live_workers_handles(struct live_workers *workers, unsigned interface,
                              uint64_t *ret_frames);
/* Has each of them said something lately? */
bool live_workers_alive(struct live_workers *workers);
/* Messages of workers since the last call; false: none. */
bool live_workers_message(struct live_workers *workers, struct err *ret_message);

/* Signatures and databases are replaced in all workers while they go on: when it returns 0,
 * nobody uses `from` any more. -1 with *err: memory, and nothing has changed. */
int live_workers_reload(struct live_workers *workers, const struct setup *from,
                        const struct setup *to, struct err *err);

/* What all workers together hold: all that a report is made of but the minutes. They copy a few
 * milliseconds at a time and count in between, so its parts are of moments that lie apart. The
 * caller's; NULL: memory. */
struct analysis *live_workers_copy(struct live_workers *workers, int64_t *ret_longest_ns);

/* What a worker counts: to be used while nobody counts. worker: 0 to n - 1. */
struct analysis *live_workers_analysis(struct live_workers *workers, unsigned worker);
unsigned live_workers_count(const struct live_workers *workers);
/* Before live_workers_start(): the worker who will get the packets of a source, for
 * analysis_load(); and that all was loaded, with the bounds of packet time so far. */
unsigned live_workers_owner(void *workers, const struct address *source);
/* While nobody counts: the bounds of packet time. False: none yet, and both are 0. */
bool live_workers_times(const struct live_workers *workers, int64_t *ret_first_ns,
                        int64_t *ret_last_ns);
void live_workers_go_on(struct live_workers *workers, int64_t closed_until_s, bool has_time,
                        int64_t first_ns, int64_t last_ns);

/* All workers stand still, each between two batches, until live_workers_release(): what they
 * count is then as of one moment, and nobody else uses it or the collector. Meanwhile the rings
 * fill. By the thread that asks for everything else. */
void live_workers_hold(struct live_workers *workers);
void live_workers_release(struct live_workers *workers);

/* Nothing more is accepted; what the rings hold is counted. */
void live_workers_stop(struct live_workers *workers);
/* True when all have ended. */
bool live_workers_wait(struct live_workers *workers, unsigned timeout_ms);

/* After that: minutes, steps and events that are open are closed and handed over, where state
 * is kept; else workers have done it themselves. */
void live_workers_close(struct live_workers *workers);

struct live_result {
    struct analysis *analysis; /* all of them merged; the caller's */
    uint64_t received, frames, drops[LIVE_DROP_COUNT_];
    uint64_t frames_before; /* by earlier runs, which the state has brought */
    bool has_time;
    int64_t first_ns, last_ns;
};
/* After live_workers_wait() said true. -1 with *err. */
int live_workers_finish(struct live_workers *workers, struct live_result *ret_result,
                        struct err *err);
