/* One capture file: opened, recognised, framed record by record.
 *
 * A caller looks at the head (capture_peek), then takes frames (capture_take): these lie in
 * stream.block, which stays as long as somebody holds a reference. A damaged file ends where
 * the damage begins; state and error say how. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/packet.h>
#include <string.h>

#include "source/stream.h"

#define CAPTURE_TIME_END_NS ((int64_t)4294967296 * 1000000000) /* 2^32 s */

enum capture_state {
    CAPTURE_OPEN,
    CAPTURE_DONE,   /* ended where it should */
    CAPTURE_CUT,    /* ended inside a record or inside compressed data */
    CAPTURE_FAILED, /* not a capture, unreadable, damaged */
};

/* Taking frames walks from record to record: each says where the next one begins, and asks for
 * what lies this many bytes after it. */
#define CAPTURE_AHEAD 1024

struct capture;

struct capture_format {
    /* Makes the next packet's record contiguous and sets head_ns. False: state has changed. */
    bool (*peek)(struct capture *capture);
    /* After a peek: frames below limit_ns out of the bytes that are there. */
    unsigned (*take)(struct capture *capture, struct frame *frames, unsigned cap,
                     int64_t limit_ns);
};

struct interface; /* of pcapng.c */

struct capture {
    const char *name;
    int fd; /* 0 is not closed */
    struct contents_input input;
    struct stream stream;
    const struct capture_format *format;
    enum capture_state state;
    struct err error;
    uint64_t record_offset; /* where the record being read begins */
    int64_t head_ns;
    uint64_t dropped;

    bool swapped; /* written in the other byte order */
    union {
        struct {
            uint32_t unit_ns, header_len;
            uint8_t link;
            bool old; /* before version 2.4 */
        } pcap;
        struct {
            struct interface *interfaces;
            unsigned n, cap;
            int64_t last_ns; /* of the last packet with a time stamp; -1: none yet */
        } pcapng;
    };
};

/* Opens a file ("-": standard input) as far as its first header. NULL: memory; any other
 * failure is a state of the capture. Stored bytes read are added to *shared. */
struct capture *capture_open(const char *name, struct block_pool *pool,
                             _Atomic uint64_t *shared);
void capture_close(struct capture *capture);

static inline bool capture_peek(struct capture *capture)
{
    return capture->state == CAPTURE_OPEN && capture->format->peek(capture);
}

static inline unsigned capture_take(struct capture *capture, struct frame *frames, unsigned cap,
                                    int64_t limit_ns)
{
    return capture->format->take(capture, frames, cap, limit_ns);
}

/* For the formats. */

/* Makes n bytes contiguous; false: the capture has ended, and its state says how. */
bool capture_need(struct capture *capture, size_t n);
bool capture_skip(struct capture *capture, uint64_t n);
/* Ends the capture as failed; false, so that `return capture_fail(...)` reads well. */
bool capture_fail(struct capture *capture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Called with the stream at the first byte; false: the capture has ended. */
bool pcap_begin(struct capture *capture, uint32_t magic);
bool pcapng_begin(struct capture *capture);
void pcapng_end(struct capture *capture);

static inline uint32_t capture_load32(const uint8_t *bytes, bool swapped)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

static inline uint16_t capture_load16(const uint8_t *bytes, bool swapped)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}
