/* Messages to the user, on standard error, each on one line beginning "nightscope: ". */
#pragma once

#include <nightscope/error.h>

void message_error(const struct err *err);
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
