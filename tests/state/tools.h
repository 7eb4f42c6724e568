/* Reports of one analysis, and what they say of tools. */
#pragma once

#include "stream.h"

static inline struct report *report_of(struct analysis *analysis)
{
    analysis_finish(analysis);
    size_t minutes_n;
    struct report_minute *minutes = minutes_of(analysis_take_closed(analysis), &minutes_n);
    struct report_input input = {.minutes = minutes, .minutes_n = minutes_n};
    struct report *report = report_new(analysis, &input);
    ck_assert_ptr_nonnull(report);
    free(minutes);
    return report;
}

static inline void same_tools(const struct report_tool *a, const struct report_tool *b,
                              size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(a[i].name, b[i].name);
        ck_assert_uint_eq(a[i].packets, b[i].packets);
        ck_assert_uint_eq(a[i].sources, b[i].sources);
        ck_assert_uint_eq(a[i].labelled, b[i].labelled);
    }
}
