#include "app/metrics_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16,
    CONNECTION_BYTES = 8192, /* of a request's head and what is needed for it */
    TIMEOUT_S = 5,
    BACKLOG = 64,
};

/* The text, shared with answers that are being sent. */
struct text {
    unsigned users;
    size_t n;
    char bytes[];
};

struct metrics_server {
    int fd; /* -1: libmicrohttpd has it */
    struct MHD_Daemon *daemon;
    unsigned port;
    char *path; /* of a unix socket */
    pthread_mutex_t lock;
    struct text *text; /* NULL: none yet */
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static int bad(const char *address, const char *expected, struct err *err)
{
    return err_set(err, "--metrics", 0, 0, "\"%s\": expected %s", address, expected);
}

static int parse_port(const char *text, uint16_t *ret_port)
{
    unsigned long port = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 5)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (port > 65535)
        return -1;
    *ret_port = (uint16_t)port;
    return 0;
}

/* HOST:PORT of this host alone, or unix:PATH. */
static int parse_address(const char *address, union socket_address *ret, socklen_t *ret_n,
                         struct err *err)
{
    static const char FORMS[] = "127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:PATH";
    union socket_address to = {0};
    const char *colon = strrchr(address, ':');
    uint16_t port;
    if (strncmp(address, "unix:", 5) == 0) {
        size_t n = strlen(address + 5);
        if (n == 0 || n >= sizeof to.local.sun_path)
            return bad(address, "unix:PATH with a path of 1 to 107 bytes", err);
        to.local.sun_family = AF_UNIX;
        memcpy(to.local.sun_path, address + 5, n);
        *ret_n = sizeof to.local;
        *ret = to;
        return 0;
    }
    if (!colon || parse_port(colon + 1, &port) != 0)
        return bad(address, FORMS, err);
    char host[64] = "";
    size_t n = (size_t)(colon - address);
    bool brackets = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    if (n - 2 * brackets >= sizeof host)
        return bad(address, FORMS, err);
    memcpy(host, address + brackets, n - 2 * brackets);
    if (strcmp(host, "localhost") == 0)
        (void)strcpy(host, "127.0.0.1");
    if (brackets && inet_pton(AF_INET6, host, &to.v6.sin6_addr) == 1 &&
        IN6_IS_ADDR_LOOPBACK(&to.v6.sin6_addr)) {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_port = htons(port);
        *ret_n = sizeof to.v6;
    } else if (!brackets && inet_pton(AF_INET, host, &to.v4.sin_addr) == 1 &&
               ntohl(to.v4.sin_addr.s_addr) >> 24 == 127) {
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons(port);
        *ret_n = sizeof to.v4;
    } else {
        return bad(address, FORMS, err);
    }
    *ret = to;
    return 0;
}

int metrics_server_check(const char *address, struct err *err)
{
    union socket_address to;
    socklen_t n;
    return parse_address(address, &to, &n, err);
}

/* A socket file that nobody listens on any more is in the way; any other file stays. */
static void remove_dead_socket(const union socket_address *to, socklen_t n)
{
    struct stat status;
    if (lstat(to->local.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &to->any, n) != 0 && errno == ECONNREFUSED)
        (void)unlink(to->local.sun_path); /* or bind() says why not */
    (void)close(fd);
}

static int listen_on(struct metrics_server *server, const char *address,
                     const union socket_address *to, socklen_t n, struct err *err)
{
    int yes = 1;
    bool local = to->any.sa_family == AF_UNIX;
    if (local)
        remove_dead_socket(to, n);
    server->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0 ||
        (!local && setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) ||
        bind(server->fd, &to->any, n) != 0)
        return err_set(err, "--metrics", 0, 0, "\"%s\": %s", address, strerror(errno));
    if (local && !(server->path = strdup(to->local.sun_path))) {
        (void)unlink(to->local.sun_path);
        return err_set(err, NULL, 0, 0, "out of memory");
    }
    /* Whoever may reach the file may read: the folder it is in says who. */
    if ((local && chmod(to->local.sun_path, 0666) != 0) || listen(server->fd, BACKLOG) != 0)
        return err_set(err, "--metrics", 0, 0, "\"%s\": %s", address, strerror(errno));
    union socket_address bound;
    socklen_t bound_n = sizeof bound;
    if (getsockname(server->fd, &bound.any, &bound_n) != 0)
        return err_set(err, "--metrics", 0, 0, "\"%s\": %s", address, strerror(errno));
    if (bound.any.sa_family == AF_INET)
        server->port = ntohs(bound.v4.sin_port);
    else if (bound.any.sa_family == AF_INET6)
        server->port = ntohs(bound.v6.sin6_port);
    return 0;
}

