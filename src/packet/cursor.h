/* Reading wire data: a position, the bytes captured from there on and the bytes there were on
 * the wire. Every read is bounded by what was captured; the first that fails is remembered with
 * its reason, and it and all later ones read zeros, so that a parser asks once, at its end. */
#pragma once

#include <nightscope/packet.h>

#include <assert.h>
#include <string.h>

enum { CURSOR_TAKE_MAX = 64 };

struct cursor {
    const uint8_t *at;
    uint32_t cap;       /* bytes captured from here on, <= wire */
    uint32_t wire;      /* bytes on the wire from here on */
    enum reason failed; /* sticky: why the first failed read failed */
};

static inline uint16_t read_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t read_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           bytes[3];
}

static inline uint64_t read_be64(const uint8_t *bytes)
{
    return (uint64_t)read_be32(bytes) << 32 | read_be32(bytes + 4);
}

static inline struct ip6 read_ip6(const uint8_t *bytes)
{
    return (struct ip6){.hi = read_be64(bytes), .lo = read_be64(bytes + 8)};
}

/* Remembers a failure unless there is one already. */
static inline void cursor_fail(struct cursor *cursor, enum reason reason)
{
    if (!cursor->failed)
        cursor->failed = reason;
}

/* The next 0 < n <= CURSOR_TAKE_MAX bytes, looked at without moving; zeros on failure. */
static inline const uint8_t *cursor_peek(struct cursor *cursor, uint32_t n)
{
    static const uint8_t zeros[CURSOR_TAKE_MAX];
    assert(n > 0 && n <= CURSOR_TAKE_MAX);
    if (__builtin_expect(n <= cursor->cap && !cursor->failed, 1))
        return cursor->at;
    cursor_fail(cursor, n > cursor->wire ? REASON_MALFORMED : REASON_TRUNCATED);
    return zeros;
}

/* The next n bytes, moving past them; zeros on failure. */
static inline const uint8_t *cursor_take(struct cursor *cursor, uint32_t n)
{
    const uint8_t *bytes = cursor_peek(cursor, n);
    if (__builtin_expect(!cursor->failed, 1)) {
        cursor->at += n;
        cursor->cap -= n;
        cursor->wire -= n;
    }
    return bytes;
}

/* Moves past n bytes that nobody reads. */
static inline void cursor_skip(struct cursor *cursor, uint32_t n)
{
    if (n == 0 || cursor->failed)
        return;
    if (n > cursor->cap) {
        cursor_fail(cursor, n > cursor->wire ? REASON_MALFORMED : REASON_TRUNCATED);
        return;
    }
    cursor->at += n;
    cursor->cap -= n;
    cursor->wire -= n;
}
