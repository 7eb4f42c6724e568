/* Packet time: the highest time stamp so far, and which minutes it has closed. */
#include "source/stamp.h"

#define MINUTE_NS       ((int64_t)60 * 1000000000)
#define LATENESS_MAX_NS ((int64_t)1 << 60)

void stamp_init(struct stamp *stamp, int64_t lateness_ns)
{
    if (lateness_ns < 0)
        lateness_ns = 0;
    if (lateness_ns > LATENESS_MAX_NS)
        lateness_ns = LATENESS_MAX_NS; /* no minute of a replay ever closes */
    *stamp = (struct stamp){
        .lateness_ns = lateness_ns,
        .packet_ns = -1,
        .minute_end_ns = MINUTE_NS,
        .closes_next_ns = MINUTE_NS + lateness_ns,
    };
}

static void advance(struct stamp *stamp, int64_t ns)
{
    stamp->packet_ns = ns;
    if (ns >= stamp->minute_end_ns) {
        stamp->minute = (uint32_t)(ns / MINUTE_NS);
        stamp->minute_end_ns = ((int64_t)stamp->minute + 1) * MINUTE_NS;
    }
    if (ns >= stamp->closes_next_ns) {
        stamp->closed_before_ns = (ns - stamp->lateness_ns) / MINUTE_NS * MINUTE_NS;
        stamp->closes_next_ns = stamp->closed_before_ns + MINUTE_NS + stamp->lateness_ns;
    }
}

void stamp_advance(struct stamp *stamp, int64_t ns)
{
    if (ns > stamp->packet_ns)
        advance(stamp, ns);
}

/* A frame that moves packet time is never late, so it may be moved first. */
unsigned stamp_frames(struct stamp *stamp, struct frame *frames, unsigned n)
{
    unsigned late = 0;
    for (unsigned i = 0; i < n; i++) {
        struct frame *frame = &frames[i];
        if (frame->flags & FRAME_BAD_TIME)
            continue;
        if (frame->ts_ns > stamp->packet_ns)
            advance(stamp, frame->ts_ns);
        frame->now_min = stamp->minute;
        if (frame->ts_ns < stamp->closed_before_ns) {
            frame->flags |= FRAME_LATE;
            late++;
        }
    }
    return late;
}
