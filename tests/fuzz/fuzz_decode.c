/* Any frame of any link layer. An input is one frame:
 *
 *      byte 0     link layer, modulo their number and one that does not exist
 *      byte 1     bits 0-2 tunnels to open, 3 dark space, 4 late, 5 bad time
 *      byte 2-3   bytes cut from the capture, big-endian: wirelen = caplen + this
 *      byte 4-5   length at which the frame is captured once more, to compare
 *      then       the bytes captured */
#include "packet/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct prefix_set *must_parse(const char *text)
{
    struct err err;
    struct prefix_set *set = prefix_set_parse(text, "fuzz", &err);
    HOLDS(set);
    return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct prefix_set *dark, *ends; /* reachable to the end: not leaks */
    enum { HEADER = 6 };
    if (!dark) {
        dark = must_parse("198.51.100.0/24,!198.51.100.7,2001:db8:1::/48");
        ends = must_parse("192.0.0.0/8,2001:db8::/32");
    }
    if (size < HEADER || size > HEADER + CAPLEN_MAX)
        return 0;
    uint32_t caplen = (uint32_t)(size - HEADER);
    uint8_t *exact = malloc(caplen ? caplen : 1);
    HOLDS(exact);
    memcpy(exact, data + HEADER, caplen);
    struct decode_config config = {
        .tunnels = data[1] & 7,
        .tunnel_ends = ends,
        .dark = data[1] & 8 ? dark : NULL,
    };
    struct frame frame = {
        .bytes = exact,
        .caplen = caplen,
        .wirelen = caplen + (uint32_t)(data[2] << 8 | data[3]),
        .link = data[0] % (LINK_COUNT_ + 1),
        .flags =
            (uint8_t)((data[1] & 16 ? FRAME_LATE : 0) | (data[1] & 32 ? FRAME_BAD_TIME : 0)),
    };
    check_frame(&config, &frame, (uint32_t)(data[4] << 8 | data[5]));
    free(exact);
    return 0;
}
