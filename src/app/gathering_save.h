/* A gathering as bytes, and back; in two parts, since profiles are large and change only when a
 * step closes. */
#pragma once

#include "app/gathering.h"
#include "app/spool_file.h"

/* Hours, closed and open. */
void gathering_save_hours(const struct gathering *gathering, struct bytes_out *out);
/* Steps, days and today. */
void gathering_save_profiles(const struct gathering *gathering, struct bytes_out *out);
/* Into an empty gathering. False: not what was saved, or no memory; it is to be freed then. */
bool gathering_load_hours(struct gathering *gathering, struct bytes_in *in);
bool gathering_load_profiles(struct gathering *gathering, struct bytes_in *in);

/* A row of a series. False: not one. */
void spool_put_counts(struct bytes_out *out, const uint64_t counts[static COUNT_COUNT_]);
void spool_take_counts(struct bytes_in *in, uint64_t ret_counts[static COUNT_COUNT_]);
/* A time that a window of this span may begin at, after `after_s`; else in->failed. */
int64_t spool_take_start(struct bytes_in *in, int64_t span_s, int64_t after_s);
