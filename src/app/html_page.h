/* The page of `nightscope serve` with the data of one replay in it: one file, to be opened
 * without a server. */
#pragma once

#include "app/setup.h"

#include <nightscope/sink.h>

struct html_input {
    struct analysis *analysis; /* finished and merged, with a feed */
    const struct report *report;
    const struct locator *locator; /* may be NULL */
    const struct signature_set *signatures;
    const struct prefix_set *dark; /* sources in it are left out; may be NULL */
};

/* Can a page be written: was it built in, and does the file open? It is made or emptied. NULL
 * with *err. */
FILE *html_page_open(const char *path, struct err *err);
/* Writes and closes. 0, or -1 with *err. */
int html_page_write(FILE *out, const char *path, const struct html_input *input,
                    struct err *err);
