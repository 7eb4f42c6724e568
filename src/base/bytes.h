/* Values as bytes, and back: what is written to a file of ours and read again.
 *
 * Numbers are LEB128 in the fewest bytes, so that small ones are short, or little-endian of a
 * fixed width. An error sticks: after the first one nothing is written, and reads yield zeros;
 * so a caller looks at `failed` once, at the end. What is read is hostile input all the same:
 * bounds are for the caller to give. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_out {
    uint8_t *bytes; /* free() */
    size_t n, cap;
    size_t most; /* more fails; 0: no limit */
    bool failed; /* memory, too long, or the drain; everything after is ignored */
    /* NULL: bytes holds everything. Else it is emptied into this whenever it is long, and by
     * bytes_drain(). False: it failed. */
    bool (*drain)(void *context, const uint8_t *bytes, size_t n);
    void *context;
};

void bytes_put(struct bytes_out *out, const void *bytes, size_t n);
void bytes_put_u64(struct bytes_out *out, uint64_t number);
/* The lowest n bytes, 1 to 8. */
void bytes_put_le(struct bytes_out *out, uint64_t number, unsigned n);
/* What is left goes to the drain. False: something has failed. */
bool bytes_drain(struct bytes_out *out);

struct bytes_in {
    const uint8_t *at, *end;
    bool failed; /* too short, or wrong */
};

/* NULL when there are fewer. Borrowed. */
const uint8_t *bytes_take(struct bytes_in *in, uint64_t n);
/* At most `most`, and in the fewest bytes. */
uint64_t bytes_take_u64(struct bytes_in *in, uint64_t most);
uint64_t bytes_take_le(struct bytes_in *in, unsigned n);
static inline size_t bytes_left(const struct bytes_in *in)
{
    return (size_t)(in->end - in->at);
}
