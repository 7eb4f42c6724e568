/* Hourly files of minutes and events. */
#include <nightscope/lines.h>

#include "sink/calendar.h"
#include "sink/csv_out.h"
#include "sink/hourly_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_S = 3600 };

/* The files of one kind of line and one form. */
struct lane {
    const char *what, *form;
    bool wanted, events, csv;
    struct out_file *file; /* NULL: none is open */
    int64_t hour;          /* of the lines that come now; since 1970 */
    bool failed;           /* no file could be begun for it: said once an hour */
    uint64_t lines;        /* in the file */
    uint64_t pushed;       /* of them */
};
enum { LANES = 4, EVENT_LANE = 2 };

struct hourly {
    struct hourly_config config;
    char *path;
    struct lane lanes[LANES];
    uint64_t files, lost;
};

void hourly_abandon(struct hourly *hourly)
{
    if (!hourly)
        return;
    for (unsigned i = 0; i < LANES; i++)
        out_file_abandon(hourly->lanes[i].file);
    free(hourly->path);
    free(hourly);
}

/* 0, or an errno. That a name is a file's is told now, not when the first hour is written. */
static int make_folder(const char *path)
{
    struct stat status;
    if ((mkdir(path, 0777) != 0 && errno != EEXIST) || stat(path, &status) != 0)
        return errno;
    if (!S_ISDIR(status.st_mode))
        return ENOTDIR;
    return access(path, W_OK | X_OK) == 0 ? 0 : errno;
}

struct hourly *hourly_new(const struct hourly_config *config, struct err *err)
{
    struct hourly *hourly = calloc(1, sizeof *hourly);
    if (hourly)
        hourly->path = strdup(config->path);
    if (!hourly || !hourly->path) {
        free(hourly);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    hourly->config = *config;
    for (unsigned i = 0; i < LANES; i++) {
        bool events = i >= EVENT_LANE, csv = i % 2;
        hourly->lanes[i] = (struct lane){
            .what = events ? "events" : "windows",
            .form = csv ? "csv" : "ndjson",
            .wanted = (events ? config->events : config->windows) &&
                      (csv ? config->csv : config->ndjson),
            .events = events,
            .csv = csv,
        };
    }
    int why = make_folder(config->path);
    if (why) {
        (void)csv_out_error(config->path, "", why, err);
        hourly_abandon(hourly);
        return NULL;
    }
    return hourly;
}

static int close_lane(struct hourly *hourly, struct lane *lane, struct err *err)
{
    if (!lane->file)
        return 0;
    int status = out_file_close(lane->file, err);
    hourly->files += status == 0;
    hourly->lost += status == 0 ? 0 : lane->lines;
    lane->file = NULL;
    lane->lines = lane->pushed = 0;
    return status;
}

static int open_lane(struct hourly *hourly, struct lane *lane, struct err *err)
{
    struct calendar at = calendar_from_s(lane->hour * HOUR_S);
    char stem[64];
    (void)snprintf(stem, sizeof stem, "%s-%04u%02u%02uT%02u", lane->what, (unsigned)at.year,
                   at.month, at.day, at.hour);
    char *path = hourly_free_name(hourly->path, stem, lane->form);
    if (!path)
        return csv_out_error(hourly->path, "", errno, err);
    lane->file = out_file_open(path, err);
    free(path);
    if (!lane->file)
        return -1;
    FILE *out = out_file_stream(lane->file);
    if (lane->csv && lane->events)
        sink_event_csv_header(out);
    else if (lane->csv)
        sink_minute_csv_header(out);
    return 0;
}

/* The lanes of a kind go on to another hour. */
static int turn(struct hourly *hourly, bool events, int64_t hour, struct err *err)
{
    int status = 0;
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &hourly->lanes[i];
        if (lane->events != events || lane->hour == hour)
            continue;
        status |= close_lane(hourly, lane, err);
        lane->hour = hour;
        lane->failed = false;
    }
    return status;
}

/* What the lanes of a kind have gets to the kernel. */
static void push(struct hourly *hourly, bool events)
{
    for (unsigned i = 0; hourly->config.push && i < LANES; i++) {
        struct lane *lane = &hourly->lanes[i];
        if (lane->events != events || !lane->file || lane->pushed == lane->lines)
            continue;
        out_file_push(lane->file);
        lane->pushed = lane->lines;
    }
}

/* Counts a line that is to be written; false: it cannot be. */
static bool begin_line(struct hourly *hourly, struct lane *lane, struct err *err,
                       int *ret_status)
{
    if (!lane->file && !lane->failed && open_lane(hourly, lane, err) != 0) {
        lane->failed = true;
        *ret_status = -1;
    }
    if (!lane->file) {
        hourly->lost++;
        return false;
    }
    lane->lines++;
    return true;
}

int hourly_minute(struct hourly *hourly, const struct report_minute *minute, struct err *err)
{
    int status = turn(hourly, false, minute->start_s / HOUR_S, err);
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &hourly->lanes[i];
        if (lane->events || !lane->wanted || !begin_line(hourly, lane, err, &status))
            continue;
        if (lane->csv)
            sink_minute_csv(out_file_stream(lane->file), minute);
        else
            sink_minute_json(out_file_stream(lane->file), minute);
    }
    push(hourly, false);
    return status;
}

int hourly_events_until(struct hourly *hourly, int64_t until_s, struct err *err)
{
    int64_t hour = until_s / HOUR_S;
    push(hourly, true);
    return hour > hourly->lanes[EVENT_LANE].hour ? turn(hourly, true, hour, err) : 0;
}

int hourly_event(struct hourly *hourly, const struct event *event, struct err *err)
{
    /* The run's end is in the hour of its last packets. */
    int64_t end_s =
        event->end == EVENT_RUN ? event->last_ns / 1000000000 : (int64_t)event->ended_min * 60;
    int64_t hour = end_s / HOUR_S;
    int status = hour > hourly->lanes[EVENT_LANE].hour ? turn(hourly, true, hour, err) : 0;
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *lane = &hourly->lanes[i];
        if (!lane->events || !lane->wanted || !begin_line(hourly, lane, err, &status))
            continue;
        if (lane->csv)
            sink_event_csv(out_file_stream(lane->file), event, &hourly->config.names);
        else
            sink_event_json(out_file_stream(lane->file), event, &hourly->config.names);
    }
    return status;
}

void hourly_rename(struct hourly *hourly, const struct event_names *names)
{
    hourly->config.names = *names;
}

void hourly_totals(const struct hourly *hourly, uint64_t *ret_files, uint64_t *ret_lost)
{
    *ret_files = hourly->files;
    *ret_lost = hourly->lost;
}

int hourly_close(struct hourly *hourly, struct err *err)
{
    int status = 0;
    for (unsigned i = 0; i < LANES; i++)
        status |= close_lane(hourly, &hourly->lanes[i], err);
    if (status == 0 && hourly->lost)
        status = err_set(err, hourly->path, 0, 0,
                         "%llu lines could not be written and are missing there",
                         (unsigned long long)hourly->lost);
    hourly_abandon(hourly);
    return status;
}
