/* Unix time as UTC text (RFC 3339), without libc's calendar: it reads the environment. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CALENDAR_CAP = 40 };

struct calendar {
    int64_t year;
    unsigned month, day, hour, minute, second; /* month and day from 1 */
};

struct calendar calendar_from_s(int64_t unix_s);
/* 2026-11-22T00:00:00Z */
const char *calendar_format_s(int64_t unix_s, char buf[static CALENDAR_CAP]);
/* 2026-11-22T00:00:00.000000Z; what is below a microsecond is cut off */
const char *calendar_format_us(int64_t unix_ns, char buf[static CALENDAR_CAP]);
/* The inverse of the two, for years 1970 to 9999. False for anything they do not write; the
 * other form is also refused. */
bool calendar_parse_s(const char *text, int64_t *ret_unix_s);
bool calendar_parse_us(const char *text, int64_t *ret_unix_ns);
