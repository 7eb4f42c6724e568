/* Classic pcap: records framed in place.
 *
 * Micro- or nanosecond time stamps, either byte order, and the longer record header of a
 * once-common patch to libpcap. One loop a variant, so that byte order, unit and header length
 * are constants in it. https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html */
#include <inttypes.h>

#include "base/prefetch.h"
#include "source/capture.h"

enum {
    FILE_HEADER_LEN = 24,
    RECORD_LEN = 16,
    PATCHED_RECORD_LEN = 24, /* followed by interface, protocol, packet type, padding */
};

#define VARIANTS(X)                                                                            \
    X(0xa1b2c3d4, 1000, RECORD_LEN, micro)                                                     \
    X(0xa1b23c4d, 1, RECORD_LEN, nano)                                                         \
    X(0xa1b2cd34, 1000, PATCHED_RECORD_LEN, patched)

/* Do the bytes of an empty record begin another file, as in captures that were joined with cat?
 * As a record it would be of the year 2055, and all that come after it late. */
static bool is_file_header(const uint8_t *bytes)
{
    static const uint8_t version_2_4[2][4] = {{2, 0, 4, 0}, {0, 2, 0, 4}};
    uint32_t magic = capture_load32(bytes, false), other_order = __builtin_bswap32(magic);
    bool known = false;
#define X(number, unit_ns, header_len, name)                                                   \
    known |= magic == (number) || other_order == (number);
    VARIANTS(X)
#undef X
    return known && (memcmp(bytes + 4, version_2_4[0], 4) == 0 ||
                     memcmp(bytes + 4, version_2_4[1], 4) == 0);
}

/* Before version 2.4 the two lengths stood in either order, and the captured one is the lesser,
 * as libpcap has it. Since then the wire's may be the lesser in files of some writers. */
static inline void read_lengths(const uint8_t *record, bool swapped, bool old,
                                uint32_t *ret_caplen, uint32_t *ret_wirelen)
{
    uint32_t caplen = capture_load32(record + 8, swapped);
    uint32_t wirelen = capture_load32(record + 12, swapped);
    bool other_order = old && wirelen < caplen;
    *ret_caplen = other_order ? wirelen : caplen;
    *ret_wirelen = other_order ? caplen : wirelen;
}

/* The loop of all variants: a record costs a few nanoseconds, so nothing else belongs here. */
static inline __attribute__((always_inline)) unsigned take(struct capture *capture,
                                                           struct frame *frames, unsigned cap,
                                                           int64_t limit_ns, bool swapped,
                                                           bool old, uint32_t unit_ns,
                                                           uint32_t header_len)
{
    const uint8_t *pos = capture->stream.pos, *end = capture->stream.end;
    uint8_t link = capture->pcap.link;
    unsigned n = 0;
    for (; n < cap && (size_t)(end - pos) >= header_len; n++) {
        prefetch((const void *)((uintptr_t)pos + CAPTURE_AHEAD));
        uint32_t caplen, wirelen;
        read_lengths(pos, swapped, old, &caplen, &wirelen);
        if (caplen > CAPLEN_MAX || caplen > (size_t)(end - pos) - header_len)
            break;
        if (__builtin_expect(!(caplen | wirelen), 0) && is_file_header(pos))
            break;
        int64_t ts_ns = (int64_t)((uint64_t)capture_load32(pos, swapped) * 1000000000 +
                                  (uint64_t)capture_load32(pos + 4, swapped) * unit_ns);
        bool bad = ts_ns >= CAPTURE_TIME_END_NS; /* by its fraction */
        if (__builtin_expect(bad, 0))
            ts_ns = 0;
        if (ts_ns >= limit_ns)
            break;
        frames[n] = (struct frame){
            .bytes = pos + header_len,
            .ts_ns = ts_ns,
            .caplen = caplen,
            .wirelen = wirelen > caplen ? wirelen : caplen, /* some writers leave it lower */
            .link = link,
            .flags = bad ? FRAME_BAD_TIME : 0,
        };
        pos += header_len + caplen;
    }
    capture->stream.pos = pos;
    return n;
}

