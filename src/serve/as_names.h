/* Names of AS, which Redis has in the sensors' reports alone. They are read now and then and
 * kept: at most so many. */
#pragma once

#include "serve/ask.h"

enum {
    AS_NAMES_MAX = 4096,
    AS_NAMES_FRESH_MS = 60000,
    AS_REPORT_MAX = 32 << 20, /* bytes of a report that is read for them */
};

struct as_names {
    struct as_name {
        char number[12];
        char *name;
    } rows[AS_NAMES_MAX];
    unsigned n;
    struct as_names_sensor {
        char name[65]; /* "": a free place */
        uint64_t loaded_ms;
    } sensors[REQUEST_SENSORS_MAX];
};

/* Of those sensors that are asked for and were not just read. */
enum ask_status as_names_load(struct ask *ask);
/* "" when it is not known. */
const char *as_names_find(const struct ask *ask, const char *number);
void as_names_fini(struct as_names *names);
