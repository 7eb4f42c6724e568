#include "app/live_control.h"

#include "app/commands.h"
#include "app/message.h"

#include <stdlib.h>
#include <time.h>

#define SECOND_NS ((int64_t)1000000000)
#define MILLI_NS  ((int64_t)1000000)

enum { CLOCK_STEP_MS = 500 };

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* both clocks always exist */
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

int live_control_init(struct live_control *control, struct setup *setup,
                      const char *const *interfaces, unsigned interfaces_n, struct err *err)
{
    *control = (struct live_control){.setup = setup,
                                     .given = setup,
                                     .workers_n = setup->workers,
                                     .quiet = setup->options.value[OPTION_quiet].given};
    unsigned signatures_n = signature_count(setup->signatures);
    control->worker_status = calloc(setup->workers, sizeof *control->worker_status);
    control->signature_packets = calloc(signatures_n + 1, sizeof *control->signature_packets);
    if (!control->worker_status || !control->signature_packets)
        return err_set(err, NULL, 0, 0, "out of memory");
    for (unsigned i = 0; i < interfaces_n; i++) {
        control->interfaces[i] = (struct live_interface){.name = interfaces[i], .up = true};
        control->interfaces_n = i + 1;
        if (live_watch_init(&control->watches[i], interfaces[i], err) != 0)
            return -1;
    }
    return 0;
}

/* One that came with a reload is ours; of the given one, its rules are freed with it. */
static void drop_setup(const struct live_control *control, struct setup *setup)
{
    if (!setup || setup == control->given)
        return;
    setup_drop_rules(setup);
    free(setup);
}

void live_control_fini(struct live_control *control)
{
    for (unsigned i = 0; i < control->interfaces_n; i++)
        live_watch_fini(&control->watches[i]);
    drop_setup(control, control->setup);
    free(control->worker_status);
    free(control->signature_packets);
}

void live_control_observe(struct live_control *control, const struct live_observer *observer)
{
    if (control->observers_n < LIVE_OBSERVERS_MAX)
        control->observers[control->observers_n++] = *observer;
}

void live_control_start(struct live_control *control, struct live_workers *workers,
                        struct collector *collector, struct pcap_out *out)
{
    control->workers = workers;
    control->collector = collector;
    control->out = out;
    control->started_ns = control->clock_ns = now_ns(CLOCK_REALTIME);
    control->monotonic_ns = now_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < control->interfaces_n; i++)
        control->has_drops[i] =
            live_watch_drops(&control->watches[i], &control->first_drops[i]);
    control->first_backlog = live_backlog_drops();
}

/* Time that has passed was captured, if some interface was up; and the minutes it lies in will
 * have a row. A clock that was set does not make time: what passed goes to the minute it now
 * shows. */
static void note_captured(struct live_control *control)
{
    int64_t clock = now_ns(CLOCK_REALTIME), monotonic = now_ns(CLOCK_MONOTONIC);
    int64_t passed = monotonic - control->monotonic_ns;
    int64_t step_ms = (clock - control->clock_ns - passed) / MILLI_NS;
    bool up = false;
    for (unsigned i = 0; i < control->interfaces_n; i++)
        up |= control->interfaces[i].up;
    int64_t begin = clock - passed;
    if (step_ms > CLOCK_STEP_MS || step_ms < -CLOCK_STEP_MS) {
        message_warning("the clock was set by %+lld.%03lld s%s", (long long)(step_ms / 1000),
                        (long long)llabs(step_ms % 1000),
                        step_ms < 0 ? ": packets of minutes that are closed count as late"
                                    : "");
        int64_t minute = clock / (60 * SECOND_NS) * 60 * SECOND_NS;
        begin = begin < minute ? minute : begin;
    }
    while (begin < clock) {
        int64_t minute_s = begin / SECOND_NS / 60 * 60, end = (minute_s + 60) * SECOND_NS;
        end = end < clock ? end : clock;
        collector_note_captured(control->collector, minute_s,
                                up ? (uint32_t)((end - begin) / MILLI_NS) : 0);
        begin = end;
    }
    control->clock_ns = clock;
    control->monotonic_ns = monotonic;
}

static uint64_t since(uint64_t now, uint64_t first)
{
    return now > first ? now - first : 0; /* less: it was made anew under its old name */
}

/* Of what the interface says that it dropped, what is in the kernel's own counter of its
 * backlog too was lost; the rest may have been seen by us. */
