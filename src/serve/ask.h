/* A question on its way to an answer: the request, the sensors it is about, what Redis says,
 * and the JSON that is written. One file an endpoint; all of them run while the store is taken.
 */
#pragma once

#include "publish/series_fields.h"
#include "serve/request.h"
#include "serve/store.h"
#include "sink/json_out.h"

enum ask_status {
    ASK_DONE,
    ASK_AWAY, /* Redis did not answer; store->why */
    ASK_NONE, /* there is no such thing: 404 */
    ASK_BAD,  /* what is asked for cannot be had: 400 */
    ASK_MEMORY,
};

struct ask {
    struct store *store;
    const struct request *request;
    struct json_out json;
    char sensors[REQUEST_SENSORS_MAX][65]; /* that are asked for, and there */
    unsigned sensors_n;
    uint32_t newest_s[REQUEST_SENSORS_MAX]; /* of ask_newest() */
    bool more;                              /* there are more sensors than that */
    bool damaged;   /* a key holds something else than sensors write: it counts as not there */
    char text[160]; /* of ASK_NONE and ASK_BAD */
};

/* Fills in the sensors. */
enum ask_status ask_sensors(struct ask *ask);
enum ask_status ask_fail(struct ask *ask, enum ask_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Runs and frees the batch: about keys of the i-th sensor. */
enum ask_status ask_run(struct ask *ask, unsigned sensor, struct redis_batch *batch,
                        struct redis_replies *ret_replies);
/* "ns:{S}:" and what follows, as the last argument of the command. */
void ask_key(struct redis_batch *batch, const char *sensor, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "sensors":[...],"view":..., and "more" where there are more than are asked. */
void ask_write_scope(struct ask *ask);
void ask_write_count(struct json_out *json, const char *key, uint64_t number);
void ask_write_text(struct json_out *json, const char *key, const char *text);
/* Is this address one that must not be shown? */
bool ask_is_dark(const struct ask *ask, const struct address *address);

/* The newest closed minute of any sensor: its end in Unix seconds, 0 without any. That of each
 * is in ask->newest_s then. */
enum ask_status ask_newest(struct ask *ask, uint32_t *ret_end_s);

/* Sums over the sensors, step by step. Distinct counts do not add up over time: of these the
 * highest of a step's minutes (or hours) is kept. */
enum { SERIES_POINTS_MAX = 3000, SERIES_POINTS_USUAL = 1500 };
struct point {
    bool there; /* some sensor was */
    uint64_t values[SERIES_FIELD_COUNT_];
};
struct series {
    uint32_t from_s, to_s, start_s, step_s;
    unsigned n;
    struct point *points;
    struct point total;
};
enum ask_status series_load(struct ask *ask, const struct time_span *window, uint32_t step_s,
                            struct series *ret_series);
void series_fini(struct series *series);
/* Does the field count distinct things? */
bool series_is_distinct(unsigned field);
/* Its place in SERIES_FIELDS. */
unsigned series_field(const char *name);

/* Members of sorted sets, added up. */
struct ranked {
    char key[64];
    uint64_t value;
    bool partial;  /* a part that was cut does not list it: the value is a lower bound */
    unsigned cuts; /* parts that were cut and list it */
};
struct ranking {
    struct ranked *rows; /* by value, then key */
    size_t n;
    uint64_t others, total;
    bool has_others, estimated;
    bool cut;    /* there may be more than are listed */
    bool open;   /* and what these have is in no list: the total is a lower bound */
    bool by_day; /* whole UTC days; else a trailing span */
    uint32_t first_day, last_day; /* Unix time */
};
enum ask_status ranking_load(struct ask *ask, const char *dimension, struct ranking *ret);
void ranking_fini(struct ranking *ranking);

/* The distinct sources of the UTC days that hold `from` to `to`, of scans or of IoT matches; of
 * more than SKETCH_DAYS_MAX, of the last ones. */
enum { SKETCH_DAYS_MAX = 64 };
enum ask_status sketches_load(struct ask *ask, enum view view, uint32_t from_s, uint32_t to_s,
                              uint64_t *ret_sources);
void ask_day(uint32_t unix_s, char buf[static 16]); /* 20261122 */

enum ask_status answer_sensors(struct ask *ask);
enum ask_status answer_summary(struct ask *ask);
enum ask_status answer_series(struct ask *ask);
enum ask_status answer_top(struct ask *ask);
enum ask_status answer_labelled(struct ask *ask);
enum ask_status answer_source(struct ask *ask);
