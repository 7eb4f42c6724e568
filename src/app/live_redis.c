#include "app/live_redis.h"

#include "app/flush_values.h"
#include "app/message.h"
#include "state/evidence.h"
#include "state/feed.h"
#include "state/labelled.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS ((int64_t)1000000000)

enum {
    EVERY_S = 10,
    SHARE = 50,         /* one in so many of the time may go into copies */
    ROWS = 1440,        /* of the series in a report of a run that goes on */
    END_WAIT_MS = 3000, /* what the end may wait for Redis */
    HOUR_S = 3600,
};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always exists */
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Takes the window. */
static void keep_window(struct live_redis *redis, struct window *window, uint32_t seconds)
{
    if (redis->minutes_n == redis->minutes_cap) {
        size_t cap = redis->minutes_cap ? 2 * redis->minutes_cap : 8;
        struct flusher_minute *minutes = realloc(redis->minutes, cap * sizeof *minutes);
        if (!minutes) {
            redis->refused++;
            window_free(window);
            return;
        }
        redis->minutes = minutes;
        redis->minutes_cap = cap;
    }
    window->next = NULL;
    redis->minutes[redis->minutes_n++] = (struct flusher_minute){window, seconds};
    redis->minutes_end_s = window->start_s + window->span_s;
}

static void keep_minute(void *context, const struct window *minute, uint32_t seconds)
{
    struct live_redis *redis = context;
    struct window *copy = malloc(sizeof *copy);
    if (!copy) {
        redis->refused++;
        return;
    }
    *copy = *minute;
    keep_window(redis, copy, seconds);
}

static void keep_steps(void *context, struct profile *steps)
{
    struct live_redis *redis = context;
    struct profile **end = &redis->steps;
    while (*end)
        end = &(*end)->next;
    *end = steps;
}

/* The oldest n. */
static void drop_minutes(struct live_redis *redis, size_t n)
{
    for (size_t i = 0; i < n; i++)
        window_free((struct window *)redis->minutes[i].window); /* ours: const for readers */
    redis->minutes_n -= n;
    if (n && redis->minutes_n)
        memmove(redis->minutes, redis->minutes + n, redis->minutes_n * sizeof *redis->minutes);
}

struct window *live_redis_take_minutes(struct live_redis *redis)
{
    struct window *list = NULL;
    for (size_t i = redis->minutes_n; i-- > 0;) {
        struct window *window = (struct window *)redis->minutes[i].window; /* ours */
        window->next = list;
        list = window;
    }
    redis->minutes_n = 0;
    return list;
}

struct profile *live_redis_take_steps(struct live_redis *redis)
{
    struct profile *steps = redis->steps;
    redis->steps = NULL;
    return steps;
}

void live_redis_keep_minutes(struct live_redis *redis, struct window *minutes,
                             struct collector *collector)
{
    while (minutes) {
        struct window *next = minutes->next;
        if (redis->flusher)
            keep_window(redis, minutes, collector_seconds(collector, minutes->start_s));
        else
            window_free(minutes);
        minutes = next;
    }
}

void live_redis_keep_steps(struct live_redis *redis, struct profile *steps)
{
    keep_steps(redis, steps); /* without Redis, there are none */
}

void live_redis_release(struct live_redis *redis, int64_t closed_until_s)
{
    if (closed_until_s > redis->released_s)
        redis->released_s = closed_until_s;
}

bool live_redis_settled(const struct live_redis *redis)
{
    struct flusher_status status;
    if (!redis->flusher || !redis->spool)
        return true;
    flusher_status(redis->flusher, &status);
    return status.spooled_s >= redis->handed_s || status.spool_text[0];
}

static void reloaded(void *context, const struct setup *setup)
{
    const struct live_redis *redis = context;
    if (flush_signatures(redis->flusher, setup) != 0)
        message_warning("out of memory: Redis may show labels under old names");
}

/* Of the sample, what is of seconds that are over and was not handed over before, with its
 * places. *values then borrows from *ret_feed. */
