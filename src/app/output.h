/* A report to where the options want it: standard output, and perhaps CSV files. */
#pragma once

#include "app/setup.h"

#include <nightscope/sink.h>

int output_report(const struct setup *setup, const struct report *report,
                  const struct sink_files *files, struct err *err);
/* The same, with this text where --json is given: the report's own JSON. */
int output_report_as(const struct setup *setup, const struct report *report,
                     const struct sink_files *files, const char *json, size_t json_len,
                     struct err *err);
