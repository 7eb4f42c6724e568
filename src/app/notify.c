#include "app/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool watchdog_is_ours(void)
{
    enum { SHORTEST_US = 1500000 }; /* it is told once a second */
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    return us && strtoull(us, NULL, 10) >= SHORTEST_US &&
           (!pid || strtol(pid, NULL, 10) == getpid());
}

void notify_init(struct notify *notify)
{
    *notify = (struct notify){.fd = -1};
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* a name without a file */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) != 0) {
        (void)close(fd);
        fd = -1;
    }
    notify->fd = fd;
    notify->watchdog = fd >= 0 && watchdog_is_ours();
}

void notify_fini(struct notify *notify)
{
    if (notify->fd >= 0)
        (void)close(notify->fd);
    notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *format, ...)
{
    char text[512];
    if (notify->fd < 0)
        return;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length > 0 && (size_t)length < sizeof text)
        (void)send(notify->fd, text, (size_t)length,
                   MSG_NOSIGNAL); /* who does not listen ... */
}

void notify_status(const struct notify *notify, const struct live_status *status, bool alive)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        lost += status->drops[i];
    notify_send(notify, "%sSTATUS=%llu frames read, %llu packets lost, %llu s behind%s",
                alive && notify->watchdog ? "WATCHDOG=1\n" : "",
                (unsigned long long)status->frames, (unsigned long long)lost,
                (unsigned long long)status->lag_s, alive ? "" : "; a worker does not answer");
}

void notify_reloading(const struct notify *notify)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always exists */
    notify_send(notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
                (unsigned long long)now.tv_sec * 1000000 +
                    (unsigned long long)now.tv_nsec / 1000);
}
