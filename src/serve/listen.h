/* Where to listen. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct listen_at {
    struct sockaddr_storage address;
    socklen_t length;
    bool loopback;
};

/* ADDRESS:PORT, [ADDRESS]:PORT or localhost:PORT. 0, or -1 with *err. */
int listen_parse(const char *text, struct listen_at *ret_at, struct err *err);
/* A socket that listens there, and the port it got; -1 with *err. */
int listen_open(const struct listen_at *at, const char *text, uint16_t *ret_port,
                struct err *err);
