/* The thread, its inbox and its state; what is sent is made by flush_model.c. */
#include "app/flusher.h"

#include "app/flush_inbox.h"
#include "app/flush_model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    BACK_OFF_FIRST_MS = 200,
    BACK_OFF_MOST_MS = 30000,
    ATTEMPT_MS = 300000, /* one attempt takes no longer, so that the inbox stays short */
    INBOX_MAX = 1024,    /* calls of flusher_add() that wait for the thread */
    ROUNDS_MAX = 3,      /* of one attempt, when the server turns out to have lost keys */
};

struct flusher {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct flush_inbox inbox;
    bool ending;
    int64_t end_ms; /* monotonic: when ending, until when */
    struct flusher_status status;
    int64_t first_s; /* closed_until_s of the first values */

    /* The thread's own. */
    struct flusher_config config;
    char sensor[80], incarnation[INCARNATION_CAP], run_id[80];
    struct redis *redis;
    struct redis_batch *nothing;
    struct flush_model model;
    char *spool;
    int64_t started_s, deadline_ms, next_try_ms, back_off_ms;
    uint64_t resends;
    bool named, ended, overtaken;
};

const char *flusher_state_name(enum flusher_state state)
{
    static const char *const NAMES[FLUSHER_STATE_COUNT_] = {
        "starting", "up", "away", "busy", "denied", "confused", "overtaken"};
    return NAMES[state];
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* both clocks always exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void flusher_add(struct flusher *flusher, struct flusher_values *values)
{
    int64_t closed_until_s = values->closed_until_s;
    struct parcel *parcel = parcel_of_values(values);
    struct flusher_values stale = {0};
    (void)pthread_mutex_lock(&flusher->lock);
    bool room = parcel && flusher->inbox.n < INBOX_MAX;
    if (room) {
        flush_inbox_put(&flusher->inbox, parcel, &stale);
        (void)pthread_cond_signal(&flusher->wake);
    }
    flusher->status.refused += !room;
    if (!flusher->first_s)
        flusher->first_s = closed_until_s;
    if (closed_until_s > flusher->status.closed_s)
        flusher->status.closed_s = closed_until_s;
    (void)pthread_mutex_unlock(&flusher->lock);
    flusher_values_free(&stale);
    if (!room)
        parcel_free(parcel);
}

int flusher_signatures(struct flusher *flusher, const struct signature_set *signatures,
                       const char *const *labels, size_t labels_n)
{
    struct parcel *parcel = parcel_of_names(signatures, labels, labels_n);
    struct flusher_values none;
    if (!parcel)
        return -1;
    (void)pthread_mutex_lock(&flusher->lock);
    flush_inbox_put(&flusher->inbox, parcel, &none);
    (void)pthread_cond_signal(&flusher->wake);
    (void)pthread_mutex_unlock(&flusher->lock);
    return 0;
}

static enum flusher_state state_of(enum redis_status status)
{
    switch (status) {
    case REDIS_DONE:
        return FLUSHER_UP;
    case REDIS_LOST:
        return FLUSHER_AWAY;
    case REDIS_BUSY:
        return FLUSHER_BUSY;
    case REDIS_DENIED:
        return FLUSHER_DENIED;
    case REDIS_ABORTED:
        return FLUSHER_OVERTAKEN;
    case REDIS_WRONG:
        break;
    }
    return FLUSHER_CONFUSED;
}

static void set_state(struct flusher *flusher, enum flusher_state state, const struct err *err)
{
    char text[sizeof flusher->status.text] = "";
    if (state != FLUSHER_UP)
        err_format(err, text, sizeof text);
    (void)pthread_mutex_lock(&flusher->lock);
    bool changed = flusher->status.state != state;
    flusher->status.state = state;
    memcpy(flusher->status.text, text, sizeof text);
    if (changed)
        flusher->status.since_s = clock_ms(CLOCK_REALTIME) / 1000;
    (void)pthread_mutex_unlock(&flusher->lock);
    if (changed && flusher->config.tell)
        flusher->config.tell(flusher->config.context, state, text);
}

static bool go_on(void *context)
{
    struct flusher *flusher = context;
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    (void)pthread_mutex_lock(&flusher->lock);
    bool late = flusher->ending && now_ms > flusher->end_ms;
    (void)pthread_mutex_unlock(&flusher->lock);
    return !late && now_ms < flusher->deadline_ms;
}

/* Our name, at the first contact: whoever owns the sensor then started before us. */
static enum redis_status name_self(struct flusher *flusher, struct err *err)
{
    uint64_t random;
    if (flusher->named)
        return REDIS_DONE;
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        (void)err_set(err, NULL, 0, 0, "cannot read random numbers from the kernel");
        return REDIS_WRONG;
    }
    enum redis_status status =
        redis_incarnation(flusher->redis, flusher->sensor, clock_ms(CLOCK_REALTIME), random,
                          flusher->incarnation, err);
    flusher->named = status == REDIS_DONE;
    return status;
}

