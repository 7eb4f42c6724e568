/* The files of the page, as they were built into the program. */
#pragma once

#include <stddef.h>

struct asset {
    const char *name; /* "" is the page itself */
    const char *type;
    const char *tag; /* of its bytes, in hexadecimal */
    const unsigned char *bytes;
    size_t n;
};

/* In alphabetical order; none when the libraries of the page were missing. */
extern const struct asset ASSETS[];
extern const size_t ASSETS_COUNT;

/* NULL: there is none of this name. */
const struct asset *asset_find(const char *name);
