/* inflate.h over zlib. */
#include "source/inflate.h"

#include <stdlib.h>
#include <zlib.h>

struct inflater {
    z_stream stream;
};

struct inflater *inflater_new(void)
{
    enum { WINDOW_BITS = 15, GZIP_ONLY = 16 };
    struct inflater *inflater = calloc(1, sizeof *inflater);
    if (inflater && inflateInit2(&inflater->stream, WINDOW_BITS + GZIP_ONLY) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void inflater_free(struct inflater *inflater)
{
    if (!inflater)
        return;
    (void)inflateEnd(&inflater->stream); /* frees; its result says what state it was in */
    free(inflater);
}

void inflater_reset(struct inflater *inflater)
{
    (void)inflateReset(&inflater->stream); /* fails for a stream that was never set up */
}

enum inflate_result inflater_run(struct inflater *inflater, struct inflate_buffers *buffers,
                                 const char **ret_why)
{
    z_stream *stream = &inflater->stream;
    stream->next_in = (uint8_t *)buffers->next_in; /* only read */
    stream->avail_in = buffers->in_n;
    stream->next_out = buffers->next_out;
    stream->avail_out = buffers->out_n;
    int result = inflate(stream, Z_NO_FLUSH);
    *buffers = (struct inflate_buffers){stream->next_in, stream->next_out, stream->avail_in,
                                        stream->avail_out};
    switch (result) {
    case Z_OK:
        return INFLATE_OK;
    case Z_STREAM_END:
        return INFLATE_END;
    case Z_BUF_ERROR:
        return INFLATE_STUCK;
    default:
        *ret_why = stream->msg ? stream->msg : zError(result);
        return INFLATE_FAILED;
    }
}
