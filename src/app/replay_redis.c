#include "app/replay_redis.h"

#include "app/flush_values.h"
#include "app/message.h"
#include "state/evidence.h"
#include "state/feed.h"
#include "state/labelled.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS ((int64_t)1000000000)

enum { EVERY_S = 2, MINUTE_S = 60 };

static void tell(void *context, enum flusher_state state, const char *text)
{
    const struct setup *setup = context;
    if (state != FLUSHER_UP && !setup->options.value[OPTION_quiet].given)
        message_warning("redis: %s%s%s", flusher_state_name(state), *text ? ": " : "", text);
}

int replay_redis_start(struct replay_redis *redis, const struct setup *setup,
                       const struct redis_setup *redis_setup, const struct replay_state *state,
                       struct err *err)
{
    *redis = (struct replay_redis){.setup = setup, .state = state};
    int n = snprintf(redis->spool, sizeof redis->spool, "%s/spool", state->dir.path);
    if (n < 0 || (size_t)n >= sizeof redis->spool)
        return err_set(err, state->dir.path, 0, 0, "the path is too long");
    struct flusher_config config = {
        .redis = redis_setup->config,
        .sensor = replay_state_sensor(setup),
        .spool = redis->spool,
        .dark_size = setup->dark ? prefix_set_size4(setup->dark) : 0,
        .withheld = setup_withheld(setup),
        .tell = tell,
        .context = (void *)(uintptr_t)setup, /* only read */
    };
    redis->flusher = flusher_new(&config, err);
    if (!redis->flusher)
        return -1;
    if (flush_signatures(redis->flusher, setup) == 0)
        return 0;
    return err_set(err, NULL, 0, 0, "out of memory");
}

/* The minute in which the sensor's first frame lies began with that frame. */
static uint32_t seconds_of(const struct replay_redis *redis, int64_t start_s, int64_t first_ns)
{
    if (redis->state->before.has_time)
        first_ns = redis->state->before.first_ns;
    int64_t begin_ns = first_ns - start_s * SECOND_NS;
    if (begin_ns <= 0 || begin_ns >= MINUTE_S * SECOND_NS)
        return MINUTE_S;
    return (uint32_t)((MINUTE_S * SECOND_NS - begin_ns + SECOND_NS - 1) / SECOND_NS);
}

static void hand_over(struct replay_redis *redis, struct collector *collector, int64_t first_ns)
{
    struct collector_closed closed;
    collector_take(collector, &closed);
    struct flusher_minute *minutes = malloc((closed.minutes_n + 1) * sizeof *minutes);
    struct flusher_values values = {.minutes = minutes,
                                    .minutes_n = minutes ? closed.minutes_n : 0,
                                    .steps = closed.steps,
                                    .closed_until_s = closed.closed_until_s};
    for (size_t i = 0; i < values.minutes_n; i++)
        minutes[i] = (struct flusher_minute){
            closed.minutes[i].window,
            seconds_of(redis, closed.minutes[i].window->start_s, first_ns)};
    if (values.minutes_n || values.steps)
        flusher_add(redis->flusher, &values);
    for (size_t i = 0; i < closed.minutes_n; i++)
        window_free(closed.minutes[i].window);
    free(closed.minutes);
    free(minutes);
}

void replay_redis_tick(struct replay_redis *redis, struct collector *collector,
                       int64_t first_ns, bool last)
{
    struct timespec now;
    if (!redis->flusher)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always exists */
    int64_t now_ns = now.tv_sec * SECOND_NS + now.tv_nsec;
    if (!last && now_ns < redis->next_ns)
        return;
    redis->next_ns = now_ns + EVERY_S * SECOND_NS;
    hand_over(redis, collector, first_ns);
}

/* The sample, each packet with its place; of the last second the next run may know more. */
static struct feed_packet *feed_of(const struct replay_redis *redis, struct analysis *analysis,
                                   int64_t until_ns, size_t *ret_n)
{
    size_t n;
    const struct feed_packet *packets = analysis_feed(analysis, &n);
    struct feed_packet *feed = malloc((n + 1) * sizeof *feed);
    *ret_n = 0;
    for (size_t i = 0; feed && i < n && packets[i].ts_ns < until_ns; i++) {
        struct feed_packet *packet = &feed[(*ret_n)++];
        *packet = packets[i];
        flush_place(packet, redis->setup);
    }
    return feed;
}

int replay_redis_end(struct replay_redis *redis, struct analysis *analysis,
                     struct report *report, const struct sink_files *files, struct err *err)
{
    int64_t until_ns = report->has_time ? report->last_ns / SECOND_NS * SECOND_NS : 0;
    struct flusher_values values = {.closed_until_s = redis->state->closes_until_s};
    struct feed_packet *feed = feed_of(redis, analysis, until_ns, &values.feed_n);
    values.feed = feed;
    bool added = flush_report(&values, redis->setup, analysis, report, files);
    flusher_add(redis->flusher, &values);
    free(feed);
    uint64_t wait_s = redis->setup->options.value[OPTION_redis_timeout].number;
    struct flusher *flusher = redis->flusher;
    redis->flusher = NULL;
    enum flusher_left left = flusher_end(flusher, (unsigned)wait_s * 1000, err);
    if (!added)
        return err_set(err, NULL, 0, 0, "out of memory: Redis has not everything");
    if (left == FLUSHER_LEFT_NOTHING)
        return 0;
    if (left == FLUSHER_LEFT_UNSENT)
        return -1;
    struct err why = *err;
    return err_set(err, why.origin, 0, 0,
                   "%s; what was closed is kept in %s, and the next run sends it", why.text,
                   redis->state->dir.path);
}

void replay_redis_fini(struct replay_redis *redis)
{
    struct err ignored;
    if (redis->flusher)
        (void)flusher_end(redis->flusher, 0, &ignored); /* something else has failed */
}
