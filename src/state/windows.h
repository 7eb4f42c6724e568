/* The open minutes of one analysis, and those closed but not yet taken.
 *
 * A minute is open from its first packet until packet time is `lateness` past its end. Frames
 * carry the packet time of their reading, so minutes also close while batches are added, and
 * few are open at any time however time stamps jump. A closed minute never opens again. */
#pragma once

#include <nightscope/window.h>

struct windows {
    struct window *open;                   /* unsorted, the last one used first */
    struct window *closed, *closed_newest; /* by time; its last one */
    int64_t closed_before_min;             /* minutes before this one are closed */
    int64_t lateness_ns;
    uint64_t memory_refused;
};

void windows_fini(struct windows *windows);
/* The open window of a minute, made if need be; NULL when it is closed, or without memory. */
struct window *windows_at(struct windows *windows, int64_t minute);
/* An empty one of a minute; NULL: memory. */
struct window *window_new(int64_t minute);
/* Adds a window, or merges it into the one of its minute; it is closed if its minute is. */
void windows_receive(struct windows *windows, struct window *window);
/* Minutes before this one are closed. */
void windows_close_before(struct windows *windows, int64_t minute);
void windows_close_until(struct windows *windows, int64_t packet_time_ns);
void windows_close_all(struct windows *windows);
struct window *windows_take_closed(struct windows *windows);
void windows_merge(struct windows *into, struct windows *from);
