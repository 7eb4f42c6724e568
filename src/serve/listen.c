#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int expected(const char *text, struct err *err)
{
    return err_set(err, "--listen", 0, 0,
                   "\"%s\": expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080", text);
}

int listen_parse(const char *text, struct listen_at *ret_at, struct err *err)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return expected(text, err);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || port > UINT16_MAX)
        return expected(text, err);
    struct listen_at at = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at.address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at.address;
    size_t n = strlen(host);
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                  &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        at.length = sizeof *v4;
        at.loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        *ret_at = at;
        return 0;
    }
    if (n < 2 || host[0] != '[' || host[n - 1] != ']')
        return expected(text, err);
    host[n - 1] = '\0';
    at = (struct listen_at){0};
    if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
        return expected(text, err);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    at.length = sizeof *v6;
    at.loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    *ret_at = at;
    return 0;
}

int listen_open(const struct listen_at *at, const char *text, uint16_t *ret_port,
                struct err *err)
{
    const int on = 1;
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&at->address, at->length) == 0 &&
        listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&bound, &length) == 0) {
        *ret_port =
            ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
        return fd;
    }
    (void)err_set(err, "--listen", 0, 0, "cannot listen on %s: %s", text, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}
