#include "app/replay_state.h"

#include "app/commands.h"

#include <nightscope/checkpoint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *replay_state_sensor(const struct setup *setup)
{
    const char *name = setup_text(setup, OPTION_sensor);
    return name ? name : "replay";
}

/* What precedes the parts of the workers. -1 with *err. */
static int take_head(struct replay_state *state, const struct setup *setup, struct err *err)
{
    struct bytes_in *in = &state->content.in;
    sensor_state_take(in, &state->before);
    if (!in->failed && sensor_state_check(&state->before, state->dir.path,
                                          replay_state_sensor(setup), setup->dark, err) != 0)
        return -1;
    state->closed_until_s = (int64_t)bytes_take_u64(in, INT64_MAX);
    state->rows_refused = bytes_take_u64(in, UINT64_MAX);
    state->rows = sensor_state_take_rows(in, &state->rows_n);
    if (!in->failed && state->rows)
        return 0;
    return err_set(err, state->dir.path, 0, 0,
                   "its checkpoint cannot be read: damaged, or out of memory");
}

int replay_state_open(struct replay_state *state, const struct setup *setup, struct err *err)
{
    const char *path = setup_text(setup, OPTION_state);
    *state = (struct replay_state){.dir = {.fd = -1, .lock_fd = -1}, .file = {.fd = -1}};
    if (!path)
        return EXIT_DONE;
    int status = state_dir_open(&state->dir, path, err);
    if (status != EXIT_DONE)
        return status;
    state->kept = true;
    int found = checkpoint_file_read(&state->dir, &state->content, err);
    if (found < 0 || (found == 0 && take_head(state, setup, err) != 0))
        return EXIT_BAD_CONFIG;
    return EXIT_DONE;
}

void replay_state_fini(struct replay_state *state)
{
    if (!state->kept)
        return;
    checkpoint_file_abandon(&state->file);
    checkpoint_content_fini(&state->content);
    free(state->rows);
    state->rows = NULL;
    state_dir_close(&state->dir);
}

/* The shares of workers, as readers deal them. */
static unsigned owner_of(void *context, const struct address *source)
{
    unsigned shard = source->is6 ? shard_of6(source->v6) : shard_of4(source->v4);
    return shard % *(const unsigned *)context;
}

static int load(void *context, struct analysis *const *analyses, unsigned n, struct err *err)
{
    struct replay_state *state = context;
    struct bytes_in *in = &state->content.in;
    if (!state->content.map)
        return 0;
    unsigned parts = (unsigned)bytes_take_u64(in, SHARD_COUNT);
    struct checkpoint_gone gone = {0};
    int status = in->failed ? err_set(err, "", 0, 0, "damaged: its workers") : 0;
    for (unsigned i = 0; status == 0 && i < parts; i++)
        status = analysis_load(analyses, n, owner_of, &n, in, &gone, err);
    if (status == 0 && bytes_left(in))
        status = err_set(err, "", 0, 0, "damaged: more than there should be");
    checkpoint_content_fini(&state->content);
    if (status == 0) {
        checkpoint_file_warn(&state->dir, &gone);
        return 0;
    }
    struct err why = *err;
    return err_set(err, state->dir.path, 0, 0, "its checkpoint cannot be taken up: %s",
                   why.text);
}

int replay_state_continue(struct replay_state *state, struct workers_config *config,
                          struct collector *collector, struct err *err)
{
    if (!state->kept)
        return 0;
    config->kept = true;
    config->packet_time_ns = state->before.packet_time_ns;
    config->load = load;
    config->context = state;
    if (collector_continue(collector, state->rows, state->rows_n,
                           &(struct report_refused){.minutes = state->rows_refused}))
        return 0;
    return err_set(err, NULL, 0, 0, "out of memory");
}

static struct sensor_state now(const struct replay_state *state, const struct setup *setup,
                               const struct workers *workers)
{
    struct workers_result run = workers_times(workers);
    replay_state_add(state, &run);
    struct sensor_state now = {
        .has_dark = setup->dark,
        .dark = setup->dark ? prefix_set_hash(setup->dark) : 0,
        .taken_s = (int64_t)time(NULL),
        .frames = run.frames,
        .has_time = run.has_time,
        .first_ns = run.has_time ? run.first_ns : 0,
        .last_ns = run.has_time ? run.last_ns : 0,
        .packet_time_ns = workers_packet_time(workers),
    };
    (void)snprintf(now.sensor, sizeof now.sensor, "%s", replay_state_sensor(setup));
    return now;
}

int replay_state_save(struct replay_state *state, const struct setup *setup,
                      const struct workers *workers, struct collector *collector,
                      struct err *err)
{
    if (!state->kept)
        return 0;
    if (checkpoint_file_begin(&state->file, &state->dir, err) != 0)
        return -1;
    struct bytes_out *out = &state->file.out;
    struct sensor_state head = now(state, setup, workers);
    int64_t closed_ns = head.packet_time_ns -
                        (int64_t)setup->options.value[OPTION_lateness].number * 1000000000;
    int64_t closed_s = closed_ns > 0 ? closed_ns / 60000000000 * 60 : 0;
    state->closes_until_s = closed_s > state->closed_until_s ? closed_s : state->closed_until_s;
    size_t n;
    struct report_refused refused;
    struct report_minute *rows = collector_copy_series(collector, SIZE_MAX, &n, &refused);
    out->failed |= n != collector_rows(collector);
    sensor_state_put(out, &head);
    bytes_put_u64(out, (uint64_t)state->closes_until_s);
    bytes_put_u64(out, refused.minutes);
    sensor_state_put_rows(out, rows, n);
    free(rows);
    if (workers_save(workers, out))
        return 0;
    checkpoint_file_abandon(&state->file);
    return err_set(err, state->dir.path, 0, 0,
                   "the checkpoint cannot be written: no room, or out of memory");
}

void replay_state_add(const struct replay_state *state, struct workers_result *result)
{
    const struct sensor_state *before = &state->before;
    result->frames += before->frames;
    if (!before->has_time)
        return;
    bool first = !result->has_time || before->first_ns < result->first_ns;
    bool last = !result->has_time || before->last_ns > result->last_ns;
    result->first_ns = first ? before->first_ns : result->first_ns;
    result->last_ns = last ? before->last_ns : result->last_ns;
    result->has_time = true;
}

int replay_state_commit(struct replay_state *state, struct err *err)
{
    return state->kept ? checkpoint_file_commit(&state->file, err) : 0;
}
