/* Unix time as UTC text (RFC 3339), without libc's calendar: it reads the environment. */
#pragma once

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
