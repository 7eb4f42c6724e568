/* inflate.h over ISA-L. Of a member that is cut it may give the last byte less than zlib does.
 */
#include "source/inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>

struct inflater {
    struct inflate_state state;
    struct isal_gzip_header header;
    bool inside; /* the member's header is read */
    int failed;  /* the error, once there was one: the state is then of no use */
};

/* The header is read on its own: what isal_inflate() keeps of one that it reads itself is lost
 * where the input ends inside it, as it always does inside the first one, and with that the sum
 * that FHCRC is compared with. */
static void begin(struct inflater *inflater)
{
    isal_gzip_header_init(&inflater->header);
    inflater->state.crc_flag = ISAL_GZIP_NO_HDR_VER; /* the trailer is verified all the same */
    inflater->inside = false;
}

struct inflater *inflater_new(void)
{
    struct inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater)
        return NULL;
    isal_inflate_init(&inflater->state);
    begin(inflater);
    return inflater;
}

void inflater_free(struct inflater *inflater)
{
    free(inflater);
}

void inflater_reset(struct inflater *inflater)
{
    isal_inflate_reset(&inflater->state);
    begin(inflater);
}

static const char *why(const struct inflater *inflater)
{
    if (!inflater->inside && inflater->failed == ISAL_INCORRECT_CHECKSUM)
        return "header crc mismatch";
    switch (inflater->failed) {
    case ISAL_INVALID_BLOCK:
        return "invalid block";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    case ISAL_INVALID_WRAPPER:
        return "incorrect header check";
    case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
        return "incorrect data check";
    default:
        return "data error";
    }
}

/* The rest of the header if it is not read yet, and what follows it. */
static int run(struct inflater *inflater)
{
    struct inflate_state *state = &inflater->state;
    if (!inflater->inside) {
        int result = isal_read_gzip_header(state, &inflater->header);
        if (result != ISAL_DECOMP_OK)
            return result;
        inflater->inside = true;
    }
    return isal_inflate(state);
}

enum inflate_result inflater_run(struct inflater *inflater, struct inflate_buffers *buffers,
                                 const char **ret_why)
{
    struct inflate_state *state = &inflater->state;
    uint32_t in_n = buffers->in_n, out_n = buffers->out_n;
    if (!inflater->failed) {
        state->next_in = (uint8_t *)buffers->next_in; /* only read */
        state->avail_in = in_n;
        state->next_out = buffers->next_out;
        state->avail_out = out_n;
        int result = run(inflater);
        *buffers = (struct inflate_buffers){state->next_in, state->next_out, state->avail_in,
                                            state->avail_out};
        inflater->failed = result < 0 ? result : 0;
    }
    if (inflater->failed) {
        *ret_why = why(inflater);
        return INFLATE_FAILED;
    }
    if (state->block_state == ISAL_BLOCK_FINISH)
        return INFLATE_END;
    return buffers->in_n == in_n && buffers->out_n == out_n ? INFLATE_STUCK : INFLATE_OK;
}
