/* Serves one text by HTTP, on a loopback address or a unix socket: GET / or /metrics. The text
 * is made elsewhere and only copied here, so a client costs nothing that captures.
 *
 * Clients are hostile: connections, memory for each and time are bounded, nothing is read but a
 * request's head, and nothing is kept of it. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stddef.h>

struct metrics_server;

/* Opens the socket: "127.0.0.1:9100", "[::1]:9100", "localhost:9100", or "unix:PATH", whose
 * file is made anew. An address that is not of this host alone is an error. NULL with *err. */
struct metrics_server *metrics_server_open(const char *address, struct err *err);
/* Starts its thread. -1 with *err. */
int metrics_server_start(struct metrics_server *server, struct err *err);
/* The text from now on; copied. False: out of memory, the old one stays. */
bool metrics_server_set(struct metrics_server *server, const char *text, size_t n);
/* The port, for one that was asked to be any (0); 0: a unix socket. */
unsigned metrics_server_port(const struct metrics_server *server);
void metrics_server_free(struct metrics_server *server);

/* Is the address right, without opening anything? -1 with *err. */
int metrics_server_check(const char *address, struct err *err);
