/* The general way of decoding, apart from the short one. */
#pragma once

#include <nightscope/decode.h>

/* decode_batch() without the short way for plain packets: the same batch, slower. What the
 * tests hold the short way against. */
void decode_general(const struct decode_config *config, const struct frame *frames, unsigned n,
                    struct batch *ret_batch);
