#include "serve/ask.h"

#include "publish/keys.h"
#include "serve/reply.h"
#include "sink/calendar.h"

#include <stdarg.h>
#include <string.h>

enum ask_status ask_fail(struct ask *ask, enum ask_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ask->text, sizeof ask->text, format, args);
    va_end(args);
    return status;
}

static enum ask_status run(struct ask *ask, const char *key, struct redis_batch *batch,
                           struct redis_replies *ret_replies)
{
    enum redis_status status = store_run(ask->store, key, batch, ret_replies);
    redis_batch_free(batch);
    if (status != REDIS_DONE)
        return ASK_AWAY;
    for (size_t i = 0; i < ret_replies->n; i++)
        ask->damaged |= ret_replies->items[i].kind == REDIS_ERROR; /* store_run() allows one */
    return ASK_DONE;
}

enum ask_status ask_run(struct ask *ask, unsigned sensor, struct redis_batch *batch,
                        struct redis_replies *ret_replies)
{
    char key[KEY_CAP];
    (void)snprintf(key, sizeof key, "ns:{%s}:info", ask->sensors[sensor]);
    return run(ask, key, batch, ret_replies);
}

void ask_key(struct redis_batch *batch, const char *sensor, const char *format, ...)
{
    char key[KEY_CAP];
    int n = snprintf(key, sizeof key, "ns:{%s}:", sensor);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(key + n, sizeof key - (size_t)n, format, args);
    va_end(args);
    redis_batch_arg(batch, key);
}

static bool wanted(const struct request *request, const char *name)
{
    for (unsigned i = 0; i < request->sensors_n; i++)
        if (strcmp(request->sensors[i], name) == 0)
            return true;
    return request->sensors_n == 0;
}

/* By name; of more than there is room for, the first ones, whatever order Redis has them in. */
static void add_name(struct ask *ask, const char *name)
{
    unsigned at = ask->sensors_n;
    while (at > 0 && strcmp(ask->sensors[at - 1], name) > 0)
        at--;
    if (ask->sensors_n == REQUEST_SENSORS_MAX)
        ask->more = true;
    else
        ask->sensors_n++;
    if (at == REQUEST_SENSORS_MAX)
        return;
    memmove(ask->sensors + at + 1, ask->sensors + at,
            (ask->sensors_n - 1 - at) * sizeof ask->sensors[0]);
    (void)snprintf(ask->sensors[at], sizeof ask->sensors[0], "%s", name);
}

static void take_names(struct ask *ask, const struct redis_reply *set)
{
    size_t n = set->kind == REDIS_LIST ? set->len : 0;
    for (size_t i = 0; i < n; i++) {
        const struct redis_reply *name = &set->items[i];
        if (name->kind == REDIS_TEXT && strlen(name->text) == name->len &&
            keys_is_sensor(name->text) && wanted(ask->request, name->text))
            add_name(ask, name->text);
    }
}

enum ask_status ask_sensors(struct ask *ask)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return ASK_MEMORY;
    redis_batch_add(batch, "SMEMBERS", KEY_SENSORS, NULL);
    struct redis_replies replies;
    enum ask_status status = run(ask, KEY_SENSORS, batch, &replies);
    if (status != ASK_DONE)
        return status;
    take_names(ask, &replies.items[0]);
    redis_replies_free(&replies);
    if (ask->sensors_n < ask->request->sensors_n)
        return ask_fail(ask, ASK_NONE, "no such sensor; /api/v1/sensors lists those there are");
    return ASK_DONE;
}

void ask_write_count(struct json_out *json, const char *key, uint64_t number)
{
    json_out_key(json, key);
    json_out_number(json, number);
}

void ask_write_text(struct json_out *json, const char *key, const char *text)
{
    json_out_key(json, key);
    json_out_text(json, text);
}

void ask_write_scope(struct ask *ask)
{
    json_out_key(&ask->json, "sensors");
    json_out_open(&ask->json, '[');
    for (unsigned i = 0; i < ask->sensors_n; i++)
        json_out_text(&ask->json, ask->sensors[i]);
    json_out_close(&ask->json, ']');
    if (ask->more) {
        json_out_key(&ask->json, "more");
        json_out_bool(&ask->json, true);
    }
    ask_write_text(&ask->json, "view", ask->request->view == VIEW_IOT ? "iot" : "all");
}

bool ask_is_dark(const struct ask *ask, const struct address *address)
{
    const struct prefix_set *dark = ask->store->config->dark;
    return dark && prefix_set_has(dark, address);
}

void ask_day(uint32_t unix_s, char buf[static 16])
{
    struct calendar at = calendar_from_s(unix_s);
    (void)snprintf(buf, 16, "%04u%02u%02u", (unsigned)at.year % 10000, at.month % 100,
                   at.day % 100);
}

static void add_last(struct redis_batch *batch, const char *sensor, const char *series)
{
    redis_batch_command(batch, "XREVRANGE");
    ask_key(batch, sensor, "%s", series);
    redis_batch_arg(batch, "+");
    redis_batch_arg(batch, "-");
    redis_batch_arg(batch, "COUNT");
    redis_batch_arg(batch, "1");
}

/* The end of the last entry of a series; 0: there is none. */
static uint32_t end_of(const struct redis_reply *list, uint32_t span_s)
{
    uint64_t ms;
    bool good = list->kind == REDIS_LIST && list->len > 0 &&
                list->items[0].kind == REDIS_LIST && list->items[0].len == 2 &&
                reply_id_ms(&list->items[0].items[0], &ms) && ms / 1000 < UINT32_MAX - DAY_S;
    return good ? (uint32_t)(ms / 1000) + span_s : 0;
}

/* Minutes are there for a week after they were written, hours for two years. */
enum ask_status ask_newest(struct ask *ask, uint32_t *ret_end_s)
{
    uint32_t newest = 0;
    for (unsigned i = 0; i < ask->sensors_n; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (!batch)
            return ASK_MEMORY;
        add_last(batch, ask->sensors[i], "series:1m");
        add_last(batch, ask->sensors[i], "series:1h");
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        uint32_t minute = end_of(&replies.items[0], 60),
                 end = minute ? minute : end_of(&replies.items[1], 3600);
        ask->newest_s[i] = end;
        newest = end > newest ? end : newest;
        redis_replies_free(&replies);
    }
    *ret_end_s = newest;
    return ASK_DONE;
}
