/* What a running analysis counted lately: the difference to what it had counted a minute ago.
 *
 *     taken:   [ 55 s ago ][ 50 s ago ] ... [ 5 s ago ]  now
 *                   \________________ view ____________/
 *
 * Sums are kept every few seconds, so the view is of 55 to 60 s, or of the time since it began.
 * Some 6 MiB; for those who look at a terminal. */
#pragma once

#include <nightscope/analysis.h>
#include <nightscope/report.h>

enum { RECENT_EVERY_S = 5, RECENT_TAKEN = 12, RECENT_FULL_S = 55 };

struct recent;

struct recent *recent_new(void); /* NULL: memory */
void recent_free(struct recent *recent);

/* About once a second; now_s of any clock that only goes forward. Looks at every port. */
void recent_look(struct recent *recent, const struct analysis *analysis, int64_t now_s,
                 struct report_recent *ret_view);
