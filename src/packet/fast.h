/* The short way for plain packets, in two steps: all frames of a batch are taken, then their
 * columns are written together. Columns that TCP, UDP and IPv4 have not must hold 0 already. */
#pragma once

#include "packet/wide.h"

#include <nightscope/decode.h>

/* Begins rows from batch->n on for frames from the front up to the first that is not plain, and
 * returns how many that were. wide: for many at a time; NULL: one by one. */
unsigned fast_take(const struct decode_config *config, wide_function *wide,
                   const struct frame *frames, unsigned n, struct words *words,
                   struct batch *batch);
/* A row that the general way will write, after fast_finish(). */
void fast_pass(struct words *words, struct batch *batch, unsigned row);
/* Writes the columns of the rows that were taken. Those of the others are as if they were
 * clear, but for transport and payload. */
void fast_finish(const struct words *words, struct batch *batch);
