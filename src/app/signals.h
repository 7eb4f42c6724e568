/* Signals of a daemon, as something to wait for. */
#pragma once

#include <nightscope/error.h>

enum {
    SIGNAL_STOP = 1,   /* SIGTERM, SIGINT */
    SIGNAL_RELOAD = 2, /* SIGHUP */
    SIGNAL_TELL = 4,   /* SIGUSR1 */
};

/* Blocks them in this thread and those it starts later; a descriptor, or -1 with *err. */
int signals_open(struct err *err);
/* Waits at most timeout_ms; what has come, as a set of SIGNAL_*. */
unsigned signals_wait(int fd, int timeout_ms);
