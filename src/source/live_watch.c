/* What the kernel says of an interface: up, down or gone, and what it had to drop. */
#include <nightscope/live.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int live_watch_init(struct live_watch *watch, const char *interface, struct err *err)
{
    *watch = (struct live_watch){.fd = -1};
    if (strlen(interface) >= sizeof watch->name)
        return err_set(err, interface, 0, 0, "no such interface");
    (void)snprintf(watch->name, sizeof watch->name, "%s", interface);
    watch->index = if_nametoindex(interface);
    if (watch->index == 0 && strcmp(interface, "any") != 0)
        return err_set(err, interface, 0, 0, "no such interface");
    watch->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (watch->fd < 0)
        return err_set(err, interface, 0, 0, "cannot be watched: %s", strerror(errno));
    return 0;
}

void live_watch_fini(struct live_watch *watch)
{
    if (watch->fd >= 0)
        (void)close(watch->fd);
    watch->fd = -1;
}

/* By its number: a name may change, or be another interface's by now. */
enum live_state live_watch_state(const struct live_watch *watch)
{
    struct ifreq request = {.ifr_ifindex = (int)watch->index};
    if (watch->index == 0)
        return LIVE_UP;
    if (ioctl(watch->fd, SIOCGIFNAME, &request) != 0 ||
        ioctl(watch->fd, SIOCGIFFLAGS, &request) != 0)
        return errno == ENODEV || errno == ENXIO ? LIVE_FAILED : LIVE_DOWN;
    return request.ifr_flags & IFF_UP ? LIVE_UP : LIVE_DOWN;
}

static bool read_counter(const struct live_watch *watch, const char *counter, uint64_t *total)
{
    char path[96], text[32];
    (void)snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", watch->name, counter);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    *total += strtoull(text, NULL, 10);
    return true;
}

bool live_watch_drops(const struct live_watch *watch, struct live_watch_drops *ret_drops)
{
    struct live_watch_drops drops = {0};
    if (!read_counter(watch, "rx_dropped", &drops.dropped) ||
        !read_counter(watch, "rx_missed_errors", &drops.missed) ||
        !read_counter(watch, "rx_fifo_errors", &drops.missed))
        return false;
    *ret_drops = drops;
    return true;
}

/* A line a processor; the second column, in hexadecimal digits. */
uint64_t live_backlog_drops(void)
{
    FILE *file = fopen("/proc/self/net/softnet_stat", "re");
    if (!file)
        return 0;
    uint64_t total = 0;
    unsigned dropped;
    char line[512];
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%*x %x", &dropped) == 1)
            total += dropped;
    (void)fclose(file); /* only read */
    return total;
}
