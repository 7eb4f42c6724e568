/* What a service manager is told (sd_notify(3)): a datagram of lines to $NOTIFY_SOCKET. */
#pragma once

#include "app/live.h"

#include <nightscope/error.h>
#include <stdbool.h>

struct notify {
    int fd;        /* -1: nobody wants to know */
    bool watchdog; /* expects a sign of life, more seldom than once a second */
};

/* Reads the environment, and connects. What is wrong with it is no error: nobody listens. */
void notify_init(struct notify *notify);
void notify_fini(struct notify *notify);
/* Lines such as "READY=1". */
void notify_send(const struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* How a sensor stands, once a second; alive: all its workers are, which is a sign of life of
 * all. A watchdog that the main thread alone fed would see nothing. */
void notify_status(const struct notify *notify, const struct live_status *status, bool alive);
/* RELOADING=1 with the time it has to come with. */
void notify_reloading(const struct notify *notify);
