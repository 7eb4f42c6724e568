#include "serve/as_names.h"

#include "serve/reply.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct as_name *find(struct as_names *names, const char *number)
{
    for (unsigned i = 0; i < names->n; i++)
        if (strcmp(names->rows[i].number, number) == 0)
            return &names->rows[i];
    return NULL;
}

const char *as_names_find(const struct ask *ask, const char *number)
{
    struct as_name *row = ask->store->as_names ? find(ask->store->as_names, number) : NULL;
    return row ? row->name : "";
}

static void add(struct as_names *names, const json_t *row)
{
    const json_t *asn = json_object_get(row, "asn"), *text = json_object_get(row, "name");
    if (!json_is_integer(asn) || !json_is_string(text) || json_string_length(text) == 0)
        return;
    json_int_t value = json_integer_value(asn);
    if (value <= 0 || value > UINT32_MAX || names->n == AS_NAMES_MAX)
        return;
    struct as_name *added = &names->rows[names->n];
    (void)snprintf(added->number, sizeof added->number, "%" PRIu32, (uint32_t)value);
    if (find(names, added->number))
        return;
    added->name = strdup(json_string_value(text));
    names->n += added->name != NULL;
}

static void add_table(struct as_names *names, const json_t *holder)
{
    const json_t *table = json_object_get(holder, "asns");
    for (size_t i = 0; i < json_array_size(table); i++)
        add(names, json_array_get(table, i));
}

static enum ask_status load_sensor(struct ask *ask, unsigned sensor)
{
    struct redis_batch *batch = redis_batch_new();
    struct redis_replies replies;
    if (batch) {
        redis_batch_command(batch, "STRLEN");
        ask_key(batch, ask->sensors[sensor], "report");
    }
    enum ask_status status = ask_run(ask, sensor, batch, &replies);
    if (status != ASK_DONE)
        return status;
    uint64_t length;
    bool readable = reply_number(&replies.items[0], &length) && length <= AS_REPORT_MAX;
    redis_replies_free(&replies);
    batch = readable ? redis_batch_new() : NULL;
    if (!batch)
        return ASK_DONE; /* names are no more than a help */
    redis_batch_command(batch, "GET");
    ask_key(batch, ask->sensors[sensor], "report");
    status = ask_run(ask, sensor, batch, &replies);
    if (status != ASK_DONE)
        return status;
    if (replies.items[0].kind == REDIS_TEXT) {
        json_t *report = json_loadb(replies.items[0].text, replies.items[0].len, 0, NULL);
        add_table(ask->store->as_names, report);
        add_table(ask->store->as_names, json_object_get(report, "iot"));
        json_decref(report);
    }
    redis_replies_free(&replies);
    return ASK_DONE;
}

/* Its place, or that of the one that was read longest ago. */
static struct as_names_sensor *find_sensor(struct as_names *names, const char *name)
{
    struct as_names_sensor *oldest = &names->sensors[0];
    for (unsigned i = 0; i < REQUEST_SENSORS_MAX; i++) {
        struct as_names_sensor *sensor = &names->sensors[i];
        if (strcmp(sensor->name, name) == 0)
            return sensor;
        if (sensor->loaded_ms < oldest->loaded_ms)
            oldest = sensor;
    }
    return oldest;
}

enum ask_status as_names_load(struct ask *ask)
{
    struct as_names *names = ask->store->as_names;
    uint64_t now = ask->store->config->now_ms();
    if (!names)
        names = ask->store->as_names = calloc(1, sizeof *names);
    enum ask_status status = ASK_DONE;
    for (unsigned i = 0; names && status == ASK_DONE && i < ask->sensors_n; i++) {
        struct as_names_sensor *sensor = find_sensor(names, ask->sensors[i]);
        if (strcmp(sensor->name, ask->sensors[i]) == 0 &&
            now - sensor->loaded_ms < AS_NAMES_FRESH_MS)
            continue;
        status = load_sensor(ask, i);
        if (status != ASK_DONE)
            break;
        (void)snprintf(sensor->name, sizeof sensor->name, "%s", ask->sensors[i]);
        sensor->loaded_ms = now;
    }
    return status;
}

void as_names_fini(struct as_names *names)
{
    for (unsigned i = 0; names && i < names->n; i++)
        free(names->rows[i].name);
    free(names);
}
