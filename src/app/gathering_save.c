#include "app/gathering_save.h"

#include "app/gathering_state.h"
#include "state/hll.h"

#include <stdlib.h>
#include <string.h>

static const int64_t LAST_S = (int64_t)1 << 33; /* of packet time, and more */

enum {
    RANK_MAX = 64 - HLL_LARGE_BITS + 1,
    OPEN_MAX = 64,
    STEPS_MAX = 2 * DAY_S / PROFILE_STEP_S
};

void spool_put_counts(struct bytes_out *out, const uint64_t counts[static COUNT_COUNT_])
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        bytes_put_u64(out, counts[i]);
}

void spool_take_counts(struct bytes_in *in, uint64_t ret_counts[static COUNT_COUNT_])
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        ret_counts[i] = bytes_take_u64(in, UINT64_MAX);
}

int64_t spool_take_start(struct bytes_in *in, int64_t span_s, int64_t after_s)
{
    uint64_t start = bytes_take_u64(in, UINT64_MAX);
    in->failed |=
        start > (uint64_t)LAST_S || (int64_t)start % span_s != 0 || (int64_t)start <= after_s;
    return in->failed ? 0 : (int64_t)start;
}

static void put_hour(struct bytes_out *out, const struct publication_hour *hour)
{
    bytes_put_u64(out, (uint64_t)hour->start_s);
    bytes_put_u64(out, hour->seconds);
    bytes_put_u64(out, hour->dports);
    spool_put_counts(out, hour->counts);
}

static void take_hour(struct bytes_in *in, int64_t after_s, struct publication_hour *ret_hour)
{
    ret_hour->start_s = spool_take_start(in, HOUR_S, after_s);
    ret_hour->seconds = (uint32_t)bytes_take_u64(in, UINT64_MAX);
    ret_hour->dports = bytes_take_u64(in, UINT64_MAX);
    spool_take_counts(in, ret_hour->counts);
}

void gathering_save_hours(const struct gathering *gathering, struct bytes_out *out)
{
    bytes_put_u64(out, gathering->hours_n);
    for (size_t i = 0; i < gathering->hours_n; i++)
        put_hour(out, &gathering->hours[i]);
    uint64_t open_n = 0;
    for (const struct open_hour *hour = gathering->open; hour; hour = hour->next)
        open_n++;
    bytes_put_u64(out, open_n);
    for (const struct open_hour *hour = gathering->open; hour; hour = hour->next) {
        put_hour(out, &hour->row);
        bytes_put_u64(out, hour->sources_most);
        bytes_put_u64(out, hour->iot_sources_most);
        spool_put_counts(out, hour->ports->counts);
        bytes_put(out, &hour->ports->dports, sizeof hour->ports->dports);
        bytes_put(out, hour->sources, sizeof hour->sources);
        bytes_put(out, hour->iot, sizeof hour->iot);
    }
}

static void take_open(struct gathering *gathering, struct bytes_in *in, int64_t after_s)
{
    struct publication_hour row = {0};
    take_hour(in, after_s, &row);
    struct open_hour *hour = in->failed ? NULL : gathering_hour(gathering, row.start_s);
    if (!hour) {
        in->failed = true;
        return;
    }
    hour->row = row;
    hour->sources_most = bytes_take_u64(in, UINT64_MAX);
    hour->iot_sources_most = bytes_take_u64(in, UINT64_MAX);
    spool_take_counts(in, hour->ports->counts);
    const uint8_t *ports = bytes_take(in, sizeof hour->ports->dports);
    const uint8_t *sources = bytes_take(in, sizeof hour->sources);
    const uint8_t *iot = bytes_take(in, sizeof hour->iot);
    if (!ports || !sources || !iot)
        return;
    memcpy(&hour->ports->dports, ports, sizeof hour->ports->dports);
    memcpy(hour->sources, sources, sizeof hour->sources);
    memcpy(hour->iot, iot, sizeof hour->iot);
    for (size_t i = 0; i < sizeof hour->sources; i++) /* what a register can be */
        in->failed |= hour->sources[i] > RANK_MAX || hour->iot[i] > RANK_MAX;
}