static void book_drops(struct live_control *control, unsigned i)
{
    struct live_watch_drops drops;
    if (!control->has_drops[i] || !live_watch_drops(&control->watches[i], &drops))
        return;
    uint64_t backlog = since(live_backlog_drops(), control->first_backlog);
    for (unsigned other = 0; other < control->interfaces_n; other++)
        backlog = since(backlog, control->booked_backlog[other]);
    uint64_t missed = since(drops.missed, control->first_drops[i].missed);
    uint64_t dropped = since(since(drops.dropped, control->first_drops[i].dropped),
                             control->booked_backlog[i]);
    dropped = dropped < backlog ? dropped : backlog;
    uint64_t more = since(missed, control->booked_missed[i]) + dropped;
    control->booked_missed[i] =
        missed > control->booked_missed[i] ? missed : control->booked_missed[i];
    control->booked_backlog[i] += dropped;
    if (more)
        live_workers_note_dropped(control->workers, more);
    control->interface_dropped += more;
}

/* False: the interface is gone, or nobody captures on it any more. */
static bool watch_interface(struct live_control *control, unsigned i)
{
    struct live_interface *interface = &control->interfaces[i];
    enum live_state state = live_watch_state(&control->watches[i]);
    uint64_t frames;
    if (state != LIVE_FAILED)
        book_drops(control, i);
    interface->handles = live_workers_handles(control->workers, i, &frames);
    struct err err = {0};
    if (state == LIVE_FAILED || interface->handles == 0) {
        (void)err_set(&err, interface->name, 0, 0, "%s; capture ends",
                      state == LIVE_FAILED ? "the interface is gone"
                                           : "no handle is left to capture with");
        message_error(&err);
        return false;
    }
    if (interface->up && state == LIVE_DOWN) {
        interface->downs++;
        message_warning("%s: the interface is down; capture goes on when it is back",
                        interface->name);
    } else if (!interface->up && state == LIVE_UP) {
        message_warning("%s: the interface is up again", interface->name);
    }
    interface->up = state == LIVE_UP;
    return true;
}

static void take_status(struct live_control *control)
{
    struct live_status *status = &control->status;
    *status = (struct live_status){
        .now_ns = now_ns(CLOCK_REALTIME),
        .started_ns = control->started_ns,
        .reloads = control->reloads,
        .reloads_failed = control->reloads_failed,
        .interfaces = control->interfaces,
        .interfaces_n = control->interfaces_n,
        .workers = control->worker_status,
        .workers_n = control->workers_n,
        .signature_packets = control->signature_packets,
    };
    live_workers_status(control->workers, status);
    status->drops[LIVE_DROP_interface] = control->interface_dropped;
    if (control->out) {
        struct pcap_out_status out = pcap_out_status(control->out);
        status->write_lost = out.lost;
        control->write_error = out.error;
        control->write_failing = out.failing;
    }
    int64_t oldest_ns = status->now_ns;
    for (unsigned i = 0; i < control->workers_n; i++)
        if (control->worker_status[i].packet_time_ns >= 0 &&
            control->worker_status[i].packet_time_ns < oldest_ns)
            oldest_ns = control->worker_status[i].packet_time_ns;
    status->lag_s = (uint64_t)((status->now_ns - oldest_ns) / SECOND_NS);
}

static void tell_writing(struct live_control *control)
{
    if (control->write_failing && !control->told_write)
        message_error(&control->write_error);
    if (!control->write_failing && control->told_write)
        message_warning("%s: written again; %llu packets are missing so far",
                        control->write_error.origin,
                        (unsigned long long)control->status.write_lost);
    control->told_write = control->write_failing;
}

static void tell_misplaced(struct live_control *control)
{
    if (control->status.misplaced && !control->told_misplaced)
        message_warning(
            "packets reach other workers than the rest of their source's, which may "
            "count twice then: in a tunnel in a tunnel, or as a handle has failed; "
            "misplaced_packets_total of the metrics has their number");
    control->told_misplaced |= control->status.misplaced > 0;
}

/* When losses start and when they have stopped. */
static void tell_losses(struct live_control *control)
{
    const uint64_t *drops = control->status.drops;
    uint64_t more = 0;
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        more += drops[i] - control->told_drops[i];
    if (more && !control->dropping)
        message_warning(
            "packets are lost: %llu in the last second (kernel %llu, interface %llu, "
            "failed handles %llu in all)",
            (unsigned long long)more, (unsigned long long)drops[LIVE_DROP_kernel],
            (unsigned long long)drops[LIVE_DROP_interface],
            (unsigned long long)drops[LIVE_DROP_handle]);
    control->told_lost += more;
    if (!more && control->dropping) {
        message_warning("no more packets are lost; %llu were",
                        (unsigned long long)control->told_lost);
        control->told_lost = 0;
    }
    control->dropping = more > 0;
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        control->told_drops[i] = drops[i];
    tell_writing(control);
    tell_misplaced(control);
}

