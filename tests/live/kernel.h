/* A kernel that is made up: interfaces, rings and a clock that a test sets.
 *
 * It takes the place of the functions of <nightscope/live.h>, and of some of the C library (the
 * linker's --wrap): clock_gettime(), alarm(), unlinkat(), so that all of a sensor above them
 * runs as it is: hours pass in milliseconds, a handle fails when it is told to, and what was
 * sent and dropped is known.
 *
 *   kernel_send() --> dealt by source to the handles of the interface --> ring --> live_read()
 */
#pragma once

#include <nightscope/live.h>

enum { KERNEL_HANDLES_MAX = 8 }; /* of an interface */

/* What a handle does when it is read. */
enum kernel_mode {
    KERNEL_READS,
    KERNEL_HOLDS, /* nothing is handed out: its ring fills */
    KERNEL_HANGS, /* live_read() does not return */
    KERNEL_FAILS, /* live_read() fails */
};

/* No interfaces; a ring holds so many frames; the clock stands at this time. */
void kernel_begin(unsigned ring_frames, int64_t now_ns);
void kernel_end(void);
void kernel_add_interface(const char *name);

/* Time passes, on both clocks; and the clock is set, which the monotonic one does not see. */
void kernel_pass(int64_t ns);
void kernel_set(int64_t step_ns);
int64_t kernel_now_ns(void);

/* A frame of Ethernet and IPv4, with this time stamp. */
void kernel_send(unsigned interface, int64_t ts_ns, const uint8_t *bytes, unsigned n);
/* Whoever waits for packets looks again. */
void kernel_wake(void);
/* The handle that was opened as number `handle` of this interface. */
void kernel_set_mode(unsigned interface, unsigned handle, enum kernel_mode mode);
void kernel_set_state(unsigned interface, enum live_state state);
/* What the interface and the kernel's backlog say that they lost, over all time. */
void kernel_set_drops(unsigned interface, struct live_watch_drops drops, uint64_t backlog);
/* Nothing lies in a ring that would be read. */
bool kernel_is_drained(void);
/* Frames in the rings, and of all that were sent those that had no room. */
uint64_t kernel_unread(void);
uint64_t kernel_dropped(void);
/* Who makes or removes a file is never answered, until it is killed; alarm() comes in a second.
 */
void kernel_stall_disk(bool stalled);
