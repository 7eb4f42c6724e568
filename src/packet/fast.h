/* The short way for plain packets. */
#pragma once

#include <nightscope/decode.h>

/* Decodes frames from the front up to the first that is not plain, and returns how many that
 * were. Columns of headers that are not there must hold 0 already. */
unsigned fast_decode(const struct decode_config *config, const struct frame *frames, unsigned n,
                     struct batch *batch);
