/* What a gathering is made of: for gathering.c, and for what saves and loads it. */
#pragma once

#include "app/gathering.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    HOURS_DROPPED = 1024, /* at a time, when there are too many */
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
    struct open_hour *open;   /* by time */
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
