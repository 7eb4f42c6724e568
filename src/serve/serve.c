#include <nightscope/serve.h>

#include "serve/asset.h"
#include "serve/http.h"
#include "serve/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REAP_MS = 1000 };

int serve_is_loopback(const char *listen, bool *ret_loopback, struct err *err)
{
    struct listen_at at;
    if (listen_parse(listen, &at, err) != 0)
        return -1;
    *ret_loopback = at.loopback;
    return 0;
}

bool serve_has_page(void)
{
    return ASSETS_COUNT > 0;
}

static void *reap(void *argument)
{
    struct serve *serve = argument;
    (void)pthread_mutex_lock(&serve->lock);
    while (!serve->stopping) {
        uint64_t at = serve->config.now_ms() + REAP_MS;
        struct timespec until = {(time_t)(at / 1000), (long)(at % 1000) * 1000000};
        (void)pthread_cond_timedwait(&serve->end, &serve->lock, &until);
        connections_reap(&serve->connections, serve->config.now_ms());
    }
    (void)pthread_mutex_unlock(&serve->lock);
    return NULL;
}

static int start_reaper(struct serve *serve, struct err *err)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) == 0 &&
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(&serve->end, &attributes) == 0 &&
        pthread_mutex_init(&serve->lock, NULL) == 0 &&
        pthread_create(&serve->reaper, NULL, reap, serve) == 0)
        serve->reaping = true;
    (void)pthread_condattr_destroy(&attributes);
    return serve->reaping ? 0 : err_set(err, NULL, 0, 0, "cannot start a thread");
}

static void name_url(struct serve *serve, uint16_t port)
{
    const char *listen = serve->config.listen;
    (void)snprintf(serve->url, sizeof serve->url, "http://%.*s:%u/",
                   (int)(strrchr(listen, ':') - listen), listen, port);
}

struct serve *serve_start(const struct serve_config *config, struct err *err)
{
    struct listen_at at;
    uint16_t port;
    if (listen_parse(config->listen, &at, err) != 0)
        return NULL;
    struct serve *serve = calloc(1, sizeof *serve);
    if (!serve) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    serve->config = *config;
    serve->check_host = at.loopback && !config->token && !config->behind_proxy;
    int fd = -1;
    if (answerer_init(&serve->answerer, &serve->config, err) != 0) {
        free(serve);
        return NULL;
    }
    if (connections_init(&serve->connections) == 0 &&
        feed_hub_start(&serve->hub, &serve->answerer, err) == 0 &&
        start_reaper(serve, err) == 0)
        fd = listen_open(&at, config->listen, &port, err);
    if (fd >= 0) {
        name_url(serve, port);
        if (http_start(serve, fd, err) == 0)
            return serve;
        (void)close(fd);
    }
    serve_stop(serve);
    return NULL;
}

void serve_try_redis(struct serve *serve)
{
    static const struct request SENSORS = {.endpoint = ENDPOINT_SENSORS,
                                           .window = {DAY_S, 0, 0}};
    struct outcome outcome;
    answerer_ask(&serve->answerer, &SENSORS, &outcome);
    answer_free(outcome.answer);
}

void serve_stop(struct serve *serve)
{
    if (!serve)
        return;
    feed_hub_stop(&serve->hub);
    if (serve->reaping) {
        (void)pthread_mutex_lock(&serve->lock);
        serve->stopping = true;
        (void)pthread_cond_signal(&serve->end);
        (void)pthread_mutex_unlock(&serve->lock);
        (void)pthread_join(serve->reaper, NULL);
        (void)pthread_mutex_destroy(&serve->lock);
        (void)pthread_cond_destroy(&serve->end);
    }
    http_stop(serve);
    feed_hub_fini(&serve->hub);
    connections_fini(&serve->connections);
    answerer_fini(&serve->answerer);
    free(serve);
}

const char *serve_url(const struct serve *serve)
{
    return serve->url;
}
