/* Opening, closing and merging of minutes. */
#include "state/windows.h"

#include <nightscope/analysis.h>
#include <stdlib.h>

enum { MINUTE_S = 60 };
#define MINUTE_NS ((int64_t)MINUTE_S * 1000000000)

void window_free(struct window *window)
{
    free(window);
}

static void free_list(struct window *window)
{
    while (window) {
        struct window *next = window->next;
        window_free(window);
        window = next;
    }
}

void windows_fini(struct windows *windows)
{
    free_list(windows->open);
    free_list(windows->closed);
    *windows = (struct windows){0};
}

static void push_open(struct windows *windows, struct window *window)
{
    window->next = windows->open;
    windows->open = window;
}

/* The open window of a minute, moved to the front; NULL when there is none. */
static struct window *find_open(struct windows *windows, int64_t start_s)
{
    for (struct window **at = &windows->open; *at; at = &(*at)->next) {
        struct window *window = *at;
        if (window->start_s != start_s)
            continue;
        *at = window->next;
        push_open(windows, window);
        return window;
    }
    return NULL;
}

struct window *window_new(int64_t minute)
{
    struct window *window = calloc(1, sizeof *window);
    if (!window)
        return NULL;
    window->start_s = minute * MINUTE_S;
    window->span_s = MINUTE_S;
    return window;
}

struct window *windows_at(struct windows *windows, int64_t minute)
{
    if (minute < windows->closed_before_min)
        return NULL;
    struct window *window = find_open(windows, minute * MINUTE_S);
    if (window)
        return window;
    window = window_new(minute);
    if (!window) {
        windows->memory_refused++;
        return NULL;
    }
    push_open(windows, window);
    return window;
}

/* Puts a window among the closed ones, or into the one of its minute. */
static void insert_closed(struct windows *windows, struct window *window)
{
    struct window **at = &windows->closed;
    if (windows->closed && windows->closed_newest->start_s < window->start_s)
        at = &windows->closed_newest->next; /* the common case: time goes on */
    while (*at && (*at)->start_s < window->start_s)
        at = &(*at)->next;
    if (*at && (*at)->start_s == window->start_s) {
        window_merge(*at, window);
        window_free(window);
        return;
    }
    window->next = *at;
    *at = window;
    if (!window->next)
        windows->closed_newest = window;
}

void windows_close_before(struct windows *windows, int64_t minute)
{
    if (minute <= windows->closed_before_min)
        return;
    windows->closed_before_min = minute;
    struct window **at = &windows->open;
    while (*at) {
        struct window *window = *at;
        if (window->start_s >= minute * MINUTE_S) {
            at = &window->next;
            continue;
        }
        *at = window->next;
        insert_closed(windows, window);
    }
}

void windows_close_until(struct windows *windows, int64_t packet_time_ns)
{
    /* minute m is closed when (m + 1) * 60 s + lateness <= packet time */
    if (packet_time_ns >= windows->lateness_ns)
        windows_close_before(windows, (packet_time_ns - windows->lateness_ns) / MINUTE_NS);
}

void windows_close_all(struct windows *windows)
{
    windows_close_before(windows, INT64_MAX / MINUTE_S);
}

struct window *windows_take_closed(struct windows *windows)
{
    struct window *taken = windows->closed;
    windows->closed = windows->closed_newest = NULL;
    return taken;
}

void windows_receive(struct windows *windows, struct window *window)
{
    if (window->start_s < windows->closed_before_min * MINUTE_S) {
        insert_closed(windows, window);
        return;
    }
    struct window *same = find_open(windows, window->start_s);
    if (!same) {
        push_open(windows, window);
        return;
    }
    window_merge(same, window);
    window_free(window);
}

void windows_merge(struct windows *into, struct windows *from)
{
    if (from->closed_before_min > into->closed_before_min)
        windows_close_before(into, from->closed_before_min);
    struct window *lists[] = {from->open, from->closed};
    from->open = from->closed = from->closed_newest = NULL;
    into->memory_refused += from->memory_refused;
    from->memory_refused = 0;
    for (unsigned i = 0; i < 2; i++) {
        while (lists[i]) {
            struct window *window = lists[i];
            lists[i] = window->next;
            windows_receive(into, window);
        }
    }
}