static void add_feed(struct live_redis *redis, struct analysis *analysis, int64_t until_ns,
                     struct flusher_values *values, struct feed_packet **ret_feed)
{
    const struct setup *setup = redis->control->setup;
    size_t n;
    const struct feed_packet *packets = analysis_feed(analysis, &n);
    struct feed_packet *feed = malloc((n + 1) * sizeof *feed);
    for (size_t i = 0; feed && i < n; i++) {
        if (packets[i].ts_ns < redis->fed_ns || packets[i].ts_ns >= until_ns)
            continue;
        struct feed_packet *packet = &feed[values->feed_n++];
        *packet = packets[i];
        flush_place(packet, setup);
    }
    values->feed = *ret_feed = feed;
    if (until_ns > redis->fed_ns)
        redis->fed_ns = until_ns;
}

/* How everything stands, copied from the workers. */
static bool copy_state(struct live_redis *redis, const struct live_status *status,
                       struct flusher_values *values, struct feed_packet **ret_feed)
{
    struct live_control *control = redis->control;
    const struct setup *setup = control->setup;
    int64_t took_ns;
    struct analysis *copy = live_workers_copy(control->workers, &took_ns);
    int64_t wait_ns =
        SHARE * took_ns > EVERY_S * SECOND_NS ? SHARE * took_ns : EVERY_S * SECOND_NS;
    redis->next_ns = monotonic_ns() + wait_ns;
    if (!copy)
        return false;
    struct report_totals totals;
    report_totals(copy, &totals);
    struct report_input input = {.top = setup->options.value[OPTION_top].number,
                                 .locator = setup->geo ? &setup->locator : NULL,
                                 .dark_known = setup->dark,
                                 .frames = totals.counts[COUNT_packets] +
                                           totals.counts[COUNT_not_counted],
                                 .has_time = status->has_time,
                                 .first_ns = status->first_ns,
                                 .last_ns = status->last_ns};
    input.minutes =
        collector_copy_series(control->collector, ROWS, &input.minutes_n, &input.refused);
    struct file_status interfaces[LIVE_INTERFACES_MAX] = {0};
    const struct file_status *list[LIVE_INTERFACES_MAX];
    for (unsigned i = 0; i < control->interfaces_n; i++) {
        interfaces[i].name = control->interfaces[i].name;
        (void)live_workers_handles(control->workers, i, &interfaces[i].frames);
        list[i] = &interfaces[i];
    }
    struct sink_files files = {list, control->interfaces_n};
    bool done = flush_report(values, setup, copy, report_new(copy, &input), &files);
    int64_t until_ns = (status->now_ns / SECOND_NS - status->lag_s - 1) * SECOND_NS;
    if (done)
        add_feed(redis, copy, until_ns, values, ret_feed);
    free(input.minutes);
    analysis_free(copy);
    return done;
}

/* The steps that are over by then, of all that wait. */
static struct profile *steps_until(struct live_redis *redis, int64_t closed_until_s)
{
    struct profile *over = NULL, **end = &over;
    for (struct profile **at = &redis->steps; *at;) {
        struct profile *step = *at;
        if (redis->spool && step->start_s + PROFILE_STEP_S > closed_until_s) {
            at = &step->next;
            continue;
        }
        *at = step->next;
        step->next = NULL;
        *end = step;
        end = &step->next;
    }
    return over;
}

static void hand_over(struct live_redis *redis, struct flusher_values *values,
                      struct feed_packet *feed)
{
    size_t n = 0;
    while (n < redis->minutes_n &&
           redis->minutes[n].window->start_s + redis->minutes[n].window->span_s <=
               redis->released_s)
        n++;
    if (values->closed_until_s > redis->released_s)
        values->closed_until_s = redis->released_s;
    values->minutes = redis->minutes;
    values->minutes_n = n;
    values->steps = steps_until(redis, values->closed_until_s);
    redis->handed_s = values->closed_until_s;
    flusher_add(redis->flusher, values);
    drop_minutes(redis, n);
    free(feed);
}

