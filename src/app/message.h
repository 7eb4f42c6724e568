/* Messages to the user, on standard error, each on one line beginning "nightscope: ". */
#pragma once

#include <nightscope/error.h>

void message_error(const struct err *err);
/* Something that is as it should be, of a program that runs on. */
void message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
