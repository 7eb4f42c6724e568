/* What is done beside capturing, each second: interfaces are watched, losses are told, closed
 * minutes are handed on, and observers see how everything stands. */
#pragma once

#include "app/live_workers.h"

enum { LIVE_OBSERVERS_MAX = 8, LIVE_SERIES_MAX = 31 * 1440 };

struct live_control {
    struct setup *setup; /* what is in force: `given`, until there was a reload */
    struct setup *given; /* by the command line; not ours */
    struct live_workers *workers;
    struct collector *collector;
    struct pcap_out *out; /* may be NULL */
    struct live_observer observers[LIVE_OBSERVERS_MAX];
    unsigned observers_n;

    struct live_watch watches[LIVE_INTERFACES_MAX];
    struct live_interface interfaces[LIVE_INTERFACES_MAX];
    unsigned interfaces_n;
    struct live_watch_drops first_drops[LIVE_INTERFACES_MAX]; /* when capture started */
    bool has_drops[LIVE_INTERFACES_MAX];
    uint64_t booked_missed[LIVE_INTERFACES_MAX], booked_backlog[LIVE_INTERFACES_MAX];
    uint64_t first_backlog;
    uint64_t interface_dropped; /* in all, since the start */

    int64_t started_ns, clock_ns, monotonic_ns; /* as of the last second */
    uint64_t told_drops[LIVE_DROP_COUNT_], told_lost;
    bool dropping;
    bool ended; /* the last tick */
    struct err write_error;
    bool write_failing, told_write, told_misplaced;
    uint64_t reloads, reloads_failed;
    struct live_worker_status *worker_status;
    unsigned workers_n;
    uint64_t *signature_packets;
    struct live_status status; /* as of the last second */
    bool quiet;
};

/* Watches the interfaces; before capture starts. -1 with *err. */
int live_control_init(struct live_control *control, struct setup *setup,
                      const char *const *interfaces, unsigned interfaces_n, struct err *err);
void live_control_fini(struct live_control *control);
void live_control_observe(struct live_control *control, const struct live_observer *observer);

/* Capture has started. */
void live_control_start(struct live_control *control, struct live_workers *workers,
                        struct collector *collector, struct pcap_out *out);
/* Once a second. False: capture cannot go on, and it was said why. */
bool live_control_tick(struct live_control *control);
/* Reads signatures and databases again, and gives them to the workers. When they are bad, or
 * memory is out, it says so, and all stays as it is. */
void live_control_reload(struct live_control *control);
/* Before capture stops. */
void live_control_stop(struct live_control *control);
/* Capture has ended: what was closed last is handed on. */
void live_control_end(struct live_control *control);
/* Logs how everything stands. */
void live_control_tell(const struct live_control *control);
