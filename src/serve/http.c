#include "serve/http.h"

#include "serve/asset.h"
#include "serve/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request and its reply. */
struct exchange {
    char target[REQUEST_TARGET_MAX + 2]; /* one more than is taken: the rest is cut off */
    struct peer *connection;
    bool begun;
};

struct header {
    const char *name, *value;
};

static const struct header ALWAYS[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    {"X-Frame-Options", "DENY"},
};

static const char PAGE_MISSING[] =
    "nightscope was built without its page: the libraries it draws with were not there.\n\n"
    "    sh contrib/dashboard/fetch && meson compile -C build\n\n"
    "The API is here all the same: /api/v1/sensors\n";

static enum MHD_Result queue(struct serve *serve, struct MHD_Connection *connection,
                             unsigned status, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    for (unsigned i = 0; i < sizeof ALWAYS / sizeof ALWAYS[0]; i++)
        (void)MHD_add_response_header(response, ALWAYS[i].name, ALWAYS[i].value);
    (void)__atomic_add_fetch(&serve->replies[status / 100 % 6], 1, __ATOMIC_RELAXED);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* body is freed with the reply. */
static enum MHD_Result reply(struct serve *serve, struct MHD_Connection *connection,
                             unsigned status, const char *type, char *body, size_t n)
{
    struct MHD_Response *response =
        body ? MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response) {
        free(body);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate",
                                      "Basic realm=\"nightscope\", charset=\"UTF-8\"");
    if (status == 405)
        (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == 503)
        (void)MHD_add_response_header(response, "Retry-After", "2");
    return queue(serve, connection, status, response);
}

static enum MHD_Result refuse(struct serve *serve, struct MHD_Connection *connection,
                              const struct denial *refusal)
{
    size_t n;
    char *body = answerer_refusal(refusal, &n);
    return reply(serve, connection, refusal->status, "application/json", body, n);
}

/* If-None-Match: a list of quoted tags, or *. */
static bool has_tag(struct MHD_Connection *connection, const char *tag)
{
    const char *header =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
    return header && (strcmp(header, "*") == 0 || strstr(header, tag));
}

static enum MHD_Result reply_tagged(struct serve *serve, struct MHD_Connection *connection,
                                    struct MHD_Response *response, const char *type,
                                    const char *tag)
{
    unsigned status = 200;
    if (response && has_tag(connection, tag)) {
        MHD_destroy_response(response);
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        status = 304;
    }
    if (response) {
        (void)MHD_add_response_header(response, "Content-Type", type);
        (void)MHD_add_response_header(response, "Cache-Control", "no-cache");
        (void)MHD_add_response_header(response, "ETag", tag);
    }
    return queue(serve, connection, status, response);
}

static void free_answer(void *answer)
{
    answer_free(answer);
}

static enum MHD_Result answer(struct serve *serve, struct MHD_Connection *connection,
                              const struct request *request)
{
    struct outcome outcome;
    answerer_ask(&serve->answerer, request, &outcome);
    if (!outcome.answer)
        return refuse(serve, connection, &outcome.refusal);
    if (outcome.stale_ms) {
        size_t n;
        char *body = answerer_stale(outcome.answer, outcome.stale_ms, &n);
        answer_free(outcome.answer);
        return reply(serve, connection, 200, "application/json", body, n);
    }
    char tag[24];
    (void)snprintf(tag, sizeof tag, "\"%016llx\"", (unsigned long long)outcome.answer->tag);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        outcome.answer->n, outcome.answer->body, free_answer, outcome.answer);
    if (!response)
        answer_free(outcome.answer);
    return reply_tagged(serve, connection, response, "application/json", tag);
}

