#include "serve/request.h"

#include "publish/keys.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const DIMENSION_NAMES[DIMENSION_COUNT_] = {
#define X(id, name) #name,
    DIMENSIONS(X)
#undef X
};

enum parameter {
    TAKES_SENSOR = 1,
    TAKES_VIEW = 2,
    TAKES_WINDOW = 4,
    TAKES_STEP = 8,
    TAKES_LIMIT = 16,
    TAKES_BY = 32,
    TAKES_CC = 64,
};

static const struct route {
    const char *path; /* up to a final slash: something follows */
    enum endpoint endpoint;
    unsigned takes;
} ROUTES[] = {
    {"/healthz", ENDPOINT_HEALTH, 0},
    {"/metrics", ENDPOINT_METRICS, 0},
    {"/api/v1/sensors", ENDPOINT_SENSORS, TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW},
    {"/api/v1/summary", ENDPOINT_SUMMARY, TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW},
    {"/api/v1/series", ENDPOINT_SERIES, TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW | TAKES_STEP},
    {"/api/v1/top/", ENDPOINT_TOP,
     TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW | TAKES_LIMIT | TAKES_BY | TAKES_CC},
    {"/api/v1/source/", ENDPOINT_SOURCE, TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW},
    {"/api/v1/feed", ENDPOINT_FEED, TAKES_SENSOR | TAKES_VIEW | TAKES_WINDOW},
};
enum { ROUTES_N = sizeof ROUTES / sizeof ROUTES[0] };

static int refuse(struct denial *refusal, unsigned status, const char *code, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
static int refuse(struct denial *refusal, unsigned status, const char *code, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    refusal->status = status;
    refusal->code = code;
    (void)vsnprintf(refusal->text, sizeof refusal->text, format, args);
    va_end(args);
    return -1;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX; only printable ASCII may come of it, which is all that any parameter takes. */
static int decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        int byte = (unsigned char)*in;
        if (byte == '%') {
            int high = hex(in[1]), low = high < 0 ? -1 : hex(in[2]);
            if (low < 0)
                return -1;
            byte = high << 4 | low;
            in += 2;
        }
        if (byte <= 0x20 || byte >= 0x7f)
            return -1;
        *out++ = (char)byte;
    }
    *out = '\0';
    return 0;
}

/* Digits alone; -1 when it is none or more than most. */
static int number(const char *text, size_t n, uint64_t most, uint64_t *ret_number)
{
    uint64_t value = 0;
    if (n == 0 || n > 12)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > most)
        return -1;
    *ret_number = value;
    return 0;
}

