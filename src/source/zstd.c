/* Zstandard (RFC 8878), decompressed straight into the caller's buffer. libzstd goes on to the
 * next frame and over skippable ones by itself, and refuses windows above 128 MiB. */
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#include "source/contents_internal.h"

struct zstd {
    struct contents contents;
    struct contents_input *input;
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool input_ended, inside_frame, failed;
    uint8_t buf[CONTENTS_INPUT_CAP];
};

static bool refill(struct zstd *zstd)
{
    ssize_t n = contents_input_read(zstd->input, zstd->buf, sizeof zstd->buf);
    if (n < 0)
        return false;
    zstd->input_ended = n == 0;
    zstd->in = (ZSTD_inBuffer){zstd->buf, (size_t)n, 0};
    return true;
}

static enum contents_result zstd_read(struct contents *contents, uint8_t *buf, size_t cap,
                                      size_t *ret_n)
{
    struct zstd *zstd = (struct zstd *)contents;
    ZSTD_outBuffer out = {buf, cap, 0};
    while (out.pos == 0) {
        if (zstd->failed)
            return CONTENTS_FAILED;
        if (zstd->in.pos == zstd->in.size && !zstd->input_ended && !refill(zstd))
            return contents_fail_errno(contents, zstd->input->error);
        bool no_input = zstd->in.pos == zstd->in.size;
        if (no_input && !zstd->inside_frame)
            return CONTENTS_END;
        size_t result = ZSTD_decompressStream(zstd->stream, &out, &zstd->in);
        if (ZSTD_isError(result)) {
            zstd->failed = true;
            (void)contents_fail(contents, ZSTD_getErrorName(result));
        } else {
            zstd->inside_frame = result != 0;
            if (no_input && out.pos == 0 && zstd->inside_frame)
                return CONTENTS_CUT;
        }
    }
    *ret_n = out.pos;
    return CONTENTS_OK;
}

static void zstd_free(struct contents *contents)
{
    struct zstd *zstd = (struct zstd *)contents;
    (void)ZSTD_freeDStream(zstd->stream); /* cannot fail */
    free(zstd);
}

static const struct contents_ops zstd_ops = {zstd_read, zstd_free};

struct contents *contents_new_zstd(struct contents_input *input)
{
    struct zstd *zstd = calloc(1, sizeof *zstd);
    if (!zstd)
        return NULL;
    zstd->contents = (struct contents){.ops = &zstd_ops, .name = "zstd"};
    zstd->input = input;
    zstd->stream = ZSTD_createDStream();
    if (!zstd->stream) {
        free(zstd);
        return NULL;
    }
    return &zstd->contents;
}
