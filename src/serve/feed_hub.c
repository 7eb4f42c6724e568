#include "serve/feed_hub.h"

#include "serve/ask.h"
#include "serve/reply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* By the monotonic clock, which the server is given. */
static struct timespec later(const struct feed_hub *hub, uint64_t ms)
{
    uint64_t at = hub->answerer->store.config->now_ms() + ms;
    return (struct timespec){(time_t)(at / 1000), (long)(at % 1000) * 1000000};
}

/* A number within ± most, or null. */
static void write_degrees(struct json_out *json, const char *key, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);
    bool good = end != text && !*end && isfinite(value) && fabs(value) <= most;
    json_out_key(json, key);
    if (good)
        json_out_text(json, text);
    else
        json_out_null(json);
}

/* False: no packet, or one that must not be shown. */
static bool render(struct ask *ask, const char *sensor, const struct redis_reply *fields,
                   struct feed_event *event)
{
    struct address source;
    char address[ADDRESS_TEXT_CAP];
    if (address_parse(reply_text(fields, "src"), &source) != 0 || ask_is_dark(ask, &source))
        return false;
    FILE *out = fmemopen(event->text, sizeof event->text, "w");
    if (!out)
        return false;
    (void)setvbuf(out, NULL, _IONBF, 0); /* so that what does not fit is an error */
    event->iot = reply_count(fields, "iot") > 0;
    struct json_out json;
    json_out_init(&json, out);
    bool good = fputs("data: ", out) >= 0;
    json_out_open(&json, '{');
    ask_write_text(&json, "sensor", sensor);
    ask_write_text(&json, "time", reply_text(fields, "time"));
    ask_write_text(&json, "src", address_format(&source, address));
    ask_write_text(&json, "cc", reply_text(fields, "cc"));
    ask_write_text(&json, "asn", reply_text(fields, "asn"));
    write_degrees(&json, "lat", reply_text(fields, "lat"), 90);
    write_degrees(&json, "lon", reply_text(fields, "lon"), 180);
    ask_write_text(&json, "proto", reply_text(fields, "proto"));
    ask_write_text(&json, "dport", reply_text(fields, "dport"));
    ask_write_text(&json, "class", reply_text(fields, "class"));
    ask_write_text(&json, "label", reply_text(fields, "label"));
    json_out_key(&json, "iot");
    json_out_bool(&json, event->iot);
    json_out_close(&json, '}');
    good &= fputs("\n\n", out) >= 0;
    long n = ftell(out);
    good &= json.error == 0 && n > 0 && (size_t)n < sizeof event->text;
    good &= fclose(out) == 0;
    event->n = good ? (unsigned)n : 0;
    return good;
}

static bool is_asked(const struct ask *ask, const char *name)
{
    for (unsigned i = 0; i < ask->sensors_n; i++)
        if (strcmp(ask->sensors[i], name) == 0)
            return true;
    return false;
}

/* The place of a sensor that is not there any more; what came of it stays, for those who watch
 * all. As many are asked as there are places, and the new one is one of them. */
static unsigned free_place(struct feed_hub *hub, const struct ask *ask)
{
    unsigned place = 0;
    while (place + 1 < REQUEST_SENSORS_MAX && is_asked(ask, hub->sensors[place].name))
        place++;
    for (size_t i = 0; i < FEED_RING; i++)
        if (hub->ring[i].sensor == place)
            hub->ring[i].sensor = FEED_NO_SENSOR;
    return place;
}

static unsigned find_sensor(struct feed_hub *hub, const struct ask *ask, const char *name)
{
    unsigned i = 0;
    while (i < hub->sensors_n && strcmp(hub->sensors[i].name, name) != 0)
        i++;
    if (i < hub->sensors_n)
        return i;
    (void)pthread_mutex_lock(&hub->lock);
    i = hub->sensors_n < REQUEST_SENSORS_MAX ? hub->sensors_n++ : free_place(hub, ask);
    hub->sensors[i] = (struct feed_sensor){0};
    (void)snprintf(hub->sensors[i].name, sizeof hub->sensors[i].name, "%s", name);
    (void)pthread_mutex_unlock(&hub->lock);
    return i;
}

