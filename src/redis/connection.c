/* Exchanging bytes with a server. hiredis connects, buffers and parses; the waiting is here:
 * sending and receiving go on together, so that neither side's buffers fill up while the other
 * waits, and every reply has a deadline, however slowly its bytes come.
 *
 * The monotonic clock is read for deadlines only: nothing that is counted depends on it. */
#include "redis/connection.h"

#include "redis/greeting.h"
#include "redis/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { SEND_BYTES = 64 << 10 };

void connection_init(struct connection *connection, const struct redis_config *config,
                     const char *host, uint16_t port)
{
    *connection = (struct connection){.config = config, .port = port};
    if (!*host && config->path[0]) {
        (void)snprintf(connection->origin, sizeof connection->origin, "unix:%s", config->path);
        return;
    }
    if (!*host) {
        host = config->host;
        connection->port = config->port;
    }
    (void)snprintf(connection->host, sizeof connection->host, "%s", host);
    const char *form = strchr(host, ':') ? "redis%s://[%s]:%u" : "redis%s://%s:%u";
    (void)snprintf(connection->origin, sizeof connection->origin, form, config->tls ? "s" : "",
                   connection->host, (unsigned)connection->port);
}

void connection_close(struct connection *connection)
{
    if (connection->context)
        redisFree(connection->context);
    connection->context = NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum redis_status lose(struct connection *connection, const char *why, struct err *err)
{
    (void)err_set(err, connection->origin, 0, 0, "%s", why);
    connection_close(connection);
    return REDIS_LOST;
}

/* One socket, ready for waiting with poll(): not blocking, and not inherited by children. */
static bool prepare(redisContext *context)
{
    int flags = fcntl(context->fd, F_GETFL);
    if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(context->fd, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    context->flags &= ~REDIS_BLOCK;
    if (context->connection_type == REDIS_CONN_TCP)
        (void)redisEnableKeepAlive(context); /* finds dead peers sooner, no more */
    context->err = 0;
    return true;
}

static enum redis_status open_context(struct connection *connection, struct err *err)
{
    const struct redis_config *config = connection->config;
    struct timeval timeout = {.tv_sec = config->timeout_ms / 1000,
                              .tv_usec = config->timeout_ms % 1000 * 1000};
    if (config->tls && tls_check(connection->origin, err) != REDIS_DONE)
        return REDIS_DENIED;
    redisContext *context =
        connection->host[0]
            ? redisConnectWithTimeout(connection->host, connection->port, timeout)
            : redisConnectUnixWithTimeout(config->path, timeout);
    connection->context = context;
    if (!context)
        return lose(connection, "out of memory", err);
    if (context->err) {
        char why[sizeof context->errstr + 32];
        (void)snprintf(why, sizeof why, "cannot connect: %s", context->errstr);
        return lose(connection, why, err);
    }
    if (!prepare(context))
        return lose(connection, strerror(errno), err);
    if (!config->tls)
        return REDIS_DONE;
    return tls_start(context, config, connection->host, connection->origin,
                     now_ms() + config->timeout_ms, err);
}

/* Is an idle connection still good? Bytes that nobody asked for belong to no command. */
static bool is_alive(const struct connection *connection)
{
    char byte;
    ssize_t got = recv(connection->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

enum redis_status connection_ensure(struct connection *connection, struct err *err)
{
    if (connection->context && is_alive(connection))
        return REDIS_DONE;
    connection_close(connection);
    enum redis_status status = open_context(connection, err);
    if (status == REDIS_DONE) {
        connection->connects++;
        status = greeting_run(connection, err);
    }
    if (status != REDIS_DONE)
        connection_close(connection);
    return status;
}

/* A write to a closed connection must be an error, not the end of the process; whether the
 * process ignores SIGPIPE is not for a library to decide. */
struct sigpipe {
    sigset_t before;
    bool was_pending;
};

static void sigpipe_hold(struct sigpipe *hold)
{
    sigset_t pipe, pending;
    (void)sigemptyset(&pipe); /* none of these can fail with valid arguments */
    (void)sigaddset(&pipe, SIGPIPE);
    (void)sigemptyset(&pending);
    (void)sigpending(&pending);
    hold->was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &hold->before);
}

static void sigpipe_release(const struct sigpipe *hold)
{
    sigset_t pipe;
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    if (!hold->was_pending)
        while (sigtimedwait(&pipe, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            ;
    (void)pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
}

/* An exchange on its way. */
struct progress {
    struct connection *connection;
    const struct exchange *exchanges;
    size_t n, sent, sent_offset, received;
    struct reply_memory *memory;
    struct redis_reply none; /* where what was not asked for would go */
    bool buffered;           /* hiredis holds bytes to send */
    bool broken;             /* sending failed: what is there is read, no more */
    uint64_t moved;          /* bytes, both ways */
    int64_t start_ms, last_ms;
    struct err *err;
};

/* Until the next reply must be there, or a part of the commands gone. */
static int64_t remaining_ms(const struct progress *progress)
{
    int64_t timeout = progress->connection->config->timeout_ms, now = now_ms();
    int64_t next = progress->last_ms + timeout;
    int64_t all = progress->start_ms + timeout * (10 + (int64_t)(progress->moved >> 20));
    return (next < all ? next : all) - now;
}

/* Gives hiredis up to SEND_BYTES more. False: out of memory. */
static bool fill(struct progress *progress)
{
    size_t room = SEND_BYTES;
    while (room && progress->sent < progress->n) {
        struct batch_slice command = progress->exchanges[progress->sent].command;
        size_t n = command.n - progress->sent_offset;
        n = n < room ? n : room;
        if (redisAppendFormattedCommand(progress->connection->context,
                                        command.bytes + progress->sent_offset, n) != REDIS_OK)
            return false;
        room -= n;
        progress->moved += n;
        progress->sent_offset += n;
        progress->buffered = true;
        if (progress->sent_offset == command.n) {
            progress->sent++;
            progress->sent_offset = 0;
        }
    }
    return true;
}

static enum redis_status lose_context(struct progress *progress)
{
    const redisContext *context = progress->connection->context;
    char why[sizeof context->errstr];
    memcpy(why, context->errstr, sizeof why);
    why[sizeof why - 1] = '\0';
    const char *reason = progress->connection->config->tls ? tls_reason() : "";
    return lose(progress->connection,
                *why      ? why
                : *reason ? reason
                          : "connection lost",
                progress->err);
}

static enum redis_status lose_late(struct progress *progress)
{
    char why[64];
    (void)snprintf(why, sizeof why, "no reply in time (%u ms)",
                   progress->connection->config->timeout_ms);
    return lose(progress->connection, why, progress->err);
}

static enum redis_status send_some(struct progress *progress)
{
    redisContext *context = progress->connection->context;
    int done = 0;
    if (!progress->buffered && !fill(progress))
        return lose(progress->connection, "out of memory", progress->err);
    if (redisBufferWrite(context, &done) == REDIS_OK) {
        if (done) {
            progress->buffered = false;
            progress->last_ms = now_ms();
        }
        return REDIS_DONE;
    }
    /* What the server said before it closed is worth more than "broken pipe". */
    context->err = 0;
    progress->broken = true;
    return REDIS_DONE;
}

/* Takes the replies that are there. */
static enum redis_status parse(struct progress *progress)
{
    struct connection *connection = progress->connection;
    redisReader *reader = connection->context->reader;
    for (;;) {
        bool wanted = progress->received < progress->sent ||
                      (progress->received == progress->sent && progress->sent_offset);
        if (!wanted && reader->len == reader->pos)
            return REDIS_DONE;
        progress->memory->root =
            wanted ? progress->exchanges[progress->received].reply : &progress->none;
        enum reply_state state = reply_reader_next(reader, connection->origin, progress->err);
        if (state == REPLY_MORE && wanted)
            return REDIS_DONE;
        if (state == REPLY_READY && wanted) {
            progress->received++;
            progress->last_ms = now_ms();
            continue;
        }
        if (state == REPLY_READY || state == REPLY_MORE)
            (void)err_set(progress->err, connection->origin, 0, 0,
                          "more replies than there were commands");
        connection_close(connection);
        return state == REPLY_NO_MEMORY ? REDIS_LOST : REDIS_WRONG;
    }
}

static enum redis_status receive_some(struct progress *progress)
{
    redisContext *context = progress->connection->context;
    for (size_t before = context->reader->len;; before = context->reader->len) {
        if (redisBufferRead(context) != REDIS_OK)
            return lose_context(progress);
        if (context->reader->len == before)
            return REDIS_DONE;
        if (remaining_ms(progress) <= 0)
            return lose_late(progress);
        progress->moved += context->reader->len - before;
        enum redis_status status = parse(progress);
        if (status != REDIS_DONE || progress->received == progress->n)
            return status;
    }
}

/* Waits for the socket and moves what can be moved. */
static enum redis_status step(struct progress *progress)
{
    int64_t left = remaining_ms(progress);
    struct pollfd wait = {.fd = progress->connection->context->fd, .events = POLLIN};
    if (!progress->broken && (progress->buffered || progress->sent < progress->n))
        wait.events |= POLLOUT;
    int ready = left > 0 ? poll(&wait, 1, left < INT32_MAX ? (int)left : INT32_MAX) : 0;
    if (ready < 0)
        return errno == EINTR ? REDIS_DONE
                              : lose(progress->connection, strerror(errno), progress->err);
    if (ready == 0)
        return remaining_ms(progress) > 0 ? REDIS_DONE : lose_late(progress);
    enum redis_status status = REDIS_DONE;
    if (wait.revents & (POLLIN | POLLHUP | POLLERR))
        status = receive_some(progress);
    if (status == REDIS_DONE && (wait.revents & POLLOUT))
        status = send_some(progress);
    return status;
}

enum redis_status connection_exchange(struct connection *connection,
                                      const struct exchange *exchanges, size_t n,
                                      struct reply_memory *memory, struct err *err)
{
    struct progress progress = {
        .connection = connection,
        .exchanges = exchanges,
        .n = n,
        .memory = memory,
        .start_ms = now_ms(),
        .err = err,
    };
    progress.last_ms = progress.start_ms;
    reply_reader_use(connection->context->reader, memory);
    struct sigpipe hold;
    sigpipe_hold(&hold);
    enum redis_status status = REDIS_DONE;
    while (status == REDIS_DONE && progress.received < n)
        status = step(&progress);
    sigpipe_release(&hold);
    if (status == REDIS_DONE && (progress.broken || progress.buffered)) {
        (void)err_set(err, connection->origin, 0, 0, "replies to commands it has not read");
        connection_close(connection);
        status = REDIS_WRONG;
    }
    return status;
}