static bool peek(struct capture *capture)
{
    const struct stream *stream = &capture->stream;
    uint32_t header_len = capture->pcap.header_len;
    capture->record_offset = stream_offset(stream);
    if (!capture_need(capture, header_len))
        return false;
    uint32_t caplen, wirelen;
    read_lengths(stream->pos, capture->swapped, capture->pcap.old, &caplen, &wirelen);
    if (caplen > CAPLEN_MAX)
        return capture_fail(capture,
                            "damaged at byte %" PRIu64 ": a record of %" PRIu32
                            " bytes, expected at most %d",
                            capture->record_offset, caplen, CAPLEN_MAX);
    if (!(caplen | wirelen) && is_file_header(stream->pos))
        return capture_fail(capture,
                            "another pcap file begins at byte %" PRIu64
                            ", and is not read: give captures one by one, or join them with "
                            "mergecap(1)",
                            capture->record_offset);
    if (!capture_need(capture, header_len + caplen))
        return false;
    uint32_t seconds = capture_load32(stream->pos, capture->swapped);
    uint32_t fraction = capture_load32(stream->pos + 4, capture->swapped);
    uint64_t ts_ns =
        (uint64_t)seconds * 1000000000 + (uint64_t)fraction * capture->pcap.unit_ns;
    capture->head_ns = ts_ns < (uint64_t)CAPTURE_TIME_END_NS ? (int64_t)ts_ns : 0;
    return true;
}

#define X(magic, unit_ns, header_len, name)                                                    \
    static unsigned take_##name(struct capture *capture, struct frame *frames, unsigned cap,   \
                                int64_t limit_ns)                                              \
    {                                                                                          \
        return take(capture, frames, cap, limit_ns, false, false, unit_ns, header_len);        \
    }                                                                                          \
    static unsigned take_##name##_swapped(struct capture *capture, struct frame *frames,       \
                                          unsigned cap, int64_t limit_ns)                      \
    {                                                                                          \
        return take(capture, frames, cap, limit_ns, true, false, unit_ns, header_len);         \
    }
VARIANTS(X)
#undef X

static unsigned take_old(struct capture *capture, struct frame *frames, unsigned cap,
                         int64_t limit_ns)
{
    return take(capture, frames, cap, limit_ns, capture->swapped, true, capture->pcap.unit_ns,
                capture->pcap.header_len);
}

static const struct capture_format old_format = {peek, take_old};

static const struct variant {
    uint32_t magic, unit_ns, header_len;
    struct capture_format native, swapped;
} variants[] = {
#define X(magic, unit_ns, header_len, name)                                                    \
    {magic, unit_ns, header_len, {peek, take_##name}, {peek, take_##name##_swapped}},
    VARIANTS(X)
#undef X
};

bool pcap_begin(struct capture *capture, uint32_t magic)
{
    const struct variant *variant = NULL;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (magic == variants[i].magic || magic == __builtin_bswap32(variants[i].magic))
            variant = &variants[i];
    if (!variant)
        return false;
    if (!capture_need(capture, FILE_HEADER_LEN))
        return false;
    bool swapped = magic != variant->magic;
    const uint8_t *header = capture->stream.pos;
    uint16_t major = capture_load16(header + 4, swapped);
    uint16_t minor = capture_load16(header + 6, swapped);
    if (major != 2)
        return capture_fail(capture, "pcap version %u.%u, expected 2.4", major, minor);
    capture->swapped = swapped;
    capture->format = swapped ? &variant->swapped : &variant->native;
    capture->pcap.old = minor < 4;
    if (capture->pcap.old)
        capture->format = &old_format;
    capture->pcap.unit_ns = variant->unit_ns;
    capture->pcap.header_len = variant->header_len;
    /* The upper half says whether frames end in a checksum; it is no part of the number. */
    capture->pcap.link =
        (uint8_t)link_from_linktype(capture_load32(header + 20, swapped) & 0xffff);
    capture->stream.pos += FILE_HEADER_LEN;
    return true;
}
