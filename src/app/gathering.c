#include "app/gathering_state.h"

#include "state/hll.h"

#include <stdlib.h>
#include <string.h>

uint64_t gathering_version(const struct gathering *gathering)
{
    return gathering->version;
}

static uint64_t list_bytes(const struct profile *profile)
{
    uint64_t bytes = 0;
    for (; profile; profile = profile->next)
        bytes += profile_bytes(profile);
    return bytes;
}

uint64_t gathering_bytes(const struct gathering *gathering)
{
    uint64_t bytes = sizeof *gathering + list_bytes(gathering->pending) +
                     list_bytes(gathering->steps) + list_bytes(gathering->today) +
                     list_bytes(gathering->trailing_hour) +
                     list_bytes(gathering->trailing_day) + hour_sums_bytes(&gathering->sums) +
                     gathering->hours_cap * sizeof *gathering->hours;
    for (size_t i = 0; i < gathering->days_n; i++)
        bytes += profile_bytes(gathering->days[i].profile);
    for (const struct open_hour *hour = gathering->open; hour; hour = hour->next)
        bytes += sizeof *hour + sizeof *hour->ports;
    return bytes;
}

struct gathering *gathering_new(void)
{
    struct gathering *gathering = calloc(1, sizeof *gathering);
    if (gathering)
        gathering->version = 1;
    return gathering;
}

static void free_list(struct profile *profile)
{
    while (profile) {
        struct profile *next = profile->next;
        profile_free(profile);
        profile = next;
    }
}

static void free_day(const struct publication_day *day)
{
    profile_free((struct profile *)day->profile); /* ours: const only for readers */
}

static void free_hour(struct open_hour *hour)
{
    free(hour->ports);
    free(hour);
}

void gathering_free(struct gathering *gathering)
{
    if (!gathering)
        return;
    free_list(gathering->pending);
    free_list(gathering->steps);
    hour_sums_forget(&gathering->sums, INT64_MIN, INT64_MAX);
    while (gathering->open) {
        struct open_hour *next = gathering->open->next;
        free_hour(gathering->open);
        gathering->open = next;
    }
    for (size_t i = 0; i < gathering->days_n; i++)
        free_day(&gathering->days[i]);
    profile_free(gathering->today);
    profile_free(gathering->trailing_hour);
    profile_free(gathering->trailing_day);
    free(gathering->hours);
    free(gathering);
}

uint64_t gathering_hours_after(const struct gathering *gathering, int64_t start_s)
{
    size_t i = gathering->hours_n;
    while (i > 0 && gathering->hours[i - 1].start_s > start_s)
        i--;
    return gathering->hours_n - i;
}

int64_t gathering_newest_step(const struct gathering *gathering)
{
    return gathering->steps ? gathering->step_end->start_s : -1;
}

void gathering_add_steps(struct gathering *gathering, struct profile *steps)
{
    while (steps) {
        struct profile *step = steps, **at = &gathering->pending;
        steps = steps->next;
        while (*at && (*at)->start_s < step->start_s)
            at = &(*at)->next;
        if (*at && (*at)->start_s == step->start_s) {
            gathering->refused += profile_merge(*at, step) != 0;
            profile_free(step);
        } else {
            step->next = *at;
            *at = step;
        }
    }
}

/* Minutes and steps come by time, so the hour is the last one or a new one behind it; an hour
 * that steps have begun may wait for its minutes. NULL: memory. */
struct open_hour *gathering_hour(struct gathering *gathering, int64_t at_s)
{
    int64_t start_s = at_s / HOUR_S * HOUR_S;
    struct open_hour **at = &gathering->open;
    while (*at && (*at)->row.start_s < start_s)
        at = &(*at)->next;
    if (*at && (*at)->row.start_s == start_s)
        return *at;
    struct open_hour *hour = calloc(1, sizeof *hour);
    if (hour)
        hour->ports = calloc(1, sizeof *hour->ports);
    if (!hour || !hour->ports) {
        free(hour);
        gathering->refused++;
        return NULL;
    }
    hour->row.start_s = start_s;
    hour->next = *at;
    *at = hour;
    return hour;
}

