#include "sink/calendar.h"

#include <stdio.h>

enum { DAY_S = 86400, ERA_DAYS = 146097 }; /* an era: 400 years of the Gregorian calendar */

static int64_t floor_div(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

/* Counts days from 0000-03-01, so that a leap day is the last of its year; months then follow
 * the pattern 31 30 31 30 31, which (5 month + 2) / 153 inverts. */
struct calendar calendar_from_s(int64_t unix_s)
{
    int64_t days = floor_div(unix_s, DAY_S);
    int64_t rest = unix_s - days * DAY_S;
    days += 719468; /* from 0000-03-01 to 1970-01-01 */
    int64_t era = floor_div(days, ERA_DAYS);
    int64_t day = days - era * ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    return (struct calendar){
        .year = year + era * 400 + (month >= 10),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(of_year - (153 * month + 2) / 5 + 1),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
    };
}

const char *calendar_format_s(int64_t unix_s, char buf[static CALENDAR_CAP])
{
    struct calendar at = calendar_from_s(unix_s);
    (void)snprintf(buf, CALENDAR_CAP, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)at.year,
                   at.month, at.day, at.hour, at.minute, at.second);
    return buf;
}

const char *calendar_format_us(int64_t unix_ns, char buf[static CALENDAR_CAP])
{
    int64_t unix_s = floor_div(unix_ns, 1000000000);
    struct calendar at = calendar_from_s(unix_s);
    (void)snprintf(buf, CALENDAR_CAP, "%04lld-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (long long)at.year, at.month, at.day, at.hour, at.minute, at.second,
                   (unsigned)((unix_ns - unix_s * 1000000000) / 1000));
    return buf;
}
