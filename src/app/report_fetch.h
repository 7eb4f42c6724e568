/* Reports of sensors from Redis, read, and made one. */
#pragma once

#include <nightscope/redis.h>
#include <nightscope/sink.h>

enum { REPORT_SENSORS_MAX = 1024 };

struct sensor_report {
    char name[65];
    struct redis_replies replies; /* of its report: the text lies in it */
    const char *text;
    size_t len;
    struct sink_read *read;
};

struct report_fetch {
    struct sensor_report *sensors; /* by name */
    size_t n;
    struct file_status *status; /* of all sensors together, when there are several */
    const struct file_status **list;
    char **names; /* of the files: SENSOR:NAME */
    size_t files_n;
    struct sink_files files;
    struct report *report; /* of the only sensor, or merged into that of the first */
};

/* `names` are those the user gave, joined by commas; NULL: all there are. An exit status, with
 * *err unless it is EXIT_DONE. */
int report_fetch_init(struct report_fetch *fetch, struct redis *redis, const char *names,
                      struct err *err);
void report_fetch_fini(struct report_fetch *fetch);
