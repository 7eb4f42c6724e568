/* Packets over time as columns of block characters. */
#pragma once

#include "sink/page.h"

#include <nightscope/report.h>

/* Nothing for a report without minutes. */
void chart_write(const struct page *page, const struct report *report);