/* Newest first, as it came. */
static void push_all(struct feed_hub *hub, struct ask *ask, unsigned index,
                     const struct redis_reply *list)
{
    struct feed_event event = {.sensor = index};
    for (size_t i = list->len; i-- > 0;) {
        const struct redis_reply *entry = &list->items[i];
        if (entry->kind != REDIS_LIST || entry->len != 2 || !reply_pairs(&entry->items[1]) ||
            !render(ask, hub->sensors[index].name, &entry->items[1], &event))
            continue;
        (void)pthread_mutex_lock(&hub->lock);
        hub->ring[hub->head++ % FEED_RING] = event;
        (void)pthread_mutex_unlock(&hub->lock);
    }
}

static bool id_of(const struct redis_reply *list, char id[static 48], uint64_t *ret_ms)
{
    if (list->kind != REDIS_LIST || list->len == 0 || list->items[0].kind != REDIS_LIST ||
        list->items[0].len != 2 || !reply_id_ms(&list->items[0].items[0], ret_ms))
        return false;
    (void)snprintf(id, 48, "%s", list->items[0].items[0].text);
    return true;
}

static void add_range(struct redis_batch *batch, const char *sensor, const char *after,
                      unsigned count)
{
    char from[56];
    (void)snprintf(from, sizeof from, "%s%s", *after ? "(" : "-", after);
    redis_batch_command(batch, "XREVRANGE");
    ask_key(batch, sensor, "feed");
    redis_batch_arg(batch, "+");
    redis_batch_arg(batch, from);
    redis_batch_arg(batch, "COUNT");
    redis_batch_arg_u64(batch, count);
}

/* What is newer than the last there was; another publication may begin anew in the past. */
static enum ask_status poll_sensor(struct feed_hub *hub, struct ask *ask, unsigned i)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return ASK_MEMORY;
    unsigned index = find_sensor(hub, ask, ask->sensors[i]);
    struct feed_sensor *sensor = &hub->sensors[index];
    add_range(batch, sensor->name, "", 1);
    add_range(batch, sensor->name, sensor->last, FEED_BACKLOG);
    struct redis_replies replies;
    enum ask_status status = ask_run(ask, i, batch, &replies);
    if (status != ASK_DONE)
        return status;
    char newest[48], last[48] = "";
    uint64_t newest_ms, last_ms = 0;
    if (id_of(&replies.items[1], last, &last_ms)) {
        push_all(hub, ask, index, &replies.items[1]);
        memcpy(sensor->last, last, sizeof last);
    } else if (id_of(&replies.items[0], newest, &newest_ms)) {
        const struct redis_reply before = {
            .kind = REDIS_TEXT, .text = sensor->last, .len = strlen(sensor->last)};
        if (reply_id_ms(&before, &last_ms) && newest_ms < last_ms)
            sensor->last[0] = '\0';
    }
    redis_replies_free(&replies);
    return ASK_DONE;
}

static void poll_all(struct feed_hub *hub)
{
    static const struct request ANY = {.endpoint = ENDPOINT_FEED};
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask)
        return;
    ask->store = &hub->answerer->store;
    ask->request = &ANY;
    store_take(ask->store);
    enum ask_status status = ask_sensors(ask);
    for (unsigned i = 0; status != ASK_AWAY && i < ask->sensors_n; i++)
        status = poll_sensor(hub, ask, i);
    store_give(ask->store);
    free(ask);
    (void)pthread_mutex_lock(&hub->lock);
    hub->away = status == ASK_AWAY;
    (void)pthread_cond_broadcast(&hub->turn);
    (void)pthread_mutex_unlock(&hub->lock);
}

static void *run(void *argument)
{
    struct feed_hub *hub = argument;
    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->stopping) {
        if (hub->clients > 0) {
            (void)pthread_mutex_unlock(&hub->lock);
            poll_all(hub);
            (void)pthread_mutex_lock(&hub->lock);
        }
        struct timespec at = later(hub, FEED_POLL_MS);
        if (!hub->stopping && hub->clients > 0)
            (void)pthread_cond_timedwait(&hub->turn, &hub->lock, &at);
        else if (!hub->stopping)
            (void)pthread_cond_wait(&hub->turn, &hub->lock);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return NULL;
}

int feed_hub_start(struct feed_hub *hub, struct answerer *answerer, struct err *err)
{
    *hub = (struct feed_hub){.answerer = answerer};
    pthread_condattr_t attributes;
    hub->ring = calloc(FEED_RING, sizeof *hub->ring);
    if (!hub->ring || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&hub->turn, &attributes) != 0 ||
        pthread_mutex_init(&hub->lock, NULL) != 0 ||
        pthread_create(&hub->thread, NULL, run, hub) != 0) {
        free(hub->ring);
        hub->ring = NULL;
        return err_set(err, NULL, 0, 0, "cannot start the thread of the feed");
    }
    (void)pthread_condattr_destroy(&attributes);
    hub->started = true;
    return 0;
}

