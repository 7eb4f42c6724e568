#include "app/redis_setup.h"

#include "app/commands.h"

#include <stdlib.h>
#include <string.h>

int redis_setup_check_sensor(const char *name, size_t n, struct err *err)
{
    static const char ALLOWED[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t good = 0;
    while (good < n && strchr(ALLOWED, name[good]))
        good++;
    if (n > 0 && n <= SENSOR_NAME_MAX && good == n)
        return 0;
    return err_set(err, "--sensor", 0, 0,
                   "\"%.*s\": expected 1 to %d letters, digits, '.', '_' or '-'",
                   n < 200 ? (int)n : 200, name, SENSOR_NAME_MAX);
}

int redis_setup_init(const struct setup *setup, struct redis_setup *ret_redis, struct err *err)
{
    const char *url = setup_text(setup, OPTION_redis);
    *ret_redis = (struct redis_setup){.wanted = url};
    if (!url) {
        static const enum option_id NEED_IT[] = {OPTION_sensor, OPTION_redis_auth};
        for (unsigned i = 0; i < sizeof NEED_IT / sizeof *NEED_IT; i++)
            if (setup_text(setup, NEED_IT[i]) && !setup->options.from_file[NEED_IT[i]]) {
                (void)err_set(err, i ? "--redis-auth" : "--sensor", 0, 0,
                              "needs --redis URL beside it");
                return EXIT_USAGE;
            }
        return EXIT_DONE;
    }
    if (redis_url_parse(url, &ret_redis->config, err) != 0) {
        if (setup->options.from_file[OPTION_redis]) /* to be told where it is there */
            (void)snprintf(err->origin, sizeof err->origin, "--redis");
        return EXIT_USAGE;
    }
    if (redis_credentials(&ret_redis->config, setup_text(setup, OPTION_redis_auth),
                          getenv("NIGHTSCOPE_REDIS_USER"), getenv("NIGHTSCOPE_REDIS_PASSWORD"),
                          err) != 0)
        return EXIT_BAD_CONFIG;
    return EXIT_DONE;
}

int redis_setup_exit(enum redis_status status)
{
    switch (status) {
    case REDIS_DONE:
        return EXIT_DONE;
    case REDIS_DENIED:
        return EXIT_BAD_CONFIG;
    case REDIS_LOST:
    case REDIS_BUSY:
    case REDIS_ABORTED:
    case REDIS_WRONG:
        break;
    }
    return EXIT_FAILED;
}
