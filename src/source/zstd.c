/* Zstandard (RFC 8878), decompressed straight into the caller's buffer. libzstd goes on to the
 * next frame and over skippable ones by itself, and refuses windows above 128 MiB. */
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#include "source/bytes_internal.h"

struct zstd {
    struct bytes bytes;
    struct bytes_input *input;
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool input_ended, inside_frame, failed;
    uint8_t buf[BYTES_INPUT_CAP];
};

static bool refill(struct zstd *zstd)
{
    ssize_t n = bytes_input_read(zstd->input, zstd->buf, sizeof zstd->buf);
    if (n < 0)
        return false;
    zstd->input_ended = n == 0;
    zstd->in = (ZSTD_inBuffer){zstd->buf, (size_t)n, 0};
    return true;
}

static enum bytes_result zstd_read(struct bytes *bytes, uint8_t *buf, size_t cap, size_t *ret_n)
{
    struct zstd *zstd = (struct zstd *)bytes;
    ZSTD_outBuffer out = {buf, cap, 0};
    while (out.pos == 0) {
        if (zstd->failed)
            return BYTES_FAILED;
        if (zstd->in.pos == zstd->in.size && !zstd->input_ended && !refill(zstd))
            return bytes_fail_errno(bytes, zstd->input->error);
        bool no_input = zstd->in.pos == zstd->in.size;
        if (no_input && !zstd->inside_frame)
            return BYTES_END;
        size_t result = ZSTD_decompressStream(zstd->stream, &out, &zstd->in);
        if (ZSTD_isError(result)) {
            zstd->failed = true;
            (void)bytes_fail(bytes, ZSTD_getErrorName(result));
        } else {
            zstd->inside_frame = result != 0;
            if (no_input && out.pos == 0 && zstd->inside_frame)
                return BYTES_CUT;
        }
    }
    *ret_n = out.pos;
    return BYTES_OK;
}

static void zstd_free(struct bytes *bytes)
{
    struct zstd *zstd = (struct zstd *)bytes;
    (void)ZSTD_freeDStream(zstd->stream); /* cannot fail */
    free(zstd);
}

static const struct bytes_ops zstd_ops = {zstd_read, zstd_free};

struct bytes *bytes_new_zstd(struct bytes_input *input)
{
    struct zstd *zstd = calloc(1, sizeof *zstd);
    if (!zstd)
        return NULL;
    zstd->bytes = (struct bytes){.ops = &zstd_ops, .name = "zstd"};
    zstd->input = input;
    zstd->stream = ZSTD_createDStream();
    if (!zstd->stream) {
        free(zstd);
        return NULL;
    }
    return &zstd->bytes;
}