/* "24h", "7d", "90m", "2w"; or FROM-TO in Unix seconds. */
static int parse_window(const char *text, struct time_span *ret_window)
{
    static const char UNITS[] = "smhdw";
    static const uint32_t SECONDS[] = {1, 60, 3600, DAY_S, 7 * DAY_S};
    size_t digits = strspn(text, "0123456789");
    uint64_t first, last;
    if (text[digits] == '-') {
        const char *rest = text + digits + 1;
        if (number(text, digits, UINT32_MAX, &first) != 0 ||
            number(rest, strlen(rest), UINT32_MAX, &last) != 0 || first > last ||
            last - first > (uint64_t)REQUEST_SERIES_DAYS_MAX * DAY_S)
            return -1;
        *ret_window = (struct time_span){0, (uint32_t)first, (uint32_t)last};
        return 0;
    }
    const char *unit = text[digits] ? strchr(UNITS, text[digits]) : NULL;
    if (!unit || text[digits + 1] || number(text, digits, 1000000, &first) != 0)
        return -1;
    first *= SECONDS[unit - UNITS];
    if (first < 60 || first > (uint64_t)REQUEST_SERIES_DAYS_MAX * DAY_S)
        return -1;
    *ret_window = (struct time_span){(uint32_t)first, 0, 0};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int parse_sensors(char *text, struct request *request, struct denial *refusal)
{
    for (char *name; (name = strsep(&text, ","));) {
        if (!keys_is_sensor(name))
            return refuse(refusal, 400, "bad_sensor",
                          "sensor: expected names of 1 to 64 letters, digits, '.', '_' or "
                          "'-', with commas between them");
        bool known = false;
        for (unsigned i = 0; i < request->sensors_n; i++)
            known |= strcmp(request->sensors[i], name) == 0;
        if (known)
            continue;
        if (request->sensors_n == REQUEST_SENSORS_MAX)
            return refuse(refusal, 400, "bad_sensor", "sensor: at most %d at a time",
                          REQUEST_SENSORS_MAX);
        (void)snprintf(request->sensors[request->sensors_n++], sizeof request->sensors[0], "%s",
                       name);
    }
    qsort(request->sensors, request->sensors_n, sizeof request->sensors[0], by_name);
    return 0;
}

static int take_filter(unsigned parameter, char *value, struct request *request,
                       struct denial *refusal)
{
    uint64_t n;
    switch (parameter) {
    case TAKES_STEP:
        if (number(value, strlen(value), 30 * DAY_S, &n) != 0 || n == 0 || n % 60 != 0)
            return refuse(refusal, 400, "bad_step",
                          "step: expected seconds, a multiple of 60 up to 2592000");
        request->step_s = (uint32_t)n;
        return 0;
    case TAKES_LIMIT:
        if (number(value, strlen(value), REQUEST_LIMIT_MAX, &n) != 0 || n == 0)
            return refuse(refusal, 400, "bad_limit", "limit: expected 1 to %d",
                          REQUEST_LIMIT_MAX);
        request->limit = (uint32_t)n;
        return 0;
    case TAKES_BY:
        request->by_sources = strcmp(value, "sources") == 0;
        if (!request->by_sources && strcmp(value, "packets") != 0)
            return refuse(refusal, 400, "bad_by", "by: expected packets or sources");
        return 0;
    default:
        if (strlen(value) != 2 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
            return refuse(refusal, 400, "bad_cc",
                          "cc: expected a country's two capital letters");
        (void)snprintf(request->cc, sizeof request->cc, "%s", value);
        return 0;
    }
}

static int take(unsigned parameter, char *value, struct request *request,
                struct denial *refusal)
{
    switch (parameter) {
    case TAKES_SENSOR:
        return parse_sensors(value, request, refusal);
    case TAKES_VIEW:
        request->view = strcmp(value, "iot") == 0 ? VIEW_IOT : VIEW_ALL;
        if (request->view == VIEW_ALL && strcmp(value, "all") != 0)
            return refuse(refusal, 400, "bad_view", "view: expected all or iot");
        return 0;
    case TAKES_WINDOW:
        if (parse_window(value, &request->window) != 0)
            return refuse(refusal, 400, "bad_window",
                          "window: expected a duration such as 1h, 24h or 7d (60 s to %d "
                          "days), or FROM-TO in Unix seconds",
                          REQUEST_SERIES_DAYS_MAX);
        return 0;
    default:
        return take_filter(parameter, value, request, refusal);
    }
}

static int parse_query(char *query, unsigned takes, struct request *request,
                       struct denial *refusal)
{
    static const char *const NAMES[] = {"sensor", "view", "window", "step",
                                        "limit",  "by",   "cc"};
    unsigned seen = 0;
    for (char *pair; (pair = strsep(&query, "&"));) {
        if (!*pair)
            continue;
        char *value = strchr(pair, '=');
        if (value)
            *value++ = '\0';
        unsigned parameter = 0;
        for (unsigned i = 0; value && i < sizeof NAMES / sizeof NAMES[0]; i++)
            if (strcmp(NAMES[i], pair) == 0)
                parameter = 1U << i;
        if (!(parameter & takes))
            return refuse(refusal, 400, "bad_parameter",
                          "a parameter this path does not take, or one without a value");
        if (parameter & seen)
            return refuse(refusal, 400, "bad_parameter", "%s: given twice", pair);
        seen |= parameter;
        if (decode(value) != 0)
            return refuse(refusal, 400, "bad_parameter",
                          "%s: characters that no parameter takes", pair);
        if (take(parameter, value, request, refusal) != 0)
            return -1;
    }
    return 0;
}

/* "tcp", or as a ranking by sources is called in Redis, "tcp:sources". */
static int parse_dimension(char *name, struct request *request, struct denial *refusal)
{
    char *colon = strchr(name, ':');
    if (colon && strcmp(colon, ":sources") == 0) {
        request->by_sources = true;
        *colon = '\0';
    }
    for (unsigned i = 0; i < DIMENSION_COUNT_; i++)
        if (strcmp(name, DIMENSION_NAMES[i]) == 0) {
            request->dimension = i;
            return 0;
        }
    return refuse(refusal, 404, "no_such_ranking",
                  "rankings are tcp, udp, tcp:sources, udp:sources, cc, cc:sources, asn, src, "
                  "label and labelled");
}

static int parse_rest(const struct route *route, char *rest, struct request *request,
                      struct denial *refusal)
{
    if (decode(rest) != 0)
        return refuse(refusal, 404, "not_found", "no such path");
    if (route->endpoint == ENDPOINT_TOP)
        return parse_dimension(rest, request, refusal);
    if (address_parse(rest, &request->source) != 0)
        return refuse(refusal, 400, "bad_address", "expected an IPv4 or IPv6 address");
    return 0;
}

/* What Redis does not keep cannot be asked for. */
static int check_ranking(const struct request *request, struct denial *refusal)
{
    const struct time_span *window = &request->window;
    if (request->dimension == DIMENSION_LABELLED)
        return 0;
    if (window->trailing_s && window->trailing_s != 3600 && window->trailing_s % DAY_S != 0)
        return refuse(refusal, 400, "bad_window",
                      "window: rankings are kept for 1h, 24h and whole days");
    if (window->trailing_s > (uint32_t)REQUEST_DAYS_MAX * DAY_S ||
        window->to_s - window->from_s > (uint32_t)(REQUEST_DAYS_MAX - 1) * DAY_S)
        return refuse(refusal, 400, "bad_window", "window: rankings are kept for %d days",
                      REQUEST_DAYS_MAX);
    if (request->by_sources && request->dimension != DIMENSION_TCP &&
        request->dimension != DIMENSION_UDP && request->dimension != DIMENSION_CC)
        return refuse(refusal, 400, "bad_by", "by=sources: only of tcp, udp and cc");
    if (request->cc[0] && (request->dimension != DIMENSION_TCP || request->view != VIEW_ALL ||
                           request->by_sources || window->trailing_s != DAY_S))
        return refuse(refusal, 400, "bad_cc",
                      "cc: the ports of a country are kept for tcp, view=all and window=24h");
    return 0;
}

static int parse_file(const char *path, struct request *request, struct denial *refusal)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    const char *name = path + 1;
    size_t n = strlen(name);
    if (n >= sizeof request->file || strspn(name, ALLOWED) != n)
        return refuse(refusal, 404, "not_found", "no such path");
    (void)snprintf(request->file, sizeof request->file, "%s", name);
    return 0;
}

int request_parse(const char *target, struct request *ret_request, struct denial *ret_refusal)
{
    char copy[REQUEST_TARGET_MAX + 1];
    size_t n = strlen(target);
    if (n > REQUEST_TARGET_MAX)
        return refuse(ret_refusal, 414, "too_long", "path and query have at most %d bytes",
                      REQUEST_TARGET_MAX);
    if (target[0] != '/')
        return refuse(ret_refusal, 400, "bad_path", "a path begins with /");
    memcpy(copy, target, n + 1);
    char *query = strchr(copy, '?');
    if (query)
        *query++ = '\0';
    struct request request = {.window = {DAY_S, 0, 0}, .limit = 20};
    const struct route *route = NULL;
    for (unsigned i = 0; i < ROUTES_N; i++) {
        size_t length = strlen(ROUTES[i].path);
        if (ROUTES[i].path[length - 1] == '/' ? strncmp(copy, ROUTES[i].path, length) == 0
                                              : strcmp(copy, ROUTES[i].path) == 0)
            route = &ROUTES[i];
    }
    if (!route) {
        /* The page keeps its own state in the query: it is none of the server's business. */
        if (parse_file(copy, &request, ret_refusal) != 0)
            return -1;
        *ret_request = request;
        return 0;
    }
    request.endpoint = route->endpoint;
    if (route->path[strlen(route->path) - 1] == '/' &&
        parse_rest(route, copy + strlen(route->path), &request, ret_refusal) != 0)
        return -1;
    if (query && parse_query(query, route->takes, &request, ret_refusal) != 0)
        return -1;
    if (route->endpoint == ENDPOINT_TOP && check_ranking(&request, ret_refusal) != 0)
        return -1;
    *ret_request = request;
    return 0;
}

void request_key(const struct request *request, char key[static REQUEST_KEY_CAP])
{
    char source[ADDRESS_TEXT_CAP] = "";
    if (request->endpoint == ENDPOINT_SOURCE)
        (void)address_format(&request->source, source);
    int n =
        snprintf(key, REQUEST_KEY_CAP, "%d %d %u %u %u %u %u %d %d %s %s", request->endpoint,
                 request->view, request->window.trailing_s, request->window.from_s,
                 request->window.to_s, request->step_s, request->limit, request->dimension,
                 request->by_sources, request->cc, source);
    for (unsigned i = 0; i < request->sensors_n; i++)
        n += snprintf(key + n, (size_t)(REQUEST_KEY_CAP - n), " %s", request->sensors[i]);
}
