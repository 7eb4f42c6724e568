#include "app/metrics.h"

#include <nightscope/signature.h>

#include <inttypes.h>
#include <string.h>

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP nightscope_%s %s\n# TYPE nightscope_%s %s\n", name, help, name,
                  type);
}

/* Backslash, quote and line's end are escaped; other control characters and bytes that are no
 * ASCII have no business in our names, and become '?'. */
static void label_value(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            (void)fputc('\\', out);
        (void)fputc(*text >= 0x20 && *text < 0x7f ? *text : '?', out);
    }
}

static void labelled(FILE *out, const char *name, const char *label, const char *value,
                     uint64_t number)
{
    (void)fprintf(out, "nightscope_%s{%s=\"", name, label);
    label_value(out, value);
    (void)fprintf(out, "\"} %" PRIu64 "\n", number);
}

static void numbered(FILE *out, const char *name, const char *label, unsigned value,
                     uint64_t number)
{
    (void)fprintf(out, "nightscope_%s{%s=\"%u\"} %" PRIu64 "\n", name, label, value, number);
}

static void single(FILE *out, const char *name, const char *type, const char *help,
                   uint64_t number)
{
    family(out, name, type, help);
    (void)fprintf(out, "nightscope_%s %" PRIu64 "\n", name, number);
}

