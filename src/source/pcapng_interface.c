/* The interfaces of a pcapng section: their blocks and their clocks. */
#include "source/pcapng.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    OPTION_END = 0,
    IF_TSRESOL = 9, /* section 4.2 */
    IF_TSOFFSET = 14,
    ISB_IFDROP = 5, /* section 4.6 */
    ISB_OSDROP = 7,

    RESOLUTION_DEFAULT = 6,
    RESOLUTION_BINARY = 0x80,
};

struct option {
    uint16_t code, len;
    const uint8_t *value;
};

/* Section 3.5. Moves *pos over the next option; false: no more, or *ret_bad. */
static bool next_option(const uint8_t **pos, const uint8_t *end, bool swapped,
                        struct option *ret_option, bool *ret_bad)
{
    *ret_bad = false;
    size_t left = (size_t)(end - *pos);
    if (left < 4)
        return false; /* the list may also just end with its block */
    struct option option = {
        .code = capture_load16(*pos, swapped),
        .len = capture_load16(*pos + 2, swapped),
        .value = *pos + 4,
    };
    if (option.code == OPTION_END)
        return false;
    size_t padded = ((size_t)option.len + 3) & ~(size_t)3;
    if (padded > left - 4) {
        *ret_bad = true;
        return false;
    }
    *pos += 4 + padded;
    *ret_option = option;
    return true;
}

static uint64_t load64(const uint8_t *bytes, bool swapped)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap64(value) : value;
}

static bool fail_option(struct capture *capture)
{
    return capture_fail(capture, "damaged at byte %" PRIu64 ": an option longer than its block",
                        capture->record_offset);
}

void pcapng_clock_init(struct pcapng_clock *clock, uint8_t resolution, int64_t offset_s)
{
    *clock = (struct pcapng_clock){.resolution = resolution, .offset_s = offset_s};
    if (offset_s != 0 || resolution > 9)
        return;
    uint64_t per_s = 1;
    for (unsigned i = 0; i < resolution; i++)
        per_s *= 10;
    clock->fast_ns = 1000000000 / per_s;
    clock->fast_max = ((uint64_t)1 << 32) * per_s;
}

bool pcapng_clock_slow_ns(const struct pcapng_clock *clock, uint64_t units, int64_t *ret_ns)
{
    unsigned exponent = clock->resolution & 0x7f;
    __int128 ns;
    if (clock->resolution & RESOLUTION_BINARY) {
        /* units * 10^9 is below 2^94: beyond that nothing is left. */
        ns = exponent < 94 ? ((__int128)units * 1000000000) >> exponent : 0;
    } else if (exponent <= 9) {
        uint64_t unit_ns = 1;
        for (unsigned i = exponent; i < 9; i++)
            unit_ns *= 10;
        ns = (__int128)units * unit_ns;
    } else {
        ns = units;
        for (unsigned i = 9; i < exponent && ns; i++)
            ns /= 10;
    }
    ns += (__int128)clock->offset_s * 1000000000;
    if (ns < 0 || ns >= CAPTURE_TIME_END_NS)
        return false;
    *ret_ns = (int64_t)ns;
    return true;
}

static struct interface *new_interface(struct capture *capture)
{
    if (capture->pcapng.n == PCAPNG_INTERFACES_MAX) {
        (void)capture_fail(capture,
                           "at byte %" PRIu64 ": more than %d interfaces in one section",
                           capture->record_offset, PCAPNG_INTERFACES_MAX);
        return NULL;
    }
    if (capture->pcapng.n == capture->pcapng.cap) {
        unsigned cap = capture->pcapng.cap ? capture->pcapng.cap * 2 : 4;
        struct interface *interfaces =
            realloc(capture->pcapng.interfaces, cap * sizeof *interfaces);
        if (!interfaces) {
            (void)capture_fail(capture, "out of memory at byte %" PRIu64,
                               capture->record_offset);
            return NULL;
        }
        capture->pcapng.interfaces = interfaces;
        capture->pcapng.cap = cap;
    }
    return &capture->pcapng.interfaces[capture->pcapng.n++];
}

bool pcapng_add_interface(struct capture *capture, const uint8_t *block, uint32_t total_len)
{
    bool swapped = capture->swapped, bad;
    uint8_t resolution = RESOLUTION_DEFAULT;
    int64_t offset_s = 0;
    const uint8_t *pos = block + 16, *end = block + total_len - 4;
    for (struct option option; next_option(&pos, end, swapped, &option, &bad);) {
        if (option.code == IF_TSRESOL && option.len == 1)
            resolution = option.value[0];
        if (option.code == IF_TSOFFSET && option.len == 8)
            offset_s = (int64_t)load64(option.value, swapped);
    }
    if (bad)
        return fail_option(capture);
    struct interface *interface = new_interface(capture);
    if (!interface)
        return false;
    *interface = (struct interface){
        .link = (uint8_t)link_from_linktype(capture_load16(block + 8, swapped)),
        .snaplen = capture_load32(block + 12, swapped),
    };
    pcapng_clock_init(&interface->clock, resolution, offset_s);
    return true;
}

bool pcapng_read_statistics(struct capture *capture, const uint8_t *block, uint32_t total_len)
{
    bool swapped = capture->swapped, bad;
    uint32_t id = capture_load32(block + 8, swapped);
    uint64_t dropped = 0;
    const uint8_t *pos = block + 20, *end = block + total_len - 4;
    for (struct option option; next_option(&pos, end, swapped, &option, &bad);)
        if ((option.code == ISB_IFDROP || option.code == ISB_OSDROP) && option.len == 8)
            dropped += load64(option.value, swapped);
    if (bad)
        return fail_option(capture);
    if (id >= capture->pcapng.n)
        return true; /* they say nothing of the packets behind them, which are whole */
    struct interface *interface = &capture->pcapng.interfaces[id];
    capture->dropped += dropped - interface->dropped; /* the last ones stand */
    interface->dropped = dropped;
    return true;
}

void pcapng_free_interfaces(struct capture *capture)
{
    free(capture->pcapng.interfaces);
    capture->pcapng.interfaces = NULL;
    capture->pcapng.n = capture->pcapng.cap = 0;
}
