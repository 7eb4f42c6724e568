#include "app/terminal.h"

#include "app/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80, HEIGHT = 24, LARGEST = 500, WAIT_MS = 20, WAITS_MAX = 10 };

/* The terminal anew, as a file of our own that never makes us wait; or, where it cannot be
 * opened, as it is. */
static int open_again(int fd)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return again < 0 ? fd : again;
}

bool terminal_takes_escapes(int fd)
{
    const char *name = getenv("TERM");
    return name && name[0] && strcmp(name, "dumb") != 0 && isatty(fd);
}

void terminal_init(struct terminal *terminal, bool quiet, bool colour)
{
    *terminal = (struct terminal){.fd = -1, .colour = colour};
    if (!quiet && terminal_takes_escapes(STDERR_FILENO))
        terminal->fd = STDERR_FILENO;
    else if (!quiet && terminal_takes_escapes(STDOUT_FILENO))
        terminal->fd = STDOUT_FILENO;
    if (terminal->fd >= 0)
        terminal->fd = open_again(terminal->fd);
}

void terminal_fini(struct terminal *terminal)
{
    if (terminal->fd > STDERR_FILENO)
        (void)close(terminal->fd);
}

bool terminal_shows(const struct terminal *terminal)
{
    return terminal->fd >= 0;
}

/* The page from the top left on, each line cleared behind its end, and all below it. */
static void draw(FILE *out, const char *page)
{
    (void)fputs("\x1b[H", out);
    for (; *page; page++) {
        if (*page == '\n')
            (void)fputs("\x1b[K\r", out);
        (void)fputc(*page, out);
    }
    (void)fputs("\x1b[K\x1b[J", out);
}

/* A terminal that takes nothing (it was stopped, say) must not stop the sensor. */
static void put(int fd, const char *text, size_t n)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    for (unsigned i = 0; n && i < WAITS_MAX; i++) {
        if (poll(&ready, 1, i ? WAIT_MS : 0) != 1 || ready.revents != POLLOUT)
            return;
        ssize_t done = write(fd, text, n);
        if (done <= 0)
            return; /* what is lost comes again in a second */
        text += done;
        n -= (size_t)done;
    }
}

static void on_tick(void *context, const struct live_status *status)
{
    struct terminal *terminal = context;
    struct winsize size = {.ws_col = WIDTH, .ws_row = HEIGHT};
    char *page = NULL, *text = NULL;
    size_t page_n, n;
    if (ioctl(terminal->fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = WIDTH, .ws_row = HEIGHT};
    struct screen screen = {
        .now = status,
        .before = terminal->has_before ? &terminal->before : NULL,
        .width = size.ws_col < LARGEST ? size.ws_col : LARGEST,
        .height = size.ws_row < LARGEST ? size.ws_row : LARGEST,
        .colour = terminal->colour,
    };
    FILE *out = open_memstream(&page, &page_n);
    if (out && !status->ended)
        screen_write(out, &screen);
    if (out && fclose(out) == 0 && (out = open_memstream(&text, &n))) {
        draw(out, page); /* at the end: nothing, and the report follows */
        if (fclose(out) == 0)
            put(terminal->fd, text, n);
    }
    free(text);
    free(page);
    terminal->before = *status;
    terminal->has_before = true;
}

struct live_observer terminal_observer(struct terminal *terminal)
{
    return (struct live_observer){.context = terminal, .tick = on_tick};
}
