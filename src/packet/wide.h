/* Sixteen plain frames at a time: the same as fast.c does for each, on processors that can turn
 * sixteen headers into columns with a few dozen instructions.
 *
 *     frame 0   [w0 w1 w2 ... w15]              w0   [frame 0 1 2 ... 15]  -> words->ip0
 *     frame 1   [w0 w1 w2 ... w15]    -------->  w1   [frame 0 1 2 ... 15]  -> words->ip4
 *      ...                           transposed  ...
 */
#pragma once

#include "packet/columns.h"

enum { WIDE_FRAMES = 16 };

/* Of frames that were taken, one bit each. */
struct wide {
    uint16_t tcp, udp, icmp;
    uint16_t long_tcp; /* those of TCP whose words->rest_sum is still to be written */
    uint16_t cut, late;
};

/* Takes up to n <= WIDE_FRAMES frames from the front, to the first that is not plain (see
 * fast.c; dark or not is not looked at) or not Ethernet, and returns how many. Of rows `row`
 * and on, the columns and words that fast.c writes are written, but for those of UDP and ICMP
 * and whatever is a bit mask. WIDE_FRAMES rows are written to, whatever is taken; bits of
 * *ret_wide beyond what is taken mean nothing. */
typedef unsigned wide_function(const struct frame *frames, unsigned n, unsigned row,
                               struct words *words, struct batch *batch, struct wide *ret_wide);

/* NULL: this processor cannot. */
wide_function *wide_find(void);

#if defined(__x86_64__)
wide_function wide_avx512;
#endif