static enum MHD_Result file(struct serve *serve, struct MHD_Connection *connection,
                            const struct request *request)
{
    const struct asset *asset = asset_find(request->file);
    if (!asset && request->file[0] == '\0')
        return reply(serve, connection, 404, "text/plain; charset=utf-8", strdup(PAGE_MISSING),
                     sizeof PAGE_MISSING - 1);
    if (!asset)
        return refuse(serve, connection, &(struct denial){404, "not_found", "no such path"});
    char tag[48];
    (void)snprintf(tag, sizeof tag, "\"%s\"", asset->tag);
    /* The library's interface of this age takes bytes it does not change as void *. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        asset->n, (void *)(uintptr_t)asset->bytes, MHD_RESPMEM_PERSISTENT);
    return reply_tagged(serve, connection, response, asset->type, tag);
}

static ssize_t read_feed(void *cls, uint64_t at, char *buf, size_t max)
{
    (void)at;
    size_t n = feed_client_read(cls, buf, max);
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_feed(void *cls)
{
    feed_client_free(cls);
}

static enum MHD_Result feed(struct serve *serve, struct MHD_Connection *connection,
                            const struct request *request, struct exchange *exchange)
{
    struct feed_client *client = feed_client_new(&serve->hub, request);
    if (!client)
        return refuse(serve, connection,
                      &(struct denial){503, "busy", "too many watch the feed; try later"});
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, HTTP_STREAM_BLOCK, read_feed, client, free_feed);
    if (!response) {
        feed_client_free(client);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    connections_phase(&serve->connections, exchange->connection, PHASE_STREAMING, 0);
    return queue(serve, connection, 200, response);
}

static enum MHD_Result health(struct serve *serve, struct MHD_Connection *connection)
{
    static const char UP[] = "{\"status\":\"ok\",\"redis\":\"up\"}\n";
    static const char AWAY[] = "{\"status\":\"ok\",\"redis\":\"away\"}\n";
    const char *text = store_is_away(&serve->answerer.store) ? AWAY : UP;
    return reply(serve, connection, 200, "application/json", strdup(text), strlen(text));
}

static enum MHD_Result dispatch(struct serve *serve, struct MHD_Connection *connection,
                                const struct request *request, struct exchange *exchange)
{
    size_t n;
    char *text;
    switch (request->endpoint) {
    case ENDPOINT_FILE:
        return file(serve, connection, request);
    case ENDPOINT_HEALTH:
        return health(serve, connection);
    case ENDPOINT_METRICS:
        text = metrics_text(serve, &n);
        return reply(serve, connection, 200, "text/plain; version=0.0.4", text, n);
    case ENDPOINT_FEED:
        return feed(serve, connection, request, exchange);
    case ENDPOINT_SENSORS:
    case ENDPOINT_SUMMARY:
    case ENDPOINT_SERIES:
    case ENDPOINT_TOP:
    case ENDPOINT_SOURCE:
    case ENDPOINT_COUNT_:
        break;
    }
    return answer(serve, connection, request);
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A reply to the first call for a request ends the connection, which is what a body deserves:
 * it is not read. All others are answered at the second. */
static bool has_body(struct MHD_Connection *connection)
{
    const char *length = header_of(connection, "Content-Length");
    return header_of(connection, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* Before anything is read from the target. */
static bool let_in(struct serve *serve, struct MHD_Connection *connection, const char *method,
                   struct denial *refusal)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        *refusal = (struct denial){405, "bad_method", "only GET and HEAD"};
    } else if (has_body(connection)) {
        *refusal = (struct denial){413, "no_body", "a request has no body here"};
    } else if (serve->check_host && !gate_is_local_host(header_of(connection, "Host"))) {
        *refusal =
            (struct denial){421, "bad_host", "this server is for this machine, as localhost"};
    } else {
        return true;
    }
    return false;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **con_cls)
{
    (void)url;
    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    struct serve *serve = cls;
    struct exchange *exchange = *con_cls;
    struct denial refusal;
    struct request request;
    if (!exchange)
        return MHD_NO; /* out of memory */
    if (!exchange->begun && !has_body(connection)) {
        exchange->begun = true;
        return MHD_YES;
    }
    connections_phase(&serve->connections, exchange->connection, PHASE_ANSWERING,
                      serve->config.now_ms());
    bool good = let_in(serve, connection, method, &refusal) &&
                request_parse(exchange->target, &request, &refusal) == 0;
    if (good && serve->config.token && request.endpoint != ENDPOINT_HEALTH &&
        !gate_has_token(header_of(connection, "Authorization"), serve->config.token)) {
        refusal = (struct denial){401, "no_token",
                                  "needs the token: as a password, or `Authorization: Bearer`"};
        good = false;
    }
    unsigned counter = good ? request.endpoint : ENDPOINT_COUNT_;
    (void)__atomic_add_fetch(&serve->requests[counter], 1, __ATOMIC_RELAXED);
    return good ? dispatch(serve, connection, &request, exchange)
                : refuse(serve, connection, &refusal);
}

/* The target as it came, before the library takes it apart. */
static void *begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)cls;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    (void)snprintf(exchange->target, sizeof exchange->target, "%s", uri);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    exchange->connection = info ? info->socket_context : NULL;
    return exchange;
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct serve *serve = cls;
    struct exchange *exchange = *con_cls;
    if (exchange)
        connections_phase(&serve->connections, exchange->connection, PHASE_READING,
                          serve->config.now_ms());
    free(exchange);
    *con_cls = NULL;
}

static void connected(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct serve *serve = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        connections_close(&serve->connections, *socket_context);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context =
        info ? connections_open(&serve->connections, info->connect_fd, serve->config.now_ms())
             : NULL;
}

/* What the library has to say of broken clients is nobody's news. */
static void ignore(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

int http_start(struct serve *serve, int listen_fd, struct err *err)
{
    serve->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, handle, serve, MHD_OPTION_EXTERNAL_LOGGER, ignore, NULL,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)HTTP_STACK, MHD_OPTION_URI_LOG_CALLBACK, begin, serve,
        MHD_OPTION_NOTIFY_COMPLETED, completed, serve, MHD_OPTION_NOTIFY_CONNECTION, connected,
        serve, MHD_OPTION_END);
    if (serve->daemon)
        return 0;
    return err_set(err, NULL, 0, 0, "cannot start the HTTP server");
}

void http_stop(struct serve *serve)
{
    if (serve->daemon)
        MHD_stop_daemon(serve->daemon);
    serve->daemon = NULL;
}
