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

static int copy_path(const struct setup *setup, enum option_id id, const char *name, bool tls,
                     char *ret_path, size_t cap, struct err *err)
{
    const char *path = setup_text(setup, id);
    if (!path)
        return 0;
    if (!tls)
        return err_set(err, name, 0, 0, "is for rediss:// URLs");
    if (strlen(path) >= cap)
        return err_set(err, name, 0, 0, "expected a path of at most %zu characters", cap - 1);
    memcpy(ret_path, path, strlen(path) + 1);
    return 0;
}

int redis_setup_init(const struct setup *setup, struct redis_setup *ret_redis, struct err *err)
{
    const char *url = setup_text(setup, OPTION_redis);
    *ret_redis = (struct redis_setup){.wanted = url};
    bool named = setup_text(setup, OPTION_state); /* a state has the name in it, too */
    if (!url) {
        static const struct {
            enum option_id id;
            const char *name;
        } NEED_IT[] = {{OPTION_sensor, "--sensor"},
                       {OPTION_live_sensor, "--sensor"},
                       {OPTION_redis_auth, "--redis-auth"},
                       {OPTION_redis_ca, "--redis-ca"},
                       {OPTION_redis_cert, "--redis-cert"}};
        for (unsigned i = 0; i < sizeof NEED_IT / sizeof *NEED_IT; i++)
            if (setup_text(setup, NEED_IT[i].id) && !setup->options.from_file[NEED_IT[i].id] &&
                !(named && strcmp(NEED_IT[i].name, "--sensor") == 0)) {
                (void)err_set(err, NEED_IT[i].name, 0, 0, "needs --redis URL beside it");
                return EXIT_USAGE;
            }
        return EXIT_DONE;
    }
    struct redis_config *config = &ret_redis->config;
    if (redis_url_parse(url, config, err) != 0) {
        if (setup->options.from_file[OPTION_redis]) /* to be told where it is there */
            (void)snprintf(err->origin, sizeof err->origin, "--redis");
        return EXIT_USAGE;
    }
    if (copy_path(setup, OPTION_redis_ca, "--redis-ca", config->tls, config->tls_ca,
                  sizeof config->tls_ca, err) != 0 ||
        copy_path(setup, OPTION_redis_cert, "--redis-cert", config->tls, config->tls_cert,
                  sizeof config->tls_cert, err) != 0)
        return EXIT_USAGE;
    if (redis_credentials(config, setup_text(setup, OPTION_redis_auth),
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