void feed_hub_stop(struct feed_hub *hub)
{
    if (!hub->started)
        return;
    (void)pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    (void)pthread_cond_broadcast(&hub->turn);
    (void)pthread_mutex_unlock(&hub->lock);
    (void)pthread_join(hub->thread, NULL);
}

void feed_hub_fini(struct feed_hub *hub)
{
    if (!hub->started)
        return;
    (void)pthread_mutex_destroy(&hub->lock);
    (void)pthread_cond_destroy(&hub->turn);
    free(hub->ring);
}

static bool wants(const struct feed_client *client, const struct feed_event *event)
{
    const struct request *request = &client->request;
    if (request->view == VIEW_IOT && !event->iot)
        return false;
    if (request->sensors_n == 0 || event->sensor == FEED_NO_SENSOR)
        return request->sensors_n == 0;
    for (unsigned i = 0; i < request->sensors_n; i++)
        if (strcmp(request->sensors[i], client->hub->sensors[event->sensor].name) == 0)
            return true;
    return false;
}

/* Where the last FEED_BACKLOG events that it wants begin. */
static uint64_t backlog(const struct feed_client *client)
{
    const struct feed_hub *hub = client->hub;
    uint64_t oldest = hub->head > FEED_RING ? hub->head - FEED_RING : 0, at = hub->head;
    for (unsigned wanted = 0; at > oldest && wanted < FEED_BACKLOG; at--)
        wanted += wants(client, &hub->ring[(at - 1) % FEED_RING]);
    return at;
}

struct feed_client *feed_client_new(struct feed_hub *hub, const struct request *request)
{
    struct feed_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    (void)pthread_mutex_lock(&hub->lock);
    bool room = hub->clients < FEED_CLIENTS_MAX && !hub->stopping;
    if (room) {
        hub->clients++;
        *client = (struct feed_client){.hub = hub, .request = *request};
        client->at = backlog(client);
        (void)pthread_cond_broadcast(&hub->turn);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    if (room)
        return client;
    free(client);
    return NULL;
}

void feed_client_free(struct feed_client *client)
{
    (void)pthread_mutex_lock(&client->hub->lock);
    client->hub->clients--;
    (void)pthread_mutex_unlock(&client->hub->lock);
    free(client);
}

/* What is to be said besides packets. */
static size_t notices(struct feed_client *client, char *buf, size_t max)
{
    struct feed_hub *hub = client->hub;
    size_t n = 0;
    if (!client->greeted)
        n += (size_t)snprintf(buf, max, "retry: 2000\n\n");
    client->greeted = true;
    if (client->away != hub->away)
        n += (size_t)snprintf(buf + n, max - n, "event: redis\ndata: {\"away\":%s}\n\n",
                              hub->away ? "true" : "false");
    client->away = hub->away;
    if (hub->head - client->at > FEED_RING) {
        uint64_t lost = hub->head - client->at - FEED_RING;
        n += (size_t)snprintf(buf + n, max - n, "event: lost\ndata: {\"events\":%llu}\n\n",
                              (unsigned long long)lost);
        hub->lost += lost;
        client->at += lost;
    }
    return n;
}

static size_t collect(struct feed_client *client, char *buf, size_t max)
{
    struct feed_hub *hub = client->hub;
    size_t n = notices(client, buf, max);
    for (; client->at < hub->head; client->at++) {
        const struct feed_event *event = &hub->ring[client->at % FEED_RING];
        if (!wants(client, event))
            continue;
        if (n + event->n > max)
            break;
        memcpy(buf + n, event->text, event->n);
        n += event->n;
        hub->sent++;
    }
    return n;
}

size_t feed_client_read(struct feed_client *client, char *buf, size_t max)
{
    struct feed_hub *hub = client->hub;
    struct timespec until = later(hub, FEED_HEARTBEAT_MS);
    size_t n = 0;
    bool waited = true;
    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->stopping && (n = collect(client, buf, max)) == 0 && waited)
        waited = pthread_cond_timedwait(&hub->turn, &hub->lock, &until) == 0;
    if (!hub->stopping && n == 0)
        n = (size_t)snprintf(buf, max, ":\n\n"); /* a client that is gone is noticed */
    if (hub->stopping)
        n = 0;
    (void)pthread_mutex_unlock(&hub->lock);
    return n;
}
