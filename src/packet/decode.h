/* Slower ways of decoding that give the same batch: the tests hold decode_batch() against them.
 */
#pragma once

#include <nightscope/decode.h>

/* The short way for plain packets, but one by one. */
void decode_narrow(const struct decode_config *config, const struct frame *frames, unsigned n,
                   struct batch *ret_batch);
/* Without a short way. */
void decode_general(const struct decode_config *config, const struct frame *frames, unsigned n,
                    struct batch *ret_batch);
