/* The interfaces of a pcapng section: link type, snap length, clock, and packets lost. */
#pragma once

#include "source/capture.h"

enum { PCAPNG_INTERFACES_MAX = 65536 };

/* A clock counts units of 10^-n or 2^-n seconds from an offset. */
struct pcapng_clock {
    uint64_t fast_max; /* units below this need no more than a multiplication */
    uint64_t fast_ns;
    uint8_t resolution; /* if_tsresol: high bit: power of 2 */
    int64_t offset_s;
};

struct interface {
    struct pcapng_clock clock;
    uint64_t dropped; /* by its last statistics */
    uint32_t snaplen; /* 0: none */
    uint8_t link;
};

void pcapng_clock_init(struct pcapng_clock *clock, uint8_t resolution, int64_t offset_s);
/* False: not in [0, 2^32 s). */
bool pcapng_clock_slow_ns(const struct pcapng_clock *clock, uint64_t units, int64_t *ret_ns);

static inline bool pcapng_clock_ns(const struct pcapng_clock *clock, uint64_t units,
                                   int64_t *ret_ns)
{
    if (units < clock->fast_max) {
        *ret_ns = (int64_t)(units * clock->fast_ns);
        return true;
    }
    return pcapng_clock_slow_ns(clock, units, ret_ns);
}

/* Both take a whole block whose two lengths agree; false: the capture has failed. */
bool pcapng_add_interface(struct capture *capture, const uint8_t *block, uint32_t total_len);
bool pcapng_read_statistics(struct capture *capture, const uint8_t *block, uint32_t total_len);
void pcapng_free_interfaces(struct capture *capture);
