/* A real redis-server for tests: started in a directory of its own, on a unix socket or on a
 * free loopback port, and gone with the process that started it. */
#pragma once

#include <nightscope/redis.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SERVER_WAIT_MS = 30000 }; /* for anything that must happen: how long at most */

struct server {
    char dir[64];
    char url[128]; /* redis://127.0.0.1:PORT, or unix:DIR/socket */
    uint16_t port; /* 0: unix socket */
    pid_t pid;
};

/* Is redis-server there? Says so on standard output when it is not. */
bool server_is_installed(void);
/* Starts it with further options (NULL-terminated) and waits until it answers. */
void server_start(struct server *server, bool on_port, const char *const *options);
/* Starts it again, on the same place and data. */
void server_restart(struct server *server, const char *const *options);
/* The same without waiting until it answers. */
void server_spawn(struct server *server, const char *const *options);
void server_signal(struct server *server, int signal);
/* SIGKILL; the data stay. */
void server_kill(struct server *server);
/* Ends it and removes its directory. */
void server_stop(struct server *server);
/* A client of it, with this time-out. */
struct redis *server_client(const struct server *server, unsigned timeout_ms);
/* Runs one command of words and returns its text, number ("7") or error, until the next call.
 * Fails the test when there is no answer. */
const char *server_say(const struct server *server, const char *words, ...)
    __attribute__((sentinel));

/* A loopback port that nobody uses now. */
uint16_t free_port(void);
int64_t clock_ms(void);
/* Lets a moment pass while waiting for a condition; fails the test after SERVER_WAIT_MS since
 * `start_ms`. */
void wait_a_moment(int64_t start_ms, const char *what);
