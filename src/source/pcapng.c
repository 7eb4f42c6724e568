/* pcapng: blocks walked in the stream, packets framed in place.
 *
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html (section numbers below).
 * A packet without a time stamp (Simple Packet Block) has that of the packet before it in the
 * file, and a bad one when there is none. Blocks of no interest are skipped unread. */
#include "source/pcapng.h"

#include <inttypes.h>

#include "base/prefetch.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete, appendix A */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED_PACKET = 6,

    OVERHEAD = 12,              /* type, length, length again */
    READ_LEN_MAX = 1024 * 1024, /* longest block accepted of those that are read */
    SECTION_LEN_MIN = 28,
};

/* A packet block, by its kind: offsets of its fields from the start of the block. */
struct packet {
    uint32_t total_len, interface, caplen, wirelen, data;
    uint64_t units;
    bool stamped;
};

static uint32_t padded(uint32_t len)
{
    return (len + 3) & ~(uint32_t)3;
}

/* Shortest legal block of this type; 0: a type that is not read. */
static inline uint32_t len_min(uint32_t type)
{
    switch (type) {
    case BLOCK_INTERFACE:
        return OVERHEAD + 8;
    case BLOCK_PACKET:
    case BLOCK_ENHANCED_PACKET:
        return OVERHEAD + 20;
    case BLOCK_SIMPLE_PACKET:
        return OVERHEAD + 4;
    case BLOCK_STATISTICS:
        return OVERHEAD + 12;
    default:
        return 0;
    }
}

/* Sections 4.3, 4.4 and appendix A. The block is whole and no shorter than len_min(). */
static inline __attribute__((always_inline)) void parse_packet(const struct capture *capture,
                                                               const uint8_t *block,
                                                               uint32_t type, bool swapped,
                                                               struct packet *ret_packet)
{
    struct packet packet = {.total_len = capture_load32(block + 4, swapped)};
    if (type == BLOCK_SIMPLE_PACKET) {
        packet.wirelen = capture_load32(block + 8, swapped);
        packet.data = 12;
        uint32_t snaplen = capture->pcapng.n ? capture->pcapng.interfaces[0].snaplen : 0;
        packet.caplen = packet.wirelen;
        if (snaplen && packet.caplen > snaplen)
            packet.caplen = snaplen;
    } else {
        packet.interface = type == BLOCK_PACKET ? capture_load16(block + 8, swapped)
                                                : capture_load32(block + 8, swapped);
        packet.units = (uint64_t)capture_load32(block + 12, swapped) << 32 |
                       capture_load32(block + 16, swapped);
        packet.caplen = capture_load32(block + 20, swapped);
        packet.wirelen = capture_load32(block + 24, swapped);
        packet.data = 28;
        packet.stamped = true;
    }
    *ret_packet = packet;
}

/* What a packet block says about lengths and its interface holds together. */
static inline bool consistent(const struct capture *capture, const struct packet *packet)
{
    return packet->caplen <= CAPLEN_MAX &&
           packet->data + padded(packet->caplen) + 4 <= packet->total_len &&
           packet->interface < capture->pcapng.n;
}

static inline bool packet_time(const struct capture *capture, const struct packet *packet,
                               int64_t *ret_ns)
{
    if (packet->stamped)
        return pcapng_clock_ns(&capture->pcapng.interfaces[packet->interface].clock,
                               packet->units, ret_ns);
    /* A simple packet has no time stamp: it takes the last one of its file, and 1970 when there
     * was none, so that it counts. */
    *ret_ns = capture->pcapng.last_ns < 0 ? 0 : capture->pcapng.last_ns;
    return true;
}

static inline __attribute__((always_inline)) unsigned take(struct capture *capture,
                                                           struct frame *frames, unsigned cap,
                                                           int64_t limit_ns, bool swapped)
{
    const uint8_t *pos = capture->stream.pos, *end = capture->stream.end;
    unsigned n = 0;
    while (n < cap && (size_t)(end - pos) >= OVERHEAD + 4) {
        prefetch((const void *)((uintptr_t)pos + CAPTURE_AHEAD));
        uint32_t type = capture_load32(pos, swapped);
        uint32_t total_len = capture_load32(pos + 4, swapped);
        if ((type != BLOCK_ENHANCED_PACKET && type != BLOCK_SIMPLE_PACKET &&
             type != BLOCK_PACKET) ||
            total_len < len_min(type) || total_len > (size_t)(end - pos) || total_len % 4 ||
            capture_load32(pos + total_len - 4, swapped) != total_len)
            break;
        struct packet packet;
        parse_packet(capture, pos, type, swapped, &packet);
        if (!consistent(capture, &packet))
            break;
        int64_t ts_ns = 0;
        bool timed = packet_time(capture, &packet, &ts_ns);
        if (ts_ns >= limit_ns)
            break;
        if (timed)
            capture->pcapng.last_ns = ts_ns;
        frames[n++] = (struct frame){
            .bytes = pos + packet.data,
            .ts_ns = ts_ns,
            .caplen = packet.caplen,
            .wirelen = packet.wirelen > packet.caplen ? packet.wirelen : packet.caplen,
            .link = capture->pcapng.interfaces[packet.interface].link,
            .flags = timed ? 0 : FRAME_BAD_TIME,
        };
        pos += total_len;
    }
    capture->stream.pos = pos;
    return n;
}

