/* Packet time: the highest time stamp so far, and which minutes it has closed. */
#pragma once

#include <nightscope/packet.h>

struct stamp {
    int64_t lateness_ns;
    int64_t packet_ns; /* packet time; -1: no frame yet */
    uint32_t minute;   /* of packet time */
    int64_t minute_end_ns;
    int64_t closed_before_ns, closes_next_ns; /* minutes that end by the first are closed;
                                                 at the second, one more closes */
};

void stamp_init(struct stamp *stamp, int64_t lateness_ns);
/* Packet time is at least this: nothing older will come. */
void stamp_advance(struct stamp *stamp, int64_t ns);
/* Sets now_min and FRAME_LATE of frames, in their order. Returns how many are late. */
unsigned stamp_frames(struct stamp *stamp, struct frame *frames, unsigned n);
