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
    bool loaded;
    uint64_t loaded_ms;
};

/* Of all sensors asked for, unless that was just done. */
enum ask_status as_names_load(struct ask *ask);
/* "" when it is not known. */
const char *as_names_find(const struct ask *ask, const char *number);
void as_names_fini(struct as_names *names);
