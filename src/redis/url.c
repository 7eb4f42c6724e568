/* Where a Redis server is: redis://HOST[:PORT][/DB], rediss://..., unix:PATH[?db=N].
 *
 * Messages name the column but never quote the URL: what is wrong in it may be a password. */
#include <nightscope/redis.h>

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

static int fail(struct err *err, const char *url, const char *at, const char *expected)
{
    return err_set(err, NULL, 0, 0, "Redis URL, column %zu: expected %s",
                   (size_t)(at - url) + 1, expected);
}

static int refuse_credentials(struct err *err)
{
    return err_set(err, NULL, 0, 0,
                   "Redis URL: no user or password here, where other users of the system can "
                   "read it: use a credentials file or the environment");
}

/* Decimal digits from `at`, at most `max`. Returns what follows, or NULL. */
static const char *parse_number(const char *at, unsigned max, unsigned *ret_number)
{
    unsigned long long number = 0;
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = 10 * number + (unsigned)(*at - '0');
        if (number > max)
            return NULL;
    }
    if (at == start)
        return NULL;
    *ret_number = (unsigned)number;
    return at;
}

static bool is_name(const char *text, size_t n)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return n > 0 && strspn(text, allowed) >= n;
}

/* "HOST" or "[ADDRESS]"; returns what follows, or NULL with *err. */
static const char *parse_host(const char *url, const char *at, struct redis_config *config,
                              struct err *err)
{
    const char *end = at + strcspn(at, *at == '[' ? "]/?#" : ":/?#");
    const char *name = at;
    if (*at == '[') {
        name = at + 1;
        if (*end != ']') {
            (void)fail(err, url, end, "the \"]\" that ends an IPv6 address");
            return NULL;
        }
    }
    size_t n = (size_t)(end - name);
    struct in6_addr ignored;
    if (n >= sizeof config->host) {
        (void)fail(err, url, name, "a host name of at most 255 characters");
        return NULL;
    }
    memcpy(config->host, name, n);
    config->host[n] = '\0';
    if (*at == '[') {
        if (inet_pton(AF_INET6, config->host, &ignored) == 1)
            return end + 1;
        (void)fail(err, url, name, "an IPv6 address such as ::1");
        return NULL;
    }
    if (is_name(name, n))
        return end;
    (void)fail(err, url, name, "a host name or address (IPv6 in brackets: [::1])");
    return NULL;
}

static int parse_network(const char *url, const char *at, struct redis_config *config,
                         struct err *err)
{
    unsigned port = REDIS_PORT;
    if (strchr(at, '@'))
        return refuse_credentials(err);
    at = parse_host(url, at, config, err);
    if (!at)
        return -1;
    if (*at == ':') {
        const char *digits = at + 1;
        at = parse_number(digits, UINT16_MAX, &port);
        if (!at || port == 0)
            return fail(err, url, digits, "a port from 1 to 65535");
    }
    config->port = (uint16_t)port;
    if (*at == '/' && at[1]) {
        const char *digits = at + 1;
        at = parse_number(digits, INT_MAX, &config->db);
        if (!at)
            return fail(err, url, digits, "the number of a database, such as 0");
    } else if (*at == '/') {
        at++;
    }
    return *at ? fail(err, url, at, "the end, or /DB") : 0;
}

static int parse_unix(const char *url, const char *at, struct redis_config *config,
                      struct err *err)
{
    const char *query = at + strcspn(at, "?");
    size_t n = (size_t)(query - at);
    if (strstr(query, "user") || strstr(query, "pass"))
        return refuse_credentials(err);
    if (at[0] == '/' && at[1] == '/' && at[2] != '/' && memchr(at, '@', n))
        return refuse_credentials(err); /* unix://USER:PASSWORD@/PATH of other clients */
    if (*at != '/')
        return fail(err, url, at, "an absolute path, such as unix:/run/redis/redis.sock");
    if (n >= sizeof config->path)
        return fail(err, url, at, "a path of at most 107 characters");
    memcpy(config->path, at, n);
    config->path[n] = '\0';
    if (!*query)
        return 0;
    if (strncmp(query, "?db=", 4) != 0)
        return fail(err, url, query, "the end, or ?db=N");
    const char *end = parse_number(query + 4, INT_MAX, &config->db);
    if (!end || *end)
        return fail(err, url, end ? end : query + 4, "the number of a database, such as 0");
    return 0;
}

int redis_url_parse(const char *url, struct redis_config *ret_config, struct err *err)
{
    struct redis_config config = {.timeout_ms = REDIS_TIMEOUT_MS};
    int status;
    if (strncmp(url, "redis://", 8) == 0) {
        status = parse_network(url, url + 8, &config, err);
    } else if (strncmp(url, "rediss://", 9) == 0) {
        config.tls = true;
        status = parse_network(url, url + 9, &config, err);
    } else if (strncmp(url, "unix:", 5) == 0) {
        status = parse_unix(url, url + 5, &config, err);
    } else {
        status = fail(err, url, url, "redis://HOST[:PORT][/DB], rediss://... or unix:PATH");
    }
    if (status == 0)
        *ret_config = config;
    return status;
}