/* Connected, to the server whose keys we know; else everything is due. */
static enum redis_status reach(struct flusher *flusher, struct err *err)
{
    char key[sizeof flusher->sensor + 16];
    (void)snprintf(key, sizeof key, "ns:{%s}:owner", flusher->sensor);
    enum redis_status status =
        redis_run(flusher->redis, key, flusher->nothing, NULL, NULL, err);
    if (status != REDIS_DONE)
        return status;
    const char *run_id = redis_run_id(flusher->redis, key);
    if (strcmp(run_id, flusher->run_id) != 0) {
        flusher->resends += flusher->run_id[0] != '\0';
        (void)snprintf(flusher->run_id, sizeof flusher->run_id, "%s", run_id);
        flusher->model.all_due = true;
    }
    return REDIS_DONE;
}

static enum redis_status send_once(struct flusher *flusher, bool *ret_missing, struct err *err)
{
    struct flush_model *model = &flusher->model;
    struct model_flush flush;
    if (!model_flush_init(model, &flush)) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return REDIS_BUSY;
    }
    struct publication *publication = &flush.publication;
    publication->sensor = flusher->sensor;
    publication->incarnation = flusher->incarnation;
    publication->version = NIGHTSCOPE_VERSION;
    publication->started_s = flusher->started_s;
    publication->flushed_s = clock_ms(CLOCK_REALTIME) / 1000;
    publication->state = flusher->ended ? "ended" : "live";
    publication->dark_size = flusher->config.dark_size;
    publication->withheld = flusher->config.withheld;
    publication->resends = flusher->resends;
    publication->drops = model->drops;
    publication->go_on = go_on;
    publication->context = flusher;
    *ret_missing = false;
    bool all = flush.all;
    enum redis_status status = all ? flush_all(flusher->redis, publication, &model->memory, err)
                                   : flush_changes(flusher->redis, publication, &flush.changes,
                                                   &model->memory, ret_missing, err);
    /* Whether it was done is unknown: only everything is sure to be right then. The owner key
     * may also have been set back, which flush_all() finds out. */
    if (status != REDIS_DONE)
        model->all_due = true;
    if (status == REDIS_ABORTED && !all)
        status = REDIS_DONE, *ret_missing = true;
    else if (status == REDIS_DONE)
        model_acknowledge(model, &flush);
    model_flush_fini(&flush);
    if (*ret_missing) {
        flusher->resends++;
        model->all_due = true;
    }
    return status;
}

/* A server that began anew in the middle of it, or lacks keys, gets everything. */
static enum redis_status send_all(struct flusher *flusher, struct err *err)
{
    enum redis_status status = name_self(flusher, err);
    bool missing = true;
    for (unsigned round = 0; round < ROUNDS_MAX && missing && status == REDIS_DONE; round++) {
        status = reach(flusher, err);
        if (status == REDIS_DONE)
            status = send_once(flusher, &missing, err);
        if (status == REDIS_DONE && !missing) {
            status = reach(flusher, err);
            missing = flusher->model.all_due;
        }
    }
    if (status == REDIS_DONE && missing) {
        (void)err_set(err, NULL, 0, 0,
                      "keys vanish as they are written: is it short of memory?");
        return REDIS_BUSY;
    }
    return status;
}

