#include "app/report_fetch.h"

#include "app/commands.h"
#include "app/merge_sources.h"
#include "app/redis_setup.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct err *err)
{
    (void)err_set(err, NULL, 0, 0, "out of memory");
    return EXIT_FAILED;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct sensor_report *)left)->name,
                  ((const struct sensor_report *)right)->name);
}

static int add_sensor(struct report_fetch *fetch, const char *name, size_t n, struct err *err)
{
    if (fetch->n == REPORT_SENSORS_MAX) {
        (void)err_set(err, NULL, 0, 0, "more than %d sensors: name those you want by --sensor",
                      REPORT_SENSORS_MAX);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < fetch->n; i++)
        if (strlen(fetch->sensors[i].name) == n && memcmp(fetch->sensors[i].name, name, n) == 0)
            return EXIT_DONE; /* named twice */
    struct sensor_report *sensors = realloc(fetch->sensors, (fetch->n + 1) * sizeof *sensors);
    if (!sensors)
        return no_memory(err);
    fetch->sensors = sensors;
    sensors[fetch->n] = (struct sensor_report){0};
    memcpy(sensors[fetch->n++].name, name, n);
    return EXIT_DONE;
}

static int take_given(struct report_fetch *fetch, const char *names, struct err *err)
{
    int status = EXIT_DONE;
    while (status == EXIT_DONE) {
        size_t n = strcspn(names, ",");
        if (redis_setup_check_sensor(names, n, err) != 0)
            return EXIT_USAGE;
        status = add_sensor(fetch, names, n, err);
        if (!names[n])
            break;
        names += n + 1;
    }
    return status;
}

/* One command about one key; its only reply, which may be that the key is of another type. */
static int ask(struct redis *redis, const char *command, const char *key,
               struct redis_replies *ret_replies, struct err *err)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return no_memory(err);
    redis_batch_add(batch, command, key, NULL);
    enum redis_status status = redis_run(redis, key, batch, "WRONGTYPE", ret_replies, err);
    redis_batch_free(batch);
    return redis_setup_exit(status);
}

static int take_all(struct report_fetch *fetch, struct redis *redis, struct err *err)
{
    struct redis_replies replies;
    int status = ask(redis, "SMEMBERS", "ns:sensors", &replies, err);
    if (status != EXIT_DONE)
        return status;
    const struct redis_reply *set = &replies.items[0];
    if (set->kind != REDIS_LIST) {
        (void)err_set(err, "ns:sensors", 0, 0, "is no set, and so no list of sensors");
        status = EXIT_FAILED;
    } else if (set->len == 0) {
        (void)err_set(err, "ns:sensors", 0, 0,
                      "no sensor has published here: is this the right server and database?");
        status = EXIT_FAILED;
    }
    for (size_t i = 0; status == EXIT_DONE && i < set->len; i++) {
        const struct redis_reply *name = &set->items[i];
        if (name->kind == REDIS_TEXT &&
            redis_setup_check_sensor(name->text, name->len, NULL) == 0)
            status = add_sensor(fetch, name->text, name->len, err);
    }
    redis_replies_free(&replies);
    if (status == EXIT_DONE && fetch->n == 0) {
        (void)err_set(err, "ns:sensors", 0, 0, "none of its members is the name of a sensor");
        status = EXIT_FAILED;
    }
    return status;
}

static int fetch_one(struct sensor_report *sensor, struct redis *redis, struct err *err)
{
    char key[96];
    (void)snprintf(key, sizeof key, "ns:{%s}:report", sensor->name);
    int status = ask(redis, "GET", key, &sensor->replies, err);
    if (status != EXIT_DONE)
        return status;
    const struct redis_reply *reply = &sensor->replies.items[0];
    if (reply->kind == REDIS_NIL) {
        (void)err_set(err, key, 0, 0,
                      "no such sensor; `SMEMBERS ns:sensors` lists those there are");
        return EXIT_FAILED;
    }
    if (reply->kind != REDIS_TEXT) {
        (void)err_set(err, key, 0, 0, "is no string, and so no report");
        return EXIT_FAILED;
    }
    sensor->text = reply->text;
    sensor->len = reply->len;
    sensor->read = sink_read(sensor->text, sensor->len, key, err);
    return sensor->read ? EXIT_DONE : EXIT_FAILED;
}

/* The files of all sensors, with the sensor in front of each name. */
static int join_files(struct report_fetch *fetch, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < fetch->n; i++)
        n += sink_read_files(fetch->sensors[i].read)->n;
    fetch->status = calloc(n + 1, sizeof *fetch->status);
    fetch->list = calloc(n + 1, sizeof *fetch->list);
    fetch->names = calloc(n + 1, sizeof *fetch->names);
    if (!fetch->status || !fetch->list || !fetch->names)
        return no_memory(err);
    for (size_t i = 0; i < fetch->n; i++) {
        const struct sink_files *files = sink_read_files(fetch->sensors[i].read);
        for (size_t j = 0; j < files->n; j++) {
            char **name = &fetch->names[fetch->files_n];
            if (asprintf(name, "%s:%s", fetch->sensors[i].name, files->files[j]->name) < 0) {
                *name = NULL;
                return no_memory(err);
            }
            fetch->status[fetch->files_n] = *files->files[j];
            fetch->status[fetch->files_n].name = *name;
            fetch->list[fetch->files_n] = &fetch->status[fetch->files_n];
            fetch->files_n++;
        }
    }
    fetch->files = (struct sink_files){fetch->list, fetch->files_n};
    return EXIT_DONE;
}

static int merge_all(struct report_fetch *fetch, struct redis *redis, struct err *err)
{
    struct merged_sources sources;
    int status = merge_sources_init(&sources, fetch, redis, err);
    if (status == EXIT_DONE)
        status = join_files(fetch, err);
    for (size_t i = 1; status == EXIT_DONE && i < fetch->n; i++)
        if (sink_merge(fetch->report, sink_read_report(fetch->sensors[i].read)) != 0)
            status = no_memory(err);
    if (status == EXIT_DONE)
        merge_sources_apply(&sources, fetch->report);
    return status;
}

int report_fetch_init(struct report_fetch *fetch, struct redis *redis, const char *names,
                      struct err *err)
{
    *fetch = (struct report_fetch){0};
    int status = names ? take_given(fetch, names, err) : take_all(fetch, redis, err);
    if (status != EXIT_DONE)
        return status;
    qsort(fetch->sensors, fetch->n, sizeof *fetch->sensors, compare_names);
    for (size_t i = 0; status == EXIT_DONE && i < fetch->n; i++)
        status = fetch_one(&fetch->sensors[i], redis, err);
    if (status != EXIT_DONE)
        return status;
    fetch->report = sink_read_report(fetch->sensors[0].read);
    if (fetch->n > 1)
        return merge_all(fetch, redis, err);
    fetch->files = *sink_read_files(fetch->sensors[0].read);
    return EXIT_DONE;
}

void report_fetch_fini(struct report_fetch *fetch)
{
    for (size_t i = 0; i < fetch->n; i++) {
        sink_read_free(fetch->sensors[i].read);
        redis_replies_free(&fetch->sensors[i].replies);
    }
    for (size_t i = 0; i < fetch->files_n; i++)
        free(fetch->names[i]);
    free(fetch->names);
    free(fetch->list);
    free(fetch->status);
    free(fetch->sensors);
}
