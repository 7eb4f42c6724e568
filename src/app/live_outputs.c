#include "app/live_outputs.h"

#include "app/commands.h"
#include "app/live_keeper.h"
#include "app/message.h"
#include "app/privileges.h"

#include <errno.h>
#include <nightscope/window.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_EVERY_S = 10 }; /* Prometheus looks every 15 s or so */

static void tell_once(bool *told, const struct err *err)
{
    if (!*told)
        message_error(err);
    *told = true;
}

static void on_minute(void *context, const struct window *minute, uint32_t seconds)
{
    struct live_outputs *outputs = context;
    struct err err;
    if (!outputs->lines.hourly)
        return;
    struct report_minute row = {
        .start_s = minute->start_s, .seconds = seconds, .dports = window_dports(minute)};
    memcpy(row.counts, minute->counts, sizeof row.counts);
    if (hourly_minute(outputs->lines.hourly, &row, &err) == 0)
        outputs->told_minutes = false;
    else
        tell_once(&outputs->told_minutes, &err);
}

static void write_events(struct live_outputs *outputs)
{
    struct event_log *log = outputs->lines.events;
    if (!log)
        return;
    event_log_write(log);
    struct event_log_totals totals = event_log_totals(log);
    if (totals.failed)
        tell_once(&outputs->told_events, &totals.error);
    if (totals.refused && !outputs->told_refused) {
        outputs->told_refused = true;
        message_warning("scan events are lost: more end than can be written");
    }
}

static struct metrics_redis redis_state(struct flusher *flusher)
{
    struct flusher_status status;
    flusher_status(flusher, &status);
    return (struct metrics_redis){.state = flusher_state_name(status.state),
                                  .up = status.state == FLUSHER_UP,
                                  .lag_s = status.lag_s,
                                  .held = status.held,
                                  .flushes = status.flushes,
                                  .failures = status.failures,
                                  .resends = status.resends,
                                  .given_up = status.drops};
}

static struct metrics_state kept_state(const struct live_outputs *outputs, int64_t now_ns)
{
    const struct live_keeper_status *kept = outputs->state;
    struct metrics_state state = {.written = kept->written_ns,
                                  .checkpoints = kept->checkpoints,
                                  .failures = kept->failures,
                                  .bytes = kept->bytes,
                                  .took_us = kept->took_us,
                                  .held_us = kept->held_us,
                                  .lost_s = (uint64_t)kept->lost_s};
    if (now_ns > kept->written_ns)
        state.age_s = (uint64_t)(now_ns - kept->written_ns) / 1000000000;
    if (outputs->flusher && *outputs->flusher) {
        struct flusher_status status;
        flusher_status(*outputs->flusher, &status);
        state.spooled = status.spooled;
        state.spool_bytes = status.spool_bytes;
        state.spool_failures = status.spool_failures;
    }
    return state;
}

/* The text; to be freed. NULL: out of memory. */
static char *metrics_text(const struct live_outputs *outputs, const struct live_status *status,
                          size_t *ret_n)
{
    struct metrics_events events = {0};
    struct metrics_files files = {0};
    struct metrics metrics = {
        .version = NIGHTSCOPE_VERSION, .isa = outputs->isa, .status = status};
    if (outputs->lines.events) {
        struct event_log_totals totals = event_log_totals(outputs->lines.events);
        events = (struct metrics_events){.written = totals.written, .lost = totals.refused};
        for (unsigned i = 0; i < status->workers_n && !status->ended; i++)
            events.open += status->workers[i].events;
        metrics.events = &events;
    }
    if (outputs->lines.hourly) {
        hourly_totals(outputs->lines.hourly, &files.completed, &files.lost_lines);
        metrics.files = &files;
    }
    struct metrics_redis redis;
    if (outputs->flusher && *outputs->flusher) {
        redis = redis_state(*outputs->flusher);
        metrics.redis = &redis;
    }
    struct metrics_state state;
    if (outputs->state && outputs->state->kept) {
        state = kept_state(outputs, status->now_ns);
        metrics.state = &state;
    }
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_n);
    if (!out)
        return NULL;
    metrics_write(out, &metrics);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* Under another name first, so that a reader never sees half of it. */
