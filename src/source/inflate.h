/* Inflating the members of gzip data (RFC 1951, 1952), by whichever library was there when this
 * was built: ISA-L where possible, two to three times as fast, or zlib. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct inflater;

struct inflate_buffers {
    const uint8_t *next_in; /* moved on by what was taken and given */
    uint8_t *next_out;
    uint32_t in_n, out_n;
};

enum inflate_result {
    INFLATE_OK,     /* something was taken or given */
    INFLATE_END,    /* the end of a member, its checksum and length verified */
    INFLATE_STUCK,  /* nothing goes on without more input */
    INFLATE_FAILED, /* *ret_why; what was given before is good, and it fails again if called */
};

/* NULL: memory. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *inflater);
/* Before another member. */
void inflater_reset(struct inflater *inflater);
enum inflate_result inflater_run(struct inflater *inflater, struct inflate_buffers *buffers,
                                 const char **ret_why);
