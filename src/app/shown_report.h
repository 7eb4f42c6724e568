/* The report as it is shown to others: one line of JSON without sources that lie in the dark
 * space. They are forged or misrouted, and would tell where the telescope is; what they sent
 * stays in all counts. */
#pragma once

#include <nightscope/prefix.h>
#include <nightscope/report.h>
#include <nightscope/sink.h>

/* Without the line's end; free() it. dark: NULL withholds nothing. NULL: out of memory. */
char *shown_report(const struct report *report, const struct sink_files *files,
                   const struct prefix_set *dark, size_t *ret_n);