static unsigned take_native(struct capture *capture, struct frame *frames, unsigned cap,
                            int64_t limit_ns)
{
    return take(capture, frames, cap, limit_ns, false);
}

static unsigned take_swapped(struct capture *capture, struct frame *frames, unsigned cap,
                             int64_t limit_ns)
{
    return take(capture, frames, cap, limit_ns, true);
}

static bool peek(struct capture *capture);
static const struct capture_format native_format = {peek, take_native},
                                   swapped_format = {peek, take_swapped};

static bool lies(struct capture *capture, const char *what)
{
    return capture_fail(capture, "damaged at byte %" PRIu64 ": %s", capture->record_offset,
                        what);
}

/* The packet whose block is at pos, whole. */
static bool look_at_packet(struct capture *capture, uint32_t type)
{
    struct packet packet;
    parse_packet(capture, capture->stream.pos, type, capture->swapped, &packet);
    if (packet.caplen > CAPLEN_MAX)
        return capture_fail(capture,
                            "damaged at byte %" PRIu64 ": a packet of %" PRIu32
                            " bytes, expected at most %d",
                            capture->record_offset, packet.caplen, CAPLEN_MAX);
    if (packet.interface >= capture->pcapng.n)
        return capture_fail(
            capture, "damaged at byte %" PRIu64 ": a packet of interface %" PRIu32 " of %u",
            capture->record_offset, packet.interface, capture->pcapng.n);
    if (!consistent(capture, &packet))
        return lies(capture, "a packet longer than its block");
    capture->head_ns = 0;
    (void)packet_time(capture, &packet, &capture->head_ns); /* a bad time counts as 0 */
    return true;
}

static bool skip_block(struct capture *capture, uint32_t total_len)
{
    if (!capture_skip(capture, total_len - 4) || !capture_need(capture, 4))
        return false;
    if (capture_load32(capture->stream.pos, capture->swapped) != total_len)
        return lies(capture, "a block with two different lengths");
    capture->stream.pos += 4;
    return true;
}

/* Section 4.1. Also what makes the file a capture at all. */
static bool begin_section(struct capture *capture)
{
    if (!capture_need(capture, 16))
        return false;
    const uint8_t *block = capture->stream.pos;
    const uint32_t byte_order_magic = 0x1a2b3c4d;
    bool swapped = capture_load32(block + 8, false) != byte_order_magic;
    if (swapped && capture_load32(block + 8, true) != byte_order_magic)
        return lies(capture, "a section without byte-order magic");
    uint32_t total_len = capture_load32(block + 4, swapped);
    uint16_t major = capture_load16(block + 12, swapped);
    if (total_len < SECTION_LEN_MIN || total_len % 4)
        return lies(capture, "a section header of impossible length");
    if (major != 1)
        return capture_fail(capture, "pcapng version %u.%u at byte %" PRIu64 ", expected 1.0",
                            major, capture_load16(block + 14, swapped), capture->record_offset);
    capture->swapped = swapped;
    capture->format = swapped ? &swapped_format : &native_format;
    capture->pcapng.n = 0; /* interfaces belong to their section */
    return skip_block(capture, total_len);
}

/* Makes a block that is read contiguous, and checks its lengths. */
static bool need_block(struct capture *capture, uint32_t type, uint32_t total_len)
{
    if (total_len < len_min(type))
        return lies(capture, "a block shorter than its fields");
    if (total_len > READ_LEN_MAX)
        return capture_fail(capture,
                            "damaged at byte %" PRIu64 ": a block of %" PRIu32
                            " bytes, expected at most %d",
                            capture->record_offset, total_len, READ_LEN_MAX);
    if (!capture_need(capture, total_len))
        return false;
    if (capture_load32(capture->stream.pos + total_len - 4, capture->swapped) != total_len)
        return lies(capture, "a block with two different lengths");
    return true;
}

/* Walks to the next packet. */
static bool peek(struct capture *capture)
{
    struct stream *stream = &capture->stream;
    for (;;) {
        capture->record_offset = stream_offset(stream);
        if (!capture_need(capture, OVERHEAD))
            return false;
        uint32_t type = capture_load32(stream->pos, capture->swapped);
        uint32_t total_len = capture_load32(stream->pos + 4, capture->swapped);
        if (type == BLOCK_SECTION) { /* may change the byte order */
            if (!begin_section(capture))
                return false;
            continue;
        }
        if (total_len < OVERHEAD || total_len % 4)
            return lies(capture, "a block of impossible length");
        if (len_min(type) == 0) {
            if (!skip_block(capture, total_len))
                return false;
            continue;
        }
        if (!need_block(capture, type, total_len))
            return false;
        switch (type) {
        case BLOCK_INTERFACE:
            if (!pcapng_add_interface(capture, stream->pos, total_len))
                return false;
            break;
        case BLOCK_STATISTICS:
            if (!pcapng_read_statistics(capture, stream->pos, total_len))
                return false;
            break;
        default:
            return look_at_packet(capture, type);
        }
        stream->pos += total_len;
    }
}

bool pcapng_begin(struct capture *capture)
{
    capture->pcapng.last_ns = -1;
    return begin_section(capture);
}

void pcapng_end(struct capture *capture)
{
    if (capture->format == &native_format || capture->format == &swapped_format)
        pcapng_free_interfaces(capture);
}
