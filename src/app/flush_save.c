/* The spool: what a running sensor has closed, in files, for Redis to have after a restart.
 *
 * SPOOL.profiles is written first. When all ends before SPOOL is, it is ahead of the series by
 * what was closed last, and model_take_steps() makes the series whole. */
#include "app/flush_model.h"

#include "app/gathering_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_CAP = 4096, LABEL_MAX = 256 };

static void put_text(struct bytes_out *out, const char *text)
{
    bytes_put_u64(out, strlen(text));
    bytes_put(out, text, strlen(text));
}

/* To be freed; NULL: not a text, or no memory. */
static char *take_text(struct bytes_in *in, size_t most)
{
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    const uint8_t *bytes = n <= most ? bytes_take(in, n) : NULL;
    if (!bytes || memchr(bytes, 0, n)) {
        in->failed = true;
        return NULL;
    }
    return strndup((const char *)bytes, n);
}

/* -1 is kept, too. */
static void put_acked(struct bytes_out *out, int64_t start_s)
{
    bytes_put_u64(out, (uint64_t)(start_s + 1));
}

static void save_series(const struct flush_model *model, const char *sensor,
                        struct bytes_out *out)
{
    put_text(out, sensor);
    bytes_put_u64(out, (uint64_t)model->closed_until_s);
    put_acked(out, model->acked_minute_s);
    put_acked(out, model->acked_hour_s);
    bytes_put_u64(out, model->minutes_n);
    for (size_t i = 0; i < model->minutes_n; i++) {
        const struct report_minute *row = &model->minutes[i];
        bytes_put_u64(out, (uint64_t)row->start_s);
        bytes_put_u64(out, row->seconds);
        bytes_put_u64(out, row->dports);
        spool_put_counts(out, row->counts);
    }
    gathering_save_hours(model->gathering, out);
}

static void save_profiles(const struct flush_model *model, const char *sensor,
                          struct bytes_out *out)
{
    put_text(out, sensor);
    bytes_put_u64(out, model->names ? model->names->labels_n : 0);
    for (size_t i = 0; model->names && i < model->names->labels_n; i++)
        put_text(out, model->names->labels[i]);
    gathering_save_profiles(model->gathering, out);
}

static bool profiles_path(const char *path, char ret_path[static PATH_CAP])
{
    int n = snprintf(ret_path, PATH_CAP, "%s.profiles", path);
    return n > 0 && n < PATH_CAP;
}

int model_save(struct flush_model *model, const char *sensor, const char *path,
               uint64_t *ret_bytes, struct err *err)
{
    char beside[PATH_CAP];
    if (!profiles_path(path, beside))
        return err_set(err, path, 0, 0, "the path is too long");
    uint64_t version = gathering_version(model->gathering);
    if (model->saved_version != version) {
        struct bytes_out out = {.most = SPOOL_BYTES_MAX};
        save_profiles(model, sensor, &out);
        int status = spool_write(beside, &out, err);
        free(out.bytes);
        if (status != 0)
            return status;
        model->saved_version = version;
        model->saved_bytes = out.n;
    }
    struct bytes_out out = {.most = SPOOL_BYTES_MAX};
    save_series(model, sensor, &out);
    int status = spool_write(path, &out, err);
    free(out.bytes);
    if (status == 0)
        *ret_bytes = out.n + model->saved_bytes;
    return status;
}

static bool take_sensor(struct bytes_in *in, const char *sensor, const char *path,
                        struct err *err)
{
    char *name = take_text(in, SENSOR_MAX);
    bool same = name && strcmp(name, sensor) == 0;
    if (name && !same)
        (void)err_set(err, path, 0, 0, "is of sensor \"%s\", not of \"%s\"", name, sensor);
    else if (!name)
        (void)err_set(err, path, 0, 0, "does not say of which sensor it is");
    free(name);
    return same;
}

static bool load_series(struct flush_model *model, struct bytes_in *in)
{
    model->closed_until_s = spool_take_start(in, 1, -1);
    model->acked_minute_s = spool_take_start(in, 1, -1) - 1;
    model->acked_hour_s = spool_take_start(in, 1, -1) - 1;
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    if (in->failed || n > MODEL_MINUTES_MAX + MODEL_MINUTES_DROPPED)
        return false;
    model->minutes = calloc(n + 1, sizeof *model->minutes);
    if (!model->minutes)
        return false;
    model->minutes_cap = n + 1;
    for (int64_t last_s = -1; model->minutes_n < n && !in->failed; model->minutes_n++) {
        struct report_minute *row = &model->minutes[model->minutes_n];
        last_s = row->start_s = spool_take_start(in, 60, last_s);
        row->seconds = (uint32_t)bytes_take_u64(in, UINT64_MAX);
        row->dports = bytes_take_u64(in, UINT64_MAX);
        spool_take_counts(in, row->counts);
    }
    return gathering_load_hours(model->gathering, in) && !in->failed && in->at == in->end;
}

static bool load_profiles(struct flush_model *model, struct bytes_in *in)
{
    struct model_names *names = calloc(1, sizeof *names);
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    if (!names || in->failed || n > MODEL_LABELS_MAX) {
        free(names);
        return false;
    }
    model_names_free(model->names);
    model->names = model->labelled_names = names;
    names->signatures = calloc(1, sizeof *names->signatures);
    names->labels = calloc(n + 1, sizeof *names->labels);
    if (!names->signatures || !names->labels)
        return false;
    while (names->labels_n < n) {
        char *label = take_text(in, LABEL_MAX);
        if (!label)
            return false;
        names->labels[names->labels_n++] = label;
    }
    bool *used = calloc(n + 1, sizeof *used);
    bool loaded = used && gathering_load_profiles(model->gathering, in) && !in->failed &&
                  in->at == in->end && gathering_note_labels(model->gathering, used, n);
    free(used);
    return loaded;
}

bool model_load_bytes(struct flush_model *model, const char *sensor, const char *path,
                      bool profiles, const uint8_t *bytes, size_t n, struct err *err)
{
    struct bytes_in in = {bytes, bytes + n, false};
    if (!take_sensor(&in, sensor, path, err))
        return false;
    if (profiles ? load_profiles(model, &in) : load_series(model, &in))
        return true;
    (void)err_set(err, path, 0, 0, "damaged, or out of memory");
    return false;
}

int model_load(struct flush_model *model, const char *sensor, const char *path, struct err *err)
{
    char beside[PATH_CAP];
    if (!profiles_path(path, beside))
        return err_set(err, path, 0, 0, "the path is too long");
    for (unsigned part = 0; part < 2; part++) {
        const char *file = part ? beside : path;
        uint8_t *bytes;
        size_t n;
        int status = spool_read(file, &bytes, &n, err);
        if (status < 0)
            return status;
        if (status > 0)
            continue;
        bool loaded = model_load_bytes(model, sensor, file, part, bytes, n, err);
        free(bytes);
        if (!loaded)
            return -1;
    }
    model_roll(model); /* the series knows of silence, the profiles do not */
    return 0;
}
