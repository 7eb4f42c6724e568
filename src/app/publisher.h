/* Publishes what a replay found to Redis, and waits for a Redis that is not there. */
#pragma once

#include "app/gathering.h"
#include "app/redis_setup.h"

#include <nightscope/sink.h>

struct publisher {
    struct redis *redis;
    const char *sensor;
    char incarnation[INCARNATION_CAP];
    int64_t started_s;
    unsigned wait_s; /* for a Redis that is away, in all */
    bool quiet;
};

/* Asks Redis whether it is there: a warning when not, since it is asked again at the end; an
 * exit status with *err when it does not let us in, or when memory is out. */
int publisher_init(struct publisher *publisher, const struct setup *setup,
                   const struct redis_setup *redis, struct err *err);
void publisher_fini(struct publisher *publisher);

struct publisher_input {
    struct analysis *analysis; /* finished and merged */
    const struct report *report;
    const struct sink_files *files;
    struct gathering *gathering;
    const struct locator *locator; /* may be NULL */
};
/* -1 with *err: not published. */
int publisher_publish(struct publisher *publisher, const struct setup *setup,
                      const struct publisher_input *input, struct err *err);
