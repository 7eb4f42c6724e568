/* The trailing hour and day, with sums of whole hours that are kept, so that one more step
 * costs a few merges instead of 288:
 *
 *        begin                                                 end       a step later
 *          | 7 steps |  hour  |  hour  |  ...  |  hour  | 5 steps |      begins and ends a step
 * on head      middle: 23 hours, kept             tail
 *
 * Merging is associative and commutative, past its limits too, so the sums change nothing. */
#include "app/gathering_state.h"

/* Adds the steps that begin from begin_s on, until end_s. */
static int add_steps(const struct gathering *gathering, struct profile *into, int64_t begin_s,
                     int64_t end_s)
{
    int status = 0;
    for (const struct profile *step = gathering->steps; step && status == 0; step = step->next)
        if (step->start_s >= begin_s && step->start_s < end_s)
            status = profile_merge(into, step);
    return status;
}

static struct profile *sum_steps(const struct gathering *gathering, int64_t begin_s,
                                 int64_t end_s)
{
    struct profile *sum = profile_new(begin_s, (uint32_t)(end_s - begin_s));
    if (sum && add_steps(gathering, sum, begin_s, end_s) == 0)
        return sum;
    profile_free(sum);
    return NULL;
}

static struct profile **place_of(struct hour_sums *sums, int64_t hour_s)
{
    return &sums->hours[hour_s / HOUR_S % HOUR_SUMS];
}

void hour_sums_forget(struct hour_sums *sums, int64_t from_s, int64_t to_s)
{
    for (unsigned i = 0; i < HOUR_SUMS; i++) {
        struct profile *hour = sums->hours[i];
        if (!hour || hour->start_s + HOUR_S <= from_s || hour->start_s >= to_s)
            continue;
        profile_free(hour);
        sums->hours[i] = NULL;
    }
    const struct profile *middle = sums->middle;
    if (!middle || middle->start_s + middle->span_s <= from_s || middle->start_s >= to_s)
        return;
    profile_free(sums->middle);
    sums->middle = NULL;
}

uint64_t hour_sums_bytes(const struct hour_sums *sums)
{
    uint64_t bytes = sums->middle ? profile_bytes(sums->middle) : 0;
    for (unsigned i = 0; i < HOUR_SUMS; i++)
        bytes += sums->hours[i] ? profile_bytes(sums->hours[i]) : 0;
    return bytes;
}

/* Of a whole hour; kept. NULL: memory. */
static const struct profile *sum_hour(struct gathering *gathering, int64_t hour_s)
{
    struct profile **place = place_of(&gathering->sums, hour_s);
    if (*place && (*place)->start_s == hour_s)
        return *place;
    profile_free(*place);
    return *place = sum_steps(gathering, hour_s, hour_s + HOUR_S);
}

/* Of whole hours; kept. NULL: memory. */
static const struct profile *sum_middle(struct gathering *gathering, int64_t begin_s,
                                        int64_t end_s)
{
    struct profile **middle = &gathering->sums.middle;
    if (*middle && (*middle)->start_s == begin_s && (*middle)->span_s == end_s - begin_s)
        return *middle;
    profile_free(*middle);
    *middle = profile_new(begin_s, (uint32_t)(end_s - begin_s));
    int status = *middle ? 0 : -1;
    for (int64_t hour_s = begin_s; hour_s < end_s && status == 0; hour_s += HOUR_S) {
        const struct profile *hour = sum_hour(gathering, hour_s);
        status = hour ? profile_merge(*middle, hour) : -1;
    }
    if (status == 0)
        return *middle;
    profile_free(*middle);
    return *middle = NULL;
}

struct profile *gathering_trailing_hour(const struct gathering *gathering)
{
    int64_t end_s = gathering->end_s;
    return sum_steps(gathering, end_s - HOUR_S, end_s);
}

struct profile *gathering_trailing_day(struct gathering *gathering)
{
    int64_t end_s = gathering->end_s, begin_s = end_s - DAY_S;
    int64_t from_s = (begin_s + HOUR_S - 1) / HOUR_S * HOUR_S, to_s = end_s / HOUR_S * HOUR_S;
    if (begin_s < 0) /* 1970 */
        return sum_steps(gathering, begin_s, end_s);
    const struct profile *middle = sum_middle(gathering, from_s, to_s);
    struct profile *day = middle ? profile_new(begin_s, DAY_S) : NULL;
    struct profile *ends = day ? sum_steps(gathering, begin_s, from_s) : NULL;
    if (ends && add_steps(gathering, ends, to_s, end_s) == 0 && profile_merge(day, ends) == 0 &&
        profile_merge(day, middle) == 0) {
        profile_free(ends);
        return day;
    }
    profile_free(ends);
    profile_free(day);
    return NULL;
}
