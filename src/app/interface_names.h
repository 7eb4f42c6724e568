/* Interfaces that are captured on together, and have the same packets. */
#pragma once

#include <nightscope/error.h>

/* Would one of two names bring what the other brings as well? -1 with *err, of origin
 * "--interface": all of it, so that it is a mistake. Some of it: a warning. An interface that
 * is not there is none of this. */
int interface_names_check(const char *name, const char *other, struct err *err);
