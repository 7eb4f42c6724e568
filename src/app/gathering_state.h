/* What a gathering is made of: for gathering.c, gathering_trailing.c, gathering_labels.c, and
 * for what saves and loads it. */
#pragma once

#include "app/gathering.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    HOURS_DROPPED = 1024, /* at a time, when there are too many */
    HOUR_SUMS = 25,       /* hours that a day may have a part of */
};

/* Sums of the steps of whole hours, made as they are asked for. */
struct hour_sums {
    struct profile *hours[HOUR_SUMS]; /* each at the place of its hour */
    struct profile *middle;           /* of all whole hours in the trailing day */
};

/* An hour that is not whole yet. */
struct open_hour {
    struct publication_hour row;
    uint64_t sources_most, iot_sources_most; /* of one of its minutes: a lower bound */
    struct window *ports;                    /* its dports are those of the hour */
    uint8_t sources[PROFILE_SKETCH_REGISTERS], iot[PROFILE_SKETCH_REGISTERS];
    struct open_hour *next;
};

struct gathering {
    struct profile *pending;  /* steps that some worker may still add to, by time */
    struct profile *steps;    /* whole ones of the last day, by time */
    struct profile *step_end; /* the last of them */
    int64_t end_s;            /* of the trailing spans: of that one's, or later in silence */
    struct hour_sums sums;
    struct open_hour *open; /* by time */
    struct publication_hour *hours;
    size_t hours_n, hours_cap;
    struct profile *today;
    struct publication_day days[GATHERED_DAYS_MAX + 1]; /* the last may be today */
    size_t days_n;                                      /* finished ones */
    struct profile *trailing_hour, *trailing_day;       /* of the last gathering_read() */
    uint64_t refused;
    uint64_t version;
};

/* The open hour that holds this time, made where there is none. NULL: memory, and counted. */
struct open_hour *gathering_hour(struct gathering *gathering, int64_t at_s);

/* The steps that began within an hour, or a day, before the end. NULL: memory. */
struct profile *gathering_trailing_hour(const struct gathering *gathering);
struct profile *gathering_trailing_day(struct gathering *gathering);
/* Frees sums of steps between these times: steps have been added or removed there. */
void hour_sums_forget(struct hour_sums *sums, int64_t from_s, int64_t to_s);
uint64_t hour_sums_bytes(const struct hour_sums *sums);
