/* gzip (RFC 1952), inflated straight into the caller's buffer. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "source/contents_internal.h"
#include "source/inflate.h"

struct gzip {
    struct contents contents;
    struct contents_input *input;
    struct inflater *inflater;
    const uint8_t *next_in; /* stored bytes not yet inflated */
    uint32_t in_n;
    bool input_ended, between_members, ended;
    uint8_t buf[CONTENTS_INPUT_CAP];
};

/* Adds stored bytes behind those not yet inflated. False: a read error. */
static bool refill(struct gzip *gzip)
{
    if (gzip->in_n && gzip->next_in != gzip->buf)
        memmove(gzip->buf, gzip->next_in, gzip->in_n);
    gzip->next_in = gzip->buf;
    ssize_t n =
        contents_input_read(gzip->input, gzip->buf + gzip->in_n, sizeof gzip->buf - gzip->in_n);
    if (n < 0)
        return false;
    gzip->input_ended = n == 0;
    gzip->in_n += (uint32_t)n;
    return true;
}

/* After a member: another one, or the end, and zeros before either, as tapes are padded. */
static enum contents_result next_member(struct gzip *gzip)
{
    for (;;) {
        for (; gzip->in_n && *gzip->next_in == 0; gzip->in_n--)
            gzip->next_in++;
        if (gzip->in_n >= 2 || gzip->input_ended)
            break;
        if (!refill(gzip))
            return contents_fail_errno(&gzip->contents, gzip->input->error);
    }
    const uint8_t *next = gzip->next_in;
    if (gzip->in_n == 0) {
        gzip->ended = true;
        return CONTENTS_END;
    }
    if (gzip->in_n < 2 && next[0] == 0x1f)
        return CONTENTS_CUT;
    if (gzip->in_n < 2 || next[0] != 0x1f || next[1] != 0x8b)
        return contents_fail(&gzip->contents, "what follows a member is none");
    inflater_reset(gzip->inflater);
    gzip->between_members = false;
    return CONTENTS_OK;
}

static enum contents_result gzip_read(struct contents *contents, uint8_t *buf, size_t cap,
                                      size_t *ret_n)
{
    struct gzip *gzip = (struct gzip *)contents;
    uint32_t room = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX, left = room;
    bool stuck = false;
    while (left == room) {
        if (gzip->ended)
            return CONTENTS_END;
        enum contents_result next = gzip->between_members ? next_member(gzip) : CONTENTS_OK;
        if (next != CONTENTS_OK)
            return next;
        if ((stuck || !gzip->in_n) && !gzip->input_ended && !refill(gzip))
            return contents_fail_errno(contents, gzip->input->error);
        struct inflate_buffers buffers = {gzip->next_in, buf, gzip->in_n, room};
        const char *why = NULL;
        enum inflate_result result = inflater_run(gzip->inflater, &buffers, &why);
        gzip->next_in = buffers.next_in;
        gzip->in_n = buffers.in_n;
        gzip->between_members = result == INFLATE_END;
        left = buffers.out_n;
        stuck = result == INFLATE_STUCK;
        if (left != room)
            break; /* an error repeats itself in the next call */
        if (stuck && gzip->input_ended)
            return CONTENTS_CUT;
        if (result == INFLATE_FAILED)
            return contents_fail(contents, why);
    }
    *ret_n = room - left;
    return CONTENTS_OK;
}

static void gzip_free(struct contents *contents)
{
    struct gzip *gzip = (struct gzip *)contents;
    inflater_free(gzip->inflater);
    free(gzip);
}

static const struct contents_ops gzip_ops = {gzip_read, gzip_free};

struct contents *contents_new_gzip(struct contents_input *input)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip)
        return NULL;
    gzip->contents = (struct contents){.ops = &gzip_ops, .name = "gzip"};
    gzip->input = input;
    gzip->inflater = inflater_new();
    if (!gzip->inflater) {
        free(gzip);
        return NULL;
    }
    return &gzip->contents;
}