static void attempt(struct flusher *flusher)
{
    struct err err = {0};
    int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
    flusher->deadline_ms = begin_ms + ATTEMPT_MS;
    enum redis_status status = send_all(flusher, &err);
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    flusher->overtaken = status == REDIS_ABORTED;
    if (status == REDIS_DONE) {
        flusher->back_off_ms = 0;
        flusher->next_try_ms = now_ms;
    } else {
        int64_t longer = flusher->back_off_ms ? 2 * flusher->back_off_ms : BACK_OFF_FIRST_MS;
        flusher->back_off_ms = longer < BACK_OFF_MOST_MS ? longer : BACK_OFF_MOST_MS;
        flusher->next_try_ms = now_ms + flusher->back_off_ms;
    }
    (void)pthread_mutex_lock(&flusher->lock);
    if (status == REDIS_DONE) {
        flusher->status.flushes++;
        flusher->status.flush_us = (uint64_t)(now_ms - begin_ms) * 1000;
        flusher->status.flushed_s = clock_ms(CLOCK_REALTIME) / 1000;
        flusher->status.acknowledged_s = flusher->model.closed_until_s;
    } else {
        flusher->status.failures++;
    }
    (void)pthread_mutex_unlock(&flusher->lock);
    set_state(flusher, state_of(status), &err);
}

static void update_status(struct flusher *flusher)
{
    struct flush_model *model = &flusher->model;
    uint64_t held = model_held(model), bytes = model_bytes(model);
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->status.held = held;
    flusher->status.held_bytes = bytes;
    flusher->status.drops = model->drops;
    flusher->status.resends = flusher->resends;
    (void)pthread_mutex_unlock(&flusher->lock);
}

/* Before anything is sent: what Redis has is in the file, too. */
static void spool(struct flusher *flusher)
{
    struct err err = {0};
    uint64_t bytes = 0;
    int status = model_save(&flusher->model, flusher->sensor, flusher->spool, &bytes, &err);
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->status.spool_text[0] = '\0';
    if (status == 0) {
        flusher->status.spool_bytes = bytes;
        flusher->status.spooled_s = flusher->model.closed_until_s;
    } else {
        flusher->status.spool_failures++;
        err_format(&err, flusher->status.spool_text, sizeof flusher->status.spool_text);
    }
    (void)pthread_mutex_unlock(&flusher->lock);
}

static bool is_due(const struct flusher *flusher)
{
    return flusher->model.report && !flusher->overtaken &&
           (flusher->model.any_due || flusher->model.all_due);
}

/* Waits for values, the next attempt or the end; under the lock. */
static void wait_for_work(struct flusher *flusher)
{
    while (!flusher->inbox.first && !(flusher->ending && !flusher->ended)) {
        if (flusher->ended && !is_due(flusher))
            return;
        int64_t until_ms = is_due(flusher) ? flusher->next_try_ms : INT64_MAX;
        if (flusher->ending && flusher->end_ms < until_ms)
            until_ms = flusher->end_ms;
        if (until_ms <= clock_ms(CLOCK_MONOTONIC))
            return;
        struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
        if (until_ms == INT64_MAX)
            (void)pthread_cond_wait(&flusher->wake, &flusher->lock);
        else
            (void)pthread_cond_timedwait(&flusher->wake, &flusher->lock, &until);
    }
}

/* Takes everything from the inbox; false at the end. */
static bool take_work(struct flusher *flusher)
{
    (void)pthread_mutex_lock(&flusher->lock);
    wait_for_work(flusher);
    flusher->status.held_bytes += flusher->inbox.bytes; /* until it is reckoned anew */
    struct parcel *parcel = flush_inbox_take(&flusher->inbox);
    bool ending = flusher->ending, news = parcel;
    int64_t end_ms = flusher->end_ms;
    (void)pthread_mutex_unlock(&flusher->lock);
    while (parcel) {
        struct parcel *next = parcel->next;
        parcel_open(parcel, &flusher->model);
        parcel_free(parcel);
        parcel = next;
    }
    if (news && flusher->spool)
        spool(flusher);
    if (ending && !flusher->ended) {
        flusher->ended = flusher->model.any_due = true; /* one more, which says so */
        flusher->next_try_ms = 0;
        return true;
    }
    return !ending || (is_due(flusher) && clock_ms(CLOCK_MONOTONIC) < end_ms);
}

static void *run(void *argument)
{
    struct flusher *flusher = argument;
    while (take_work(flusher)) {
        update_status(flusher);
        if (is_due(flusher) && clock_ms(CLOCK_MONOTONIC) >= flusher->next_try_ms)
            attempt(flusher);
        update_status(flusher);
    }
    return NULL;
}