/* A full disk, for one, is told once, and when it is over. */
static void tell_spool(struct live_redis *redis)
{
    struct flusher_status status;
    flusher_status(redis->flusher, &status);
    bool failing = status.spool_text[0];
    if (failing && !redis->told_spool)
        message_warning(
            "the spool is not written, and what Redis has not taken is kept in memory "
            "alone: %s",
            status.spool_text);
    if (!failing && redis->told_spool)
        message_note("the spool is written again");
    redis->told_spool = failing;
}

static void tick(void *context, const struct live_status *status)
{
    struct live_redis *redis = context;
    if (!redis->flusher || redis->control->ended)
        return; /* live_redis_end() has better */
    tell_spool(redis);
    if (monotonic_ns() < redis->next_ns)
        return;
    struct flusher_values values = {.closed_until_s = redis->minutes_end_s};
    struct feed_packet *feed = NULL;
    if (status->closed_until_s > values.closed_until_s)
        values.closed_until_s = status->closed_until_s;
    if (!copy_state(redis, status, &values, &feed))
        redis->refused++;
    hand_over(redis, &values, feed);
}

static void tell(void *context, enum flusher_state state, const char *text)
{
    (void)context;
    if (state == FLUSHER_UP)
        message_note("redis: up");
    else
        message_warning("redis: %s%s%s", flusher_state_name(state), *text ? ": " : "", text);
}

int live_redis_start(struct live_redis *redis, const struct redis_setup *setup,
                     struct live_control *control, struct err *err)
{
    const union option_value *value = control->setup->options.value;
    const struct prefix_set *dark = control->setup->dark;
    struct flusher_config config = {
        .redis = setup->config,
        .sensor = value[OPTION_live_sensor].text ? value[OPTION_live_sensor].text : "live",
        .spool = redis->spool,
        .dark_size = dark ? prefix_set_size4(dark) : 0,
        .withheld = setup_withheld(control->setup),
        .tell = tell,
    };
    redis->control = control;
    redis->released_s = redis->spool ? 0 : INT64_MAX;
    redis->flusher = flusher_new(&config, err);
    if (!redis->flusher)
        return -1;
    live_control_observe(control, &(struct live_observer){.context = redis,
                                                          .minute = keep_minute,
                                                          .steps = keep_steps,
                                                          .tick = tick,
                                                          .reloaded = reloaded});
    if (flush_signatures(redis->flusher, control->setup) == 0)
        return 0;
    return err_set(err, NULL, 0, 0, "out of memory");
}

int live_redis_end(struct live_redis *redis, struct analysis *analysis, struct report *report,
                   const struct sink_files *files, struct err *err)
{
    /* Hours and steps that have begun are as whole as they will ever be, but where state is
     * kept. */
    struct flusher_values values = {.closed_until_s = redis->minutes_end_s};
    if (!redis->spool)
        values.closed_until_s = (redis->minutes_end_s + HOUR_S - 1) / HOUR_S * HOUR_S;
    else
        live_redis_release(redis, redis->minutes_end_s);
    struct feed_packet *feed = NULL;
    if (flush_report(&values, redis->control->setup, analysis, report, files))
        add_feed(redis, analysis, INT64_MAX, &values, &feed);
    hand_over(redis, &values, feed);
    struct flusher *flusher = redis->flusher;
    redis->flusher = NULL;
    struct err why = {0};
    enum flusher_left left = flusher_end(flusher, END_WAIT_MS, &why);
    if (left == FLUSHER_LEFT_SPOOLED)
        message_warning("redis: %s; what was closed is kept in %s, and the next run sends it",
                        why.text, redis->spool);
    if (left != FLUSHER_LEFT_UNSENT)
        return 0;
    *err = why;
    return -1;
}

void live_redis_fini(struct live_redis *redis)
{
    struct err ignored;
    if (redis->flusher)
        (void)flusher_end(redis->flusher, 0, &ignored); /* something else has failed */
    drop_minutes(redis, redis->minutes_n);
    free(redis->minutes);
    while (redis->steps) {
        struct profile *next = redis->steps->next;
        profile_free(redis->steps);
        redis->steps = next;
    }
}