static void drop_steps(struct profile *steps)
{
    while (steps) {
        struct profile *next = steps->next;
        profile_free(steps);
        steps = next;
    }
}

static void hand_on(struct live_control *control)
{
    struct collector_closed closed;
    collector_take(control->collector, &closed);
    for (size_t i = 0; i < closed.minutes_n; i++) {
        for (unsigned o = 0; o < control->observers_n; o++)
            if (control->observers[o].minute)
                control->observers[o].minute(control->observers[o].context,
                                             closed.minutes[i].window,
                                             closed.minutes[i].seconds);
        window_free(closed.minutes[i].window);
    }
    free(closed.minutes);
    for (unsigned o = 0; closed.steps && o < control->observers_n; o++)
        if (control->observers[o].steps) {
            control->observers[o].steps(control->observers[o].context, closed.steps);
            closed.steps = NULL;
        }
    drop_steps(closed.steps); /* nobody wants them */
    for (unsigned o = 0; o < control->observers_n; o++)
        if (control->observers[o].tick)
            control->observers[o].tick(control->observers[o].context, &control->status);
}

bool live_control_tick(struct live_control *control)
{
    bool goes_on = true;
    struct err message;
    while (live_workers_message(control->workers, &message))
        message_error(&message);
    for (unsigned i = 0; i < control->interfaces_n; i++)
        goes_on &= watch_interface(control, i);
    note_captured(control);
    if (control->out)
        pcap_out_flush(control->out);
    take_status(control);
    tell_losses(control);
    hand_on(control);
    return goes_on;
}

void live_control_reload(struct live_control *control)
{
    struct setup *from = control->setup, *to = malloc(sizeof *to);
    uint64_t *packets = NULL;
    struct err err = {0};
    if (!to || setup_reload(from, to) != EXIT_DONE) {
        free(to);
        control->reloads_failed++;
        message_warning("signatures and databases stay as they were");
        return;
    }
    packets = calloc(signature_count(to->signatures) + 1, sizeof *packets);
    if (!packets || live_workers_reload(control->workers, from, to, &err) != 0) {
        message_warning("out of memory: signatures and databases stay as they were");
        control->reloads_failed++;
        free(packets);
        setup_drop_rules(to);
        free(to);
        return;
    }
    control->setup = to;
    control->status.signatures = NULL; /* until the next status */
    free(control->signature_packets);
    control->signature_packets = packets;
    for (unsigned o = 0; o < control->observers_n; o++)
        if (control->observers[o].reloaded)
            control->observers[o].reloaded(control->observers[o].context, to);
    drop_setup(control, from);
    control->reloads++;
    if (!control->quiet)
        message_note("%u signatures and the databases were read again",
                     signature_count(to->signatures));
}

void live_control_stop(struct live_control *control)
{
    for (unsigned i = 0; i < control->interfaces_n; i++)
        book_drops(control, i);
    note_captured(control);
}

void live_control_end(struct live_control *control)
{
    control->ended = true;
    take_status(control);
    control->status.ended = true;
    hand_on(control);
}

void live_control_tell(const struct live_control *control)
{
    const struct live_status *status = &control->status;
    message_note(
        "%llu s, %llu frames read, %llu received, lost: kernel %llu, interface %llu, "
        "failed handles %llu; packet time %llu s behind; workers were held up for at most "
        "%llu ms",
        (unsigned long long)((status->now_ns - status->started_ns) / SECOND_NS),
        (unsigned long long)status->frames, (unsigned long long)status->received,
        (unsigned long long)status->drops[LIVE_DROP_kernel],
        (unsigned long long)status->drops[LIVE_DROP_interface],
        (unsigned long long)status->drops[LIVE_DROP_handle], (unsigned long long)status->lag_s,
        (unsigned long long)status->held_up_ms);
    for (unsigned i = 0; i < status->interfaces_n; i++)
        message_note("interface %s: %s, %u handles, down %llu times",
                     status->interfaces[i].name, status->interfaces[i].up ? "up" : "down",
                     status->interfaces[i].handles,
                     (unsigned long long)status->interfaces[i].downs);
    for (unsigned i = 0; i < status->workers_n; i++)
        message_note("worker %u: %llu frames, %llu batches, %llu sources, busy %llu ms", i,
                     (unsigned long long)status->workers[i].frames,
                     (unsigned long long)status->workers[i].batches,
                     (unsigned long long)status->workers[i].sources,
                     (unsigned long long)(status->workers[i].busy_ns / (uint64_t)MILLI_NS));
}
