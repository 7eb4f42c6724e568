/* The server about itself, for Prometheus (text format 0.0.4). What the telescope saw is in
 * Redis, not here. */
#include "serve/http.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const ENDPOINT_NAMES[ENDPOINT_COUNT_ + 1] = {
    [ENDPOINT_FILE] = "page",       [ENDPOINT_HEALTH] = "healthz",
    [ENDPOINT_METRICS] = "metrics", [ENDPOINT_SENSORS] = "sensors",
    [ENDPOINT_SUMMARY] = "summary", [ENDPOINT_SERIES] = "series",
    [ENDPOINT_TOP] = "top",         [ENDPOINT_SOURCE] = "source",
    [ENDPOINT_FEED] = "feed",       [ENDPOINT_COUNT_] = "refused",
};

static uint64_t get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void put(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    (void)fprintf(out, "# HELP nightscope_serve_%s %s\n# TYPE nightscope_serve_%s %s\n", name,
                  help, name, type);
    (void)fprintf(out, "nightscope_serve_%s %llu\n", name, (unsigned long long)value);
}

static void put_requests(FILE *out, struct serve *serve)
{
    (void)fputs("# HELP nightscope_serve_requests_total Requests by endpoint.\n"
                "# TYPE nightscope_serve_requests_total counter\n",
                out);
    for (unsigned i = 0; i <= ENDPOINT_COUNT_; i++)
        (void)fprintf(out, "nightscope_serve_requests_total{endpoint=\"%s\"} %llu\n",
                      ENDPOINT_NAMES[i], (unsigned long long)get(&serve->requests[i]));
    (void)fputs("# HELP nightscope_serve_replies_total Replies by class of status.\n"
                "# TYPE nightscope_serve_replies_total counter\n",
                out);
    for (unsigned i = 2; i < 6; i++)
        (void)fprintf(out, "nightscope_serve_replies_total{status=\"%uxx\"} %llu\n", i,
                      (unsigned long long)get(&serve->replies[i]));
}

static void put_feed(FILE *out, struct feed_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    unsigned clients = hub->clients;
    uint64_t events = hub->head, lost = hub->lost, sent = hub->sent;
    (void)pthread_mutex_unlock(&hub->lock);
    put(out, "feed_clients", "gauge", "Clients that watch the feed.", clients);
    put(out, "feed_events_total", "counter", "Packets of the feed, as read.", events);
    put(out, "feed_sent_total", "counter", "The same, over all clients.", sent);
    put(out, "feed_lost_total", "counter", "Packets that slow clients did not get.", lost);
}

char *metrics_text(struct serve *serve, size_t *ret_n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_n);
    if (!out)
        return NULL;
    struct store *store = &serve->answerer.store;
    put_requests(out, serve);
    put(out, "remembered_total", "counter", "Answers from memory.",
        get(&serve->answerer.remembered));
    put(out, "stale_total", "counter", "Old answers given, Redis being away.",
        get(&serve->answerer.stale));
    (void)pthread_mutex_lock(&serve->connections.lock);
    unsigned connections = serve->connections.n;
    uint64_t cut = serve->connections.cut;
    (void)pthread_mutex_unlock(&serve->connections.lock);
    put(out, "connections", "gauge", "Open connections.", connections);
    put(out, "connections_cut_total", "counter", "Connections of clients too slow.", cut);
    put(out, "redis_up", "gauge", "Did Redis answer last?", !store_is_away(store));
    put(out, "redis_calls_total", "counter", "Calls to Redis.", get(&store->counts.calls));
    put(out, "redis_failures_total", "counter", "Calls that failed.",
        get(&store->counts.failures));
    put(out, "redis_busy_milliseconds_total", "counter", "Time spent in calls to Redis.",
        get(&store->counts.busy_ms));
    put_feed(out, &serve->hub);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
