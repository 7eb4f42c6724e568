#include "app/lines.h"

#include "app/commands.h"
#include "app/message.h"
#include "state/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_MIN = 1 << 17 }; /* ended events that may wait to be sorted, at least */

static int parse_forms(const char *text, struct hourly_config *config, struct err *err)
{
    config->ndjson = config->csv = !text;
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length == 6 && memcmp(text, "ndjson", 6) == 0)
            config->ndjson = true;
        else if (length == 3 && memcmp(text, "csv", 3) == 0)
            config->csv = true;
        else
            return err_set(err, "--output-format", 0, 0, "\"%.*s\": expected ndjson or csv",
                           (int)length, text);
        text += length + (text[length] == ',');
    }
    return 0;
}

static struct event_names names_of(const struct setup *setup)
{
    return (struct event_names){
        .labels = (const char *const *)setup->evidence->labels,
        .labels_n = setup->evidence->labels_n,
        .locator = setup->geo ? &setup->locator : NULL,
    };
}

/* What cannot be completed stays, and keeps nobody from starting. */
static void recover(const char *path,
                    int (*function)(const char *, struct lines_rest *, struct err *))
{
    struct lines_rest rest;
    struct err err;
    if (function(path, &rest, &err) != 0)
        message_error(&err);
    if (rest.files)
        message_warning("%s: %u files of a run that did not end; the %llu whole lines in them "
                        "are in files with a number",
                        path, rest.files, (unsigned long long)rest.lines);
}

/* The file of --events. A sensor is started again and again: what an earlier run has written
 * is not touched. -1 with *err. */
static int name_events(struct lines *lines, const char *path, bool live, struct err *err)
{
    if (live)
        recover(path, out_file_recover);
    lines->events_path = live ? out_file_free_name(path) : strdup(path);
    if (!lines->events_path)
        return err_set(err, path, 0, 0, "cannot be written: %s", strerror(errno));
    if (strcmp(lines->events_path, path) != 0)
        message_note("%s is there: scan events of this run go to %s", path, lines->events_path);
    return 0;
}

static int open_hourly(struct lines *lines, const struct setup *setup, bool live,
                       struct err *err)
{
    struct hourly_config config = {.path = setup_text(setup, OPTION_output),
                                   .windows = true,
                                   .events = true,
                                   .push = live,
                                   .names = names_of(setup)};
    if (parse_forms(setup_text(setup, OPTION_output_format), &config, err) != 0)
        return EXIT_USAGE;
    if (!config.path)
        return EXIT_DONE;
    recover(config.path, hourly_recover);
    lines->hourly = hourly_new(&config, err);
    if (lines->hourly)
        return EXIT_DONE;
    return live ? EXIT_BAD_CONFIG : EXIT_FAILED; /* a unit would start it again for ever */
}

int lines_check(const struct setup *setup, struct err *err)
{
    struct hourly_config config;
    const char *forms = setup_text(setup, OPTION_output_format);
    return parse_forms(forms, &config, err) == 0 ? EXIT_DONE : EXIT_USAGE;
}

void lines_rename(const struct lines *lines, const struct setup *setup)
{
    struct event_names names = names_of(setup);
    if (lines->events)
        event_log_rename(lines->events, &names);
}

int lines_open(struct lines *lines, const struct setup *setup, bool live, struct err *err)
{
    const char *path = setup_text(setup, OPTION_events);
    *lines = (struct lines){0};
    int status = open_hourly(lines, setup, live, err);
    if (status != EXIT_DONE || (!path && !lines->hourly))
        return status;
    if (path && name_events(lines, path, live, err) != 0)
        return live ? EXIT_BAD_CONFIG : EXIT_FAILED;
    size_t max = 3 * setup->options.value[OPTION_max_events].number;
    struct event_log_config config = {
        .workers = setup->workers,
        .pending_max = max < PENDING_MIN ? PENDING_MIN : max,
        .path = lines->events_path,
        .hourly = lines->hourly,
        .names = names_of(setup),
        .withheld = setup_withheld(setup),
        .deferred = live,
    };
    lines->events = event_log_new(&config, err);
    if (lines->events)
        return EXIT_DONE;
    bool is_path = path && strcmp(err->origin, lines->events_path) == 0;
    return live && is_path ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

void lines_configure(const struct setup *setup, struct analysis_config *config)
{
    const union option_value *value = setup->options.value;
    if (!setup_text(setup, OPTION_events) && !setup_text(setup, OPTION_output))
        return;
    config->events_max = value[OPTION_max_events].number;
    config->event_idle_s = (uint32_t)value[OPTION_events_idle].number;
    if (!config->event_idle_s)
        config->event_idle_s = event_idle_s(setup->dark ? prefix_set_size4(setup->dark) : 0);
}

int lines_add_series(const struct lines *lines, const struct report *report, int64_t from_s,
                     int64_t until_s, struct err *err)
{
    int status = 0;
    for (size_t i = 0; lines->hourly && i < report->series.n; i++) {
        int64_t start_s = report->series.rows[i].start_s;
        if (start_s >= from_s && start_s < until_s)
            status |= hourly_minute(lines->hourly, &report->series.rows[i], err);
    }
    return status;
}

int lines_close(struct lines *lines, struct err *err)
{
    int status = lines->events ? event_log_finish(lines->events, err) : 0;
    struct hourly *hourly = lines->hourly;
    lines->hourly = NULL;
    if (hourly && hourly_close(hourly, err) != 0)
        status = -1;
    return status;
}

void lines_free(struct lines *lines)
{
    event_log_free(lines->events);
    hourly_abandon(lines->hourly);
    free(lines->events_path);
    *lines = (struct lines){0};
}
