/* What a collector keeps over a restart.
 *
 *   closed until | minutes refused | their seconds | n rows | rows | n captured | { minute,
 * milliseconds } */
#include "app/collector_state.h"

#include "app/gathering_save.h"
#include "app/sensor_state.h"

enum { MINUTE_S = 60 };

void collector_save(struct collector *collector, struct bytes_out *out)
{
    (void)pthread_mutex_lock(&collector->lock);
    bytes_put_u64(out, (uint64_t)collector->all_past_s);
    bytes_put_u64(out, collector->refused.minutes);
    bytes_put_u64(out, collector->refused.seconds);
    sensor_state_put_rows(out, collector->rows, collector->rows_n);
    uint64_t n = 0;
    for (unsigned i = 0; i < CAPTURED_MINUTES; i++)
        n += collector->captured[i].start_s >= collector->all_past_s &&
             collector->captured[i].ms;
    bytes_put_u64(out, n);
    for (unsigned i = 0; i < CAPTURED_MINUTES; i++)
        if (collector->captured[i].start_s >= collector->all_past_s &&
            collector->captured[i].ms) {
            bytes_put_u64(out, (uint64_t)collector->captured[i].start_s);
            bytes_put_u64(out, collector->captured[i].ms);
        }
    (void)pthread_mutex_unlock(&collector->lock);
}

int collector_load(struct collector *collector, struct bytes_in *in, bool has_seconds)
{
    (void)pthread_mutex_lock(&collector->lock);
    collector->all_past_s = spool_take_start(in, 1, -1);
    for (unsigned i = 0; i < collector->workers; i++)
        collector->closed_until_s[i] = collector->all_past_s;
    collector->refused.minutes = bytes_take_u64(in, UINT64_MAX);
    collector->refused.seconds = has_seconds ? bytes_take_u64(in, UINT64_MAX) : 0;
    collector->rows = sensor_state_take_rows(in, &collector->rows_n);
    collector->rows_cap = collector->rows_n + 1;
    bool loaded = collector->rows;
    uint64_t n = bytes_take_u64(in, CAPTURED_MINUTES);
    for (uint64_t i = 0; i < n && !in->failed; i++) {
        int64_t start_s = spool_take_start(in, MINUTE_S, -1);
        collector->captured[(uint64_t)start_s / MINUTE_S % CAPTURED_MINUTES] =
            (struct captured){start_s, (uint32_t)bytes_take_u64(in, UINT32_MAX)};
    }
    (void)pthread_mutex_unlock(&collector->lock);
    return loaded && !in->failed ? 0 : -1;
}

struct window *collector_take_pending(struct collector *collector)
{
    (void)pthread_mutex_lock(&collector->lock);
    struct window *pending = collector->pending;
    collector->pending = NULL;
    (void)pthread_mutex_unlock(&collector->lock);
    return pending;
}

uint32_t collector_seconds(struct collector *collector, int64_t start_s)
{
    (void)pthread_mutex_lock(&collector->lock);
    size_t i = collector->rows_n;
    while (i > 0 && collector->rows[i - 1].start_s > start_s)
        i--;
    bool found = i > 0 && collector->rows[i - 1].start_s == start_s;
    uint32_t seconds = found ? collector->rows[i - 1].seconds : 0;
    (void)pthread_mutex_unlock(&collector->lock);
    return seconds;
}

int64_t collector_closed_until(struct collector *collector)
{
    (void)pthread_mutex_lock(&collector->lock);
    int64_t closed_until_s = collector->all_past_s;
    (void)pthread_mutex_unlock(&collector->lock);
    return closed_until_s;
}