static void flusher_free(struct flusher *flusher)
{
    flush_inbox_fini(&flusher->inbox);
    model_fini(&flusher->model);
    free(flusher->spool);
    redis_free(flusher->redis);
    redis_batch_free(flusher->nothing);
    explicit_bzero(&flusher->config.redis, sizeof flusher->config.redis);
    free(flusher);
}

/* What an earlier run has left, and whether it can be written at all. */
static int open_spool(struct flusher *flusher, struct err *err)
{
    flusher->spool = strdup(flusher->config.spool);
    if (!flusher->spool)
        return err_set(err, NULL, 0, 0, "out of memory");
    if (model_load(&flusher->model, flusher->sensor, flusher->spool, err) != 0 ||
        model_save(&flusher->model, flusher->sensor, flusher->spool,
                   &flusher->status.spool_bytes, err) != 0)
        return -1;
    flusher->status.spooled = true;
    flusher->status.closed_s = flusher->first_s = flusher->status.spooled_s =
        flusher->model.closed_until_s;
    flusher->status.held = model_held(&flusher->model);
    return 0;
}

struct flusher *flusher_new(const struct flusher_config *config, struct err *err)
{
    struct flusher *flusher = calloc(1, sizeof *flusher);
    if (!flusher || model_init(&flusher->model) != 0) {
        free(flusher);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    flusher->config = *config;
    flush_inbox_init(&flusher->inbox);
    (void)snprintf(flusher->sensor, sizeof flusher->sensor, "%s", config->sensor);
    flusher->config.sensor = flusher->sensor;
    flusher->redis = redis_new(&config->redis);
    flusher->nothing = redis_batch_new();
    flusher->started_s = flusher->status.since_s = clock_ms(CLOCK_REALTIME) / 1000;
    if (!flusher->redis || !flusher->nothing) {
        flusher_free(flusher);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    if (config->spool && *config->spool && open_spool(flusher, err) != 0) {
        flusher_free(flusher);
        return NULL;
    }
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes); /* these cannot fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&flusher->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&flusher->lock, NULL);
    int status = pthread_create(&flusher->thread, NULL, run, flusher);
    if (status == 0)
        return flusher;
    (void)err_set(err, NULL, 0, 0, "cannot start a thread: %s", strerror(status));
    (void)pthread_mutex_destroy(&flusher->lock);
    (void)pthread_cond_destroy(&flusher->wake);
    flusher_free(flusher);
    return NULL;
}

void flusher_status(struct flusher *flusher, struct flusher_status *ret_status)
{
    (void)pthread_mutex_lock(&flusher->lock);
    *ret_status = flusher->status;
    ret_status->held_bytes += flusher->inbox.bytes;
    int64_t first_s = flusher->first_s;
    (void)pthread_mutex_unlock(&flusher->lock);
    int64_t since_s = ret_status->acknowledged_s ? ret_status->acknowledged_s : first_s;
    ret_status->lag_s =
        ret_status->closed_s > since_s ? (uint64_t)(ret_status->closed_s - since_s) : 0;
}

static enum flusher_left what_is_left(const struct flusher *flusher)
{
    const struct flusher_status *status = &flusher->status;
    if (!flusher->model.any_due && !flusher->model.all_due)
        return FLUSHER_LEFT_NOTHING;
    bool spooled = flusher->spool && !status->spool_text[0] &&
                   status->spooled_s == flusher->model.closed_until_s;
    return spooled && !flusher->overtaken ? FLUSHER_LEFT_SPOOLED : FLUSHER_LEFT_UNSENT;
}

enum flusher_left flusher_end(struct flusher *flusher, unsigned wait_ms, struct err *err)
{
    (void)pthread_mutex_lock(&flusher->lock);
    flusher->ending = true;
    flusher->end_ms = clock_ms(CLOCK_MONOTONIC) + wait_ms;
    (void)pthread_cond_signal(&flusher->wake);
    (void)pthread_mutex_unlock(&flusher->lock);
    (void)pthread_join(flusher->thread, NULL);
    enum flusher_left left = what_is_left(flusher);
    if (left != FLUSHER_LEFT_NOTHING)
        (void)err_set(err, "redis", 0, 0, "%s: %s", flusher_state_name(flusher->status.state),
                      flusher->status.text[0] ? flusher->status.text : "nothing was sent");
    (void)pthread_mutex_destroy(&flusher->lock);
    (void)pthread_cond_destroy(&flusher->wake);
    flusher_free(flusher);
    return left;
}