/* Nanoseconds as seconds: digits alone, whatever the locale. */
static void seconds(FILE *out, uint64_t ns)
{
    (void)fprintf(out, " %" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

static void write_build(FILE *out, const struct metrics *metrics)
{
    family(out, "build_info", "gauge", "Version, and the instruction set in use.");
    (void)fputs("nightscope_build_info{version=\"", out);
    label_value(out, metrics->version);
    (void)fputs("\",isa=\"", out);
    label_value(out, metrics->isa);
    (void)fputs("\"} 1\n", out);
    family(out, "start_time_seconds", "gauge", "Start of the capture, Unix time.");
    (void)fputs("nightscope_start_time_seconds", out);
    seconds(out, (uint64_t)metrics->status->started_ns);
}

static void write_packets(FILE *out, const struct live_status *status)
{
    static const char *const REASON_NAMES[] = {NULL,
#define X(id, name, text) #name,
                                               REASONS(X)
#undef X
    };
    static const struct {
        const char *name;
        enum count count;
    } PROTOCOL_NAMES[] = {{"tcp", COUNT_tcp},     {"udp", COUNT_udp},   {"icmp", COUNT_icmp},
                          {"icmp6", COUNT_icmp6}, {"sctp", COUNT_sctp}, {"other", COUNT_other}},
      CLASS_NAMES[] = {{"scan", COUNT_scan},
                       {"backscatter", COUNT_backscatter},
                       {"other", COUNT_class_other}},
      LABEL_NAMES[] = {{"mirai", COUNT_mirai},
                       {"zmap", COUNT_zmap},
                       {"masscan", COUNT_masscan},
                       {"nmap", COUNT_nmap}};
#define EACH(array) for (unsigned i = 0; i < sizeof(array) / sizeof *(array); i++)
    const uint64_t *counts = status->counts;
    single(out, "received_packets_total", "counter", "Packets that passed the kernel filter.",
           status->received);
    single(out, "frames_total", "counter", "Frames read.", status->frames);
    single(out, "packets_total", "counter", "Packets counted.", counts[COUNT_packets]);
    single(out, "bytes_total", "counter", "Their IP lengths.", counts[COUNT_bytes]);
    family(out, "protocol_packets_total", "counter", "Packets counted, by protocol.");
    EACH(PROTOCOL_NAMES)
    labelled(out, "protocol_packets_total", "protocol", PROTOCOL_NAMES[i].name,
             counts[PROTOCOL_NAMES[i].count]);
    family(out, "class_packets_total", "counter", "Packets counted, by class.");
    EACH(CLASS_NAMES)
    labelled(out, "class_packets_total", "class", CLASS_NAMES[i].name,
             counts[CLASS_NAMES[i].count]);
    family(out, "label_packets_total", "counter", "Packets that match a label's signatures.");
    EACH(LABEL_NAMES)
    labelled(out, "label_packets_total", "label", LABEL_NAMES[i].name,
             counts[LABEL_NAMES[i].count]);
    single(out, "iot_matched_packets_total", "counter",
           "Packets that match a signature of origin iot.", counts[COUNT_iot_matched]);
    single(out, "late_packets_total", "counter",
           "Packets that came after their minute was closed.", counts[COUNT_late]);
    family(out, "not_counted_packets_total", "counter", "Frames not counted, by reason.");
    for (unsigned i = 1; i < REASON_COUNT_; i++)
        labelled(out, "not_counted_packets_total", "reason", REASON_NAMES[i],
                 status->not_counted[i]);
}

static void write_losses(FILE *out, const struct live_status *status)
{
    static const char *const DROP_NAMES[LIVE_DROP_COUNT_] = {
#define X(name) #name,
        LIVE_DROPS(X)
#undef X
    };
    family(out, "dropped_packets_total", "counter",
           "Packets lost before they could be counted, by where.");
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        labelled(out, "dropped_packets_total", "where", DROP_NAMES[i], status->drops[i]);
    single(out, "write_lost_packets_total", "counter",
           "Packets that could not be written to the capture file.", status->write_lost);
}

static void write_workers(FILE *out, const struct live_status *status)
{
    single(out, "misplaced_packets_total", "counter",
           "Packets that came to another worker than their source's others: such a source may "
           "count twice.",
           status->misplaced);
    uint64_t sources = 0;
    family(out, "worker_frames_total", "counter", "Frames read, by worker.");
    for (unsigned i = 0; i < status->workers_n; i++)
        numbered(out, "worker_frames_total", "worker", i, status->workers[i].frames);
    family(out, "worker_batches_total", "counter", "Batches counted, by worker.");
    for (unsigned i = 0; i < status->workers_n; i++)
        numbered(out, "worker_batches_total", "worker", i, status->workers[i].batches);
    family(out, "worker_busy_seconds_total", "counter", "Time not spent waiting, by worker.");
    for (unsigned i = 0; i < status->workers_n; i++) {
        (void)fprintf(out, "nightscope_worker_busy_seconds_total{worker=\"%u\"}", i);
        seconds(out, status->workers[i].busy_ns);
    }
    family(out, "worker_sources", "gauge", "Sources held, by worker.");
    for (unsigned i = 0; i < status->workers_n; i++) {
        numbered(out, "worker_sources", "worker", i, status->workers[i].sources);
        sources += status->workers[i].sources;
    }
    single(out, "sources", "gauge", "Sources held.", sources);
}

static void write_limits(FILE *out, const struct live_status *status)
{
    single(out, "sources_max", "gauge", "Most sources held at a time, of each worker.",
           status->limits.sources_max);
    single(out, "sources_evicted_total", "counter", "Sources evicted to make room.",
           status->limits.sources_evicted);
    family(out, "limit_refused_total", "counter",
           "What limits refused or evicted, by the name it has in reports.");
#define X(name)                                                                                \
    if (strcmp(#name, "sources_max") != 0)                                                     \
        labelled(out, "limit_refused_total", "limit", #name, status->limits.name);
    LIMITS(X)
#undef X
}

static void write_time(FILE *out, const struct live_status *status)
{
    int64_t now_s = status->now_ns / 1000000000;
    if (status->closed_until_s > 0)
        single(out, "window_lag_seconds", "gauge",
               "Behind the clock: the end of the newest minute that is closed.",
               now_s > status->closed_until_s ? (uint64_t)(now_s - status->closed_until_s) : 0);
    single(out, "packet_time_lag_seconds", "gauge",
           "Behind the clock: the oldest packet time of the workers.", status->lag_s);
}

static void write_interfaces(FILE *out, const struct live_status *status)
{
    family(out, "interface_up", "gauge", "Is the interface up?");
    for (unsigned i = 0; i < status->interfaces_n; i++)
        labelled(out, "interface_up", "interface", status->interfaces[i].name,
                 status->interfaces[i].up);
    family(out, "interface_downs_total", "counter", "Times it went down.");
    for (unsigned i = 0; i < status->interfaces_n; i++)
        labelled(out, "interface_downs_total", "interface", status->interfaces[i].name,
                 status->interfaces[i].downs);
    family(out, "interface_handles", "gauge", "Handles that capture on it.");
    for (unsigned i = 0; i < status->interfaces_n; i++)
        labelled(out, "interface_handles", "interface", status->interfaces[i].name,
                 status->interfaces[i].handles);
}

static void write_signatures(FILE *out, const struct live_status *status)
{
    family(out, "reloads_total", "counter", "Reloads of signatures and databases.");
    labelled(out, "reloads_total", "result", "done", status->reloads);
    labelled(out, "reloads_total", "result", "failed", status->reloads_failed);
    if (!status->signatures || !status->signature_packets)
        return;
    family(out, "signature_packets_total", "counter", "Packets that match, by signature.");
    for (unsigned i = 0; i < signature_count(status->signatures); i++)
        labelled(out, "signature_packets_total", "signature",
                 signature_at(status->signatures, i)->name, status->signature_packets[i]);
}

static void write_state(FILE *out, const struct metrics_state *state)
{
    if (!state)
        return;
    if (state->written)
        single(out, "checkpoint_age_seconds", "gauge",
               "Behind the clock: the moment of the last checkpoint.", state->age_s);
    single(out, "checkpoints_total", "counter", "Checkpoints written.", state->checkpoints);
    single(out, "checkpoint_failures_total", "counter",
           "Checkpoints that could not be written.", state->failures);
    single(out, "checkpoint_bytes", "gauge", "Size of the last checkpoint.", state->bytes);
    family(out, "checkpoint_duration_seconds", "gauge", "Time the last checkpoint took.");
    (void)fputs("nightscope_checkpoint_duration_seconds", out);
    seconds(out, state->took_us * 1000);
    family(out, "checkpoint_hold_seconds", "gauge", "Workers stood still for it.");
    (void)fputs("nightscope_checkpoint_hold_seconds", out);
    seconds(out, state->held_us * 1000);
    single(out, "state_lost_seconds", "gauge",
           "Not captured between the state that was taken up and the start.", state->lost_s);
    if (!state->spooled)
        return;
    single(out, "spool_bytes", "gauge", "Size of the spool.", state->spool_bytes);
    single(out, "spool_failures_total", "counter", "Times the spool could not be written.",
           state->spool_failures);
}

static void write_sinks(FILE *out, const struct metrics *metrics)
{
    const struct metrics_redis *redis = metrics->redis;
    const struct metrics_events *events = metrics->events;
    const struct metrics_files *files = metrics->files;
    if (events) {
        single(out, "events", "gauge", "Scan events that are open.", events->open);
        single(out, "events_written_total", "counter", "Scan events written.", events->written);
        single(out, "events_lost_total", "counter", "Scan events that could not be written.",
               events->lost);
    }
    if (files) {
        single(out, "hourly_files_total", "counter", "Hourly files completed.",
               files->completed);
        single(out, "hourly_lost_lines_total", "counter", "Lines of hourly files lost.",
               files->lost_lines);
    }
    if (!redis)
        return;
    single(out, "redis_up", "gauge", "Was the last flush acknowledged?", redis->up);
    family(out, "redis_state", "gauge", "1 for the state there is.");
    labelled(out, "redis_state", "state", redis->state, 1);
    single(out, "redis_lag_seconds", "gauge",
           "Packet time between what is closed and what Redis has acknowledged.", redis->lag_s);
    single(out, "redis_held_windows", "gauge", "Closed windows that are not acknowledged.",
           redis->held);
    single(out, "redis_flushes_total", "counter", "Flushes acknowledged.", redis->flushes);
    single(out, "redis_failures_total", "counter", "Flushes that failed.", redis->failures);
    single(out, "redis_resends_total", "counter", "Times everything was sent again.",
           redis->resends);
    single(out, "redis_given_up_windows_total", "counter",
           "Closed windows given up, as too many were held.", redis->given_up);
}

void metrics_write(FILE *out, const struct metrics *metrics)
{
    write_build(out, metrics);
    write_packets(out, metrics->status);
    write_losses(out, metrics->status);
    write_workers(out, metrics->status);
    write_limits(out, metrics->status);
    write_time(out, metrics->status);
    write_interfaces(out, metrics->status);
    write_signatures(out, metrics->status);
    write_state(out, metrics->state);
    write_sinks(out, metrics);
}