void gathering_add_minute(struct gathering *gathering, const struct window *minute,
                          uint32_t seconds)
{
    struct open_hour *hour = gathering_hour(gathering, minute->start_s);
    if (!hour)
        return;
    window_merge(hour->ports, minute);
    hour->row.seconds += seconds;
    uint64_t sources = minute->counts[COUNT_sources];
    uint64_t iot = minute->counts[COUNT_iot_matched_sources];
    hour->sources_most = sources > hour->sources_most ? sources : hour->sources_most;
    hour->iot_sources_most = iot > hour->iot_sources_most ? iot : hour->iot_sources_most;
}

/* Steps that began a day before the end are over. */
static void move_end(struct gathering *gathering, int64_t end_s)
{
    if (end_s > gathering->end_s)
        gathering->end_s = end_s;
    int64_t begin_s = gathering->end_s - DAY_S;
    while (gathering->steps && gathering->steps->start_s < begin_s) {
        struct profile *oldest = gathering->steps;
        gathering->steps = oldest->next;
        profile_free(oldest);
    }
    if (!gathering->steps)
        gathering->step_end = NULL;
    hour_sums_forget(&gathering->sums, INT64_MIN, begin_s);
}

/* Makes a day the open one. Days are by time: whatever is after it, of a file that was written
 * when the clock was ahead, goes. */
static void open_day(struct gathering *gathering, int64_t day_s)
{
    struct publication_day *days = gathering->days;
    if (gathering->today && gathering->today->start_s != day_s) {
        (void)profile_trim(gathering->today, GATHERED_DAY_MEMBERS); /* or it stays larger */
        days[gathering->days_n++] =
            (struct publication_day){gathering->today->start_s, gathering->today};
        gathering->today = NULL;
    }
    size_t old = 0;
    while (old < gathering->days_n &&
           days[old].start_s <= day_s - (int64_t)GATHERED_DAYS_MAX * DAY_S)
        free_day(&days[old++]);
    gathering->days_n -= old;
    memmove(days, days + old, gathering->days_n * sizeof *days);
    while (gathering->days_n && days[gathering->days_n - 1].start_s > day_s)
        free_day(&days[--gathering->days_n]);
    if (gathering->today)
        return;
    if (gathering->days_n && days[gathering->days_n - 1].start_s == day_s)
        gathering->today = (struct profile *)days[--gathering->days_n].profile; /* ours */
    else
        gathering->today = profile_new(day_s, DAY_S);
}

void gathering_add_sources(struct gathering *gathering, const struct profile *step)
{
    struct open_hour *hour = gathering_hour(gathering, step->start_s);
    if (!hour)
        return;
    hll_merge(hour->sources, profile_sketch(step, PROFILE_SOURCES), HLL_LARGE_BITS);
    hll_merge(hour->iot, profile_sketch(step, PROFILE_IOT_SOURCES), HLL_LARGE_BITS);
}

static void add_step(struct gathering *gathering, struct profile *step)
{
    profile_close(step);
    gathering_add_sources(gathering, step);
    open_day(gathering, step->start_s / DAY_S * DAY_S);
    gathering->refused += !gathering->today || profile_merge(gathering->today, step) != 0;

    step->next = NULL;
    if (gathering->steps)
        gathering->step_end->next = step;
    else
        gathering->steps = step;
    gathering->step_end = step;
    hour_sums_forget(&gathering->sums, step->start_s, step->start_s + PROFILE_STEP_S);
    move_end(gathering, step->start_s + PROFILE_STEP_S);
}

/* A union is no more than the sum of its parts, and no less than the largest. */
static uint64_t distinct(const uint8_t *registers, uint64_t most, uint64_t sum)
{
    uint64_t count = hll_estimate(registers, HLL_LARGE_BITS);
    count = count < most ? most : count;
    return count > sum ? sum : count;
}

