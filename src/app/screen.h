/* How a sensor stands, as a page for a terminal: rates of the last second, losses since the
 * start, and shares, tools and ports of the last minute. */
#pragma once

#include "app/live.h"

#include <stdio.h>

struct screen {
    const struct live_status *now;
    const struct live_status *before; /* a second or so ago; NULL: rates are not known yet */
    unsigned width, height;           /* of the terminal: no line or page is larger */
    bool colour;
};

/* Writes at most `height` lines, each at most `width` columns. */
void screen_write(FILE *out, const struct screen *screen);
