/* Where Redis is, and as whom to speak to it: from the options and the environment. */
#pragma once

#include "app/setup.h"

#include <nightscope/redis.h>

enum { SENSOR_NAME_MAX = 64 };

struct redis_setup {
    bool wanted; /* --redis was given */
    struct redis_config config;
};

/* An exit status; with *err unless it is EXIT_DONE. Connects to nothing. */
int redis_setup_init(const struct setup *setup, struct redis_setup *ret_redis, struct err *err);

/* Of the n characters: letters, digits, '.', '_' and '-', 1 to 64 of them? Else *err. */
int redis_setup_check_sensor(const char *name, size_t n, struct err *err);

/* What a failed command means for the program: EXIT_BAD_CONFIG when Redis does not let us in.
 */
int redis_setup_exit(enum redis_status status);
