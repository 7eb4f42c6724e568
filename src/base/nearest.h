/* The name that was probably meant, for messages about one that does not exist. */
#pragma once

#include <stddef.h>

struct nearest {
    const char *word; /* what was written; borrowed */
    size_t len;
    const char *name; /* of those offered, the nearest; NULL: none is near; borrowed */
    unsigned edits;   /* from one to the other */
};

struct nearest nearest_to(const char *word, size_t len);
/* A name that exists. Of equally near ones, the first stays. */
void nearest_offer(struct nearest *nearest, const char *name);

enum { NEAREST_HINT_CAP = 96 };
/* `, perhaps "tcp.dstport"`, with `before` before the name; "" when none is near. */
const char *nearest_hint(const struct nearest *nearest, const char *before,
                         char ret_text[static NEAREST_HINT_CAP]);
