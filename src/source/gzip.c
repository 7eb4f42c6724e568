/* gzip (RFC 1952), inflated by zlib straight into the caller's buffer. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "source/bytes_internal.h"

struct gzip {
    struct bytes bytes;
    struct bytes_input *input;
    z_stream stream;
    bool input_ended, between_members, ended;
    uint8_t buf[BYTES_INPUT_CAP];
};

/* Adds stored bytes behind those not yet inflated. False: a read error. */
static bool refill(struct gzip *gzip)
{
    if (gzip->stream.avail_in && gzip->stream.next_in != gzip->buf)
        memmove(gzip->buf, gzip->stream.next_in, gzip->stream.avail_in);
    gzip->stream.next_in = gzip->buf;
    ssize_t n = bytes_input_read(gzip->input, gzip->buf + gzip->stream.avail_in,
                                 sizeof gzip->buf - gzip->stream.avail_in);
    if (n < 0)
        return false;
    gzip->input_ended = n == 0;
    gzip->stream.avail_in += (unsigned)n;
    return true;
}

/* After a member: another one, or the end. False: a read error. */
static bool next_member(struct gzip *gzip)
{
    while (gzip->stream.avail_in < 2 && !gzip->input_ended)
        if (!refill(gzip))
            return false;
    const uint8_t *next = gzip->stream.next_in;
    if (gzip->stream.avail_in < 2 || next[0] != 0x1f || next[1] != 0x8b)
        gzip->ended = true;
    else
        (void)inflateReset(&gzip->stream); /* fails for a stream that was never set up */
    gzip->between_members = false;
    return true;
}

static enum bytes_result gzip_read(struct bytes *bytes, uint8_t *buf, size_t cap, size_t *ret_n)
{
    struct gzip *gzip = (struct gzip *)bytes;
    unsigned room = cap < UINT_MAX ? (unsigned)cap : UINT_MAX;
    gzip->stream.next_out = buf;
    gzip->stream.avail_out = room;
    while (gzip->stream.avail_out == room) {
        if (gzip->between_members && !next_member(gzip))
            return bytes_fail_errno(bytes, gzip->input->error);
        if (gzip->ended)
            return BYTES_END;
        if (!gzip->stream.avail_in && !gzip->input_ended && !refill(gzip))
            return bytes_fail_errno(bytes, gzip->input->error);
        int result = inflate(&gzip->stream, Z_NO_FLUSH);
        gzip->between_members = result == Z_STREAM_END;
        if (gzip->stream.avail_out != room)
            break; /* an error repeats itself in the next call */
        if (result == Z_BUF_ERROR && gzip->input_ended)
            return BYTES_CUT;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return bytes_fail(bytes, gzip->stream.msg ? gzip->stream.msg : zError(result));
    }
    *ret_n = room - gzip->stream.avail_out;
    return BYTES_OK;
}

static void gzip_free(struct bytes *bytes)
{
    struct gzip *gzip = (struct gzip *)bytes;
    (void)inflateEnd(&gzip->stream); /* frees; its result says what state it was in */
    free(gzip);
}

static const struct bytes_ops gzip_ops = {gzip_read, gzip_free};

struct bytes *bytes_new_gzip(struct bytes_input *input)
{
    enum { WINDOW_BITS = 15, GZIP_ONLY = 16 };
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip)
        return NULL;
    gzip->bytes = (struct bytes){.ops = &gzip_ops, .name = "gzip"};
    gzip->input = input;
    if (inflateInit2(&gzip->stream, WINDOW_BITS + GZIP_ONLY) != Z_OK) {
        free(gzip);
        return NULL;
    }
    return &gzip->bytes;
}