struct metrics_server *metrics_server_open(const char *address, struct err *err)
{
    union socket_address to;
    socklen_t n;
    if (parse_address(address, &to, &n, err) != 0)
        return NULL;
    struct metrics_server *server = calloc(1, sizeof *server);
    if (!server) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    server->fd = -1;
    (void)pthread_mutex_init(&server->lock, NULL); /* cannot fail without attributes */
    if (listen_on(server, address, &to, n, err) == 0)
        return server;
    metrics_server_free(server);
    return NULL;
}

/* Texts in use */

static void drop(struct metrics_server *server, struct text *text)
{
    (void)pthread_mutex_lock(&server->lock);
    bool last = text && --text->users == 0;
    (void)pthread_mutex_unlock(&server->lock);
    if (last)
        free(text);
}

bool metrics_server_set(struct metrics_server *server, const char *bytes, size_t n)
{
    struct text *text = malloc(sizeof *text + n);
    if (!text)
        return false;
    text->users = 1;
    text->n = n;
    memcpy(text->bytes, bytes, n);
    (void)pthread_mutex_lock(&server->lock);
    struct text *old = server->text;
    server->text = text;
    (void)pthread_mutex_unlock(&server->lock);
    drop(server, old);
    return true;
}

struct answer {
    struct metrics_server *server;
    struct text *text;
};

static ssize_t read_answer(void *context, uint64_t at, char *buf, size_t cap)
{
    const struct answer *answer = context;
    size_t n = answer->text->n - (size_t)at;
    if (n == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    n = n < cap ? n : cap;
    memcpy(buf, answer->text->bytes + at, n);
    return (ssize_t)n;
}

static void free_answer(void *context)
{
    struct answer *answer = context;
    drop(answer->server, answer->text);
    free(answer);
}

static struct MHD_Response *text_response(struct metrics_server *server)
{
    struct answer *answer = malloc(sizeof *answer);
    if (!answer)
        return NULL;
    (void)pthread_mutex_lock(&server->lock);
    *answer = (struct answer){server, server->text};
    if (answer->text)
        answer->text->users++;
    (void)pthread_mutex_unlock(&server->lock);
    struct MHD_Response *response =
        answer->text ? MHD_create_response_from_callback(answer->text->n, 16384, read_answer,
                                                         answer, free_answer)
                     : NULL;
    if (!response) {
        drop(server, answer->text);
        free(answer);
    }
    return response;
}

static enum MHD_Result respond(void *context, struct MHD_Connection *connection,
                               const char *url, const char *method, const char *version,
                               const char *upload, size_t *upload_n, void **state)
{
    struct metrics_server *server = context;
    (void)version;
    (void)upload;
    (void)upload_n;
    (void)state;
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool known = strcmp(url, "/metrics") == 0 || strcmp(url, "/") == 0;
    struct MHD_Response *response = get && known ? text_response(server) : NULL;
    unsigned status = !get     ? MHD_HTTP_METHOD_NOT_ALLOWED
                      : !known ? MHD_HTTP_NOT_FOUND
                               : MHD_HTTP_OK;
    if (!response) {
        static char nothing[] = "";
        status = status == MHD_HTTP_OK ? MHD_HTTP_SERVICE_UNAVAILABLE : status;
        response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_YES;
    if (status == MHD_HTTP_OK)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                         "text/plain; version=0.0.4; charset=utf-8");
    if (result == MHD_YES)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* libmicrohttpd would write to standard error. */
static void say_nothing(void *context, const char *format, va_list args)
{
    (void)context;
    (void)format;
    (void)args;
}

int metrics_server_start(struct metrics_server *server, struct err *err)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, NULL, NULL, respond,
        server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
        server->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    if (!server->daemon)
        return err_set(err, "--metrics", 0, 0, "cannot start serving: %s", strerror(errno));
    server->fd = -1; /* closed with the daemon */
    return 0;
}

unsigned metrics_server_port(const struct metrics_server *server)
{
    return server->port;
}

void metrics_server_free(struct metrics_server *server)
{
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->fd >= 0)
        (void)close(server->fd);
    if (server->path)
        (void)unlink(server->path); /* without permission, the next start does */
    free(server->path);
    free(server->text);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
