/* The evidence of one source, by its place in the tables. */
#pragma once

#include <nightscope/analysis.h>

struct shard;

/* Fills at most cap rows; returns how many. */
unsigned explain_row(const struct analysis *analysis, const struct shard *shard,
                     unsigned family, uint32_t row, struct source_evidence *ret_rows,
                     unsigned cap);