bool gathering_load_hours(struct gathering *gathering, struct bytes_in *in)
{
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    int64_t last_s = -1;
    if (in->failed || n > GATHERED_HOURS_MAX + HOURS_DROPPED)
        return false;
    gathering->hours = calloc(n + 1, sizeof *gathering->hours);
    if (!gathering->hours)
        return false;
    gathering->hours_cap = n + 1;
    for (; gathering->hours_n < n && !in->failed; gathering->hours_n++) {
        take_hour(in, last_s, &gathering->hours[gathering->hours_n]);
        last_s = gathering->hours[gathering->hours_n].start_s;
    }
    uint64_t open_n = bytes_take_u64(in, UINT64_MAX);
    if (open_n > OPEN_MAX)
        return false;
    for (uint64_t i = 0; i < open_n && !in->failed; i++)
        take_open(gathering, in, last_s);
    return !in->failed;
}

static void put_profile(struct bytes_out *out, const struct profile *profile)
{
    size_t n = 0;
    uint8_t *bytes = profile_save(profile, &n);
    out->failed |= !bytes;
    bytes_put_u64(out, n);
    if (bytes)
        bytes_put(out, bytes, n);
    free(bytes);
}

/* One of this span, at a time of that span, after the one before. */
static struct profile *take_profile(struct bytes_in *in, uint32_t span_s, int64_t after_s)
{
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    const uint8_t *bytes = bytes_take(in, n);
    struct profile *profile = bytes ? profile_load(bytes, n) : NULL;
    if (profile && profile->span_s == span_s && profile->start_s % span_s == 0 &&
        profile->start_s > after_s && profile->start_s < LAST_S)
        return profile;
    profile_free(profile);
    in->failed = true;
    return NULL;
}

void gathering_save_profiles(const struct gathering *gathering, struct bytes_out *out)
{
    uint64_t n = 0;
    for (const struct profile *step = gathering->steps; step; step = step->next)
        n++;
    bytes_put_u64(out, n);
    for (const struct profile *step = gathering->steps; step; step = step->next)
        put_profile(out, step);
    bytes_put_u64(out, gathering->days_n);
    for (size_t i = 0; i < gathering->days_n; i++)
        put_profile(out, gathering->days[i].profile);
    bytes_put_u64(out, gathering->today != NULL);
    if (gathering->today)
        put_profile(out, gathering->today);
}

bool gathering_load_profiles(struct gathering *gathering, struct bytes_in *in)
{
    uint64_t n = bytes_take_u64(in, UINT64_MAX);
    int64_t last_s = -1;
    for (uint64_t i = 0; i < n && i < STEPS_MAX && !in->failed; i++) {
        struct profile *step = take_profile(in, PROFILE_STEP_S, last_s);
        if (!step)
            return false;
        last_s = step->start_s;
        if (gathering->steps)
            gathering->step_end->next = step;
        else
            gathering->steps = step;
        gathering->step_end = step;
        gathering->end_s = step->start_s + PROFILE_STEP_S;
    }
    uint64_t days_n = bytes_take_u64(in, UINT64_MAX);
    if (in->failed || n > STEPS_MAX || days_n > GATHERED_DAYS_MAX)
        return false;
    for (last_s = -1; gathering->days_n < days_n;) {
        struct profile *day = take_profile(in, DAY_S, last_s);
        if (!day)
            return false;
        last_s = day->start_s;
        gathering->days[gathering->days_n++] = (struct publication_day){last_s, day};
    }
    if (bytes_take_u64(in, UINT64_MAX))
        gathering->today = take_profile(in, DAY_S, last_s);
    gathering->version++;
    return !in->failed;
}