static void close_hour(struct gathering *gathering, struct open_hour *hour)
{
    if (gathering->hours_n == GATHERED_HOURS_MAX + HOURS_DROPPED) {
        gathering->hours_n -= HOURS_DROPPED;
        memmove(gathering->hours, gathering->hours + HOURS_DROPPED,
                gathering->hours_n * sizeof *gathering->hours);
    }
    if (gathering->hours_n == gathering->hours_cap) {
        size_t cap = gathering->hours_cap ? 2 * gathering->hours_cap : 64;
        struct publication_hour *hours = realloc(gathering->hours, cap * sizeof *hours);
        if (!hours) {
            gathering->refused++;
            return;
        }
        gathering->hours = hours;
        gathering->hours_cap = cap;
    }
    struct publication_hour row = hour->row;
    memcpy(row.counts, hour->ports->counts, sizeof row.counts);
    row.dports = window_dports(hour->ports);
    row.counts[COUNT_sources] =
        distinct(hour->sources, hour->sources_most, row.counts[COUNT_sources]);
    row.counts[COUNT_iot_matched_sources] =
        distinct(hour->iot, hour->iot_sources_most, row.counts[COUNT_iot_matched_sources]);
    gathering->hours[gathering->hours_n++] = row;
}

void gathering_advance(struct gathering *gathering, int64_t closed_until_s)
{
    while (gathering->pending &&
           gathering->pending->start_s + PROFILE_STEP_S <= closed_until_s) {
        struct profile *step = gathering->pending;
        gathering->pending = step->next;
        add_step(gathering, step);
        gathering->version++;
    }
    while (gathering->open && gathering->open->row.start_s + HOUR_S <= closed_until_s) {
        struct open_hour *hour = gathering->open;
        gathering->open = hour->next;
        close_hour(gathering, hour);
        gathering->version++;
        free_hour(hour);
    }
}

void gathering_roll(struct gathering *gathering, int64_t until_s)
{
    int64_t end_s = until_s / PROFILE_STEP_S * PROFILE_STEP_S;
    if (!gathering->steps || end_s <= gathering->end_s)
        return;
    move_end(gathering, end_s);
    gathering->version++;
}

/* How much of an hour lies between the first and the last frame. */
static uint32_t seconds_of(int64_t start_s, int64_t first_ns, int64_t last_ns)
{
    const int64_t second = 1000000000;
    int64_t begin = start_s * second, end = begin + HOUR_S * second;
    begin = first_ns > begin ? first_ns : begin;
    end = last_ns < end ? last_ns : end;
    return end > begin ? (uint32_t)((end - begin + second - 1) / second) : 1;
}

int gathering_read(struct gathering *gathering, int64_t first_ns, int64_t last_ns,
                   struct gathered *ret_gathered)
{
    profile_free(gathering->trailing_hour);
    profile_free(gathering->trailing_day);
    gathering->trailing_hour = gathering->trailing_day = NULL;
    if (gathering->steps) {
        gathering->trailing_hour = gathering_trailing_hour(gathering);
        gathering->trailing_day = gathering_trailing_day(gathering);
        if (!gathering->trailing_hour || !gathering->trailing_day)
            return -1;
    }
    for (size_t i = 0; i < gathering->hours_n && first_ns <= last_ns; i++)
        gathering->hours[i].seconds =
            seconds_of(gathering->hours[i].start_s, first_ns, last_ns);
    size_t extra =
        gathering->hours_n > GATHERED_HOURS_MAX ? gathering->hours_n - GATHERED_HOURS_MAX : 0;
    size_t days_n = gathering->days_n;
    if (gathering->today)
        gathering->days[days_n++] =
            (struct publication_day){gathering->today->start_s, gathering->today};
    *ret_gathered = (struct gathered){
        .hours = gathering->hours_n ? gathering->hours + extra : NULL,
        .hours_n = gathering->hours_n - extra,
        .hour = gathering->trailing_hour,
        .day = gathering->trailing_day,
        .days = gathering->days,
        .days_n = days_n,
        .refused = gathering->refused,
    };
    return 0;
}
