/* The page of a running sensor on a terminal, drawn anew each second. */
#pragma once

#include "app/live.h"

struct terminal {
    int fd; /* -1: there is none to draw on */
    bool colour, has_before;
    struct live_status before; /* its counts alone are looked at later */
};

/* Is it a terminal that takes colours, and has lines that can be drawn anew? One that is called
 * "dumb", or has no name in TERM, is none. */
bool terminal_takes_escapes(int fd);
/* Standard error, or else standard output, if it is such a terminal and quiet is not set. */
void terminal_init(struct terminal *terminal, bool quiet, bool colour);
void terminal_fini(struct terminal *terminal);
bool terminal_shows(const struct terminal *terminal);
struct live_observer terminal_observer(struct terminal *terminal);