static int write_file(const char *path, const char *text, size_t n, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *temporary;
    if (asprintf(&temporary, "%.*s.%s.tmp", (int)(name - path), path, name) < 0)
        return err_set(err, NULL, 0, 0, "out of memory");
    FILE *file = fopen(temporary, "we");
    int error = file ? 0 : errno;
    if (file) {
        bool written = fwrite(text, 1, n, file) == n;
        error = written ? 0 : errno;
        if (fclose(file) != 0 && !error)
            error = errno;
        if (!error && rename(temporary, path) != 0)
            error = errno;
        if (error)
            (void)unlink(temporary);
    }
    free(temporary);
    return error ? err_set(err, path, 0, 0, "cannot be written: %s", strerror(error)) : 0;
}

static void show_metrics(struct live_outputs *outputs, const struct live_status *status,
                         bool last)
{
    if (!outputs->server && !outputs->metrics_path)
        return;
    size_t n;
    char *text = metrics_text(outputs, status, &n);
    int64_t now_s = status->now_ns / 1000000000;
    struct err err;
    if (text && outputs->server)
        (void)metrics_server_set(outputs->server, text, n); /* or the old one stays */
    if (text && outputs->metrics_path &&
        (last || now_s - outputs->written_s >= FILE_EVERY_S || now_s < outputs->written_s)) {
        outputs->written_s = now_s;
        if (write_file(outputs->metrics_path, text, n, &err) == 0)
            outputs->told_metrics = false;
        else
            tell_once(&outputs->told_metrics, &err);
    }
    free(text);
}

static void on_tick(void *context, const struct live_status *status)
{
    struct live_outputs *outputs = context;
    write_events(outputs);
    show_metrics(outputs, status, status->ended);
}

static void on_reload(void *context, const struct setup *setup)
{
    struct live_outputs *outputs = context;
    outputs->setup = setup;
    lines_rename(&outputs->lines, setup);
}

int live_outputs_init(struct live_outputs *outputs, const struct setup *setup, struct err *err)
{
    const char *address = setup_text(setup, OPTION_metrics);
    *outputs = (struct live_outputs){
        .setup = setup, .metrics_path = setup_text(setup, OPTION_metrics_file), .isa = "none"};
    struct matcher *matcher = matcher_new(setup->signatures);
    if (matcher)
        outputs->isa = matcher_isa(matcher);
    matcher_free(matcher);
    if (address && metrics_server_check(address, err) != 0)
        return EXIT_USAGE;
    if (address && !(outputs->server = metrics_server_open(address, err)))
        return EXIT_FAILED;
    return lines_check(setup, err);
}

int live_outputs_open(struct live_outputs *outputs, struct err *err)
{
    int status = lines_open(&outputs->lines, outputs->setup, true, err);
    if (status != EXIT_BAD_CONFIG)
        return status;
    char user[PRIVILEGES_USER_CAP]; /* mostly not who started it, and who may */
    struct err told = *err;
    privileges_user(user);
    (void)err_set(err, told.origin, told.line, told.column, "%s (the sensor is the user %s)",
                  told.text, user);
    return status;
}

int live_outputs_start(struct live_outputs *outputs, struct err *err)
{
    return outputs->server ? metrics_server_start(outputs->server, err) : 0;
}

struct live_observer live_outputs_observer(struct live_outputs *outputs)
{
    return (struct live_observer){
        .context = outputs, .minute = on_minute, .tick = on_tick, .reloaded = on_reload};
}

int live_outputs_end(struct live_outputs *outputs, struct err *err)
{
    return lines_close(&outputs->lines, err);
}

void live_outputs_fini(struct live_outputs *outputs)
{
    metrics_server_free(outputs->server);
    lines_free(&outputs->lines);
}
