#include "sink/calendar.h"

#include <stdio.h>
#include <string.h>

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

/* Digits of text as `pattern` has them: 0 stands for any digit, all else for itself. */
static bool parse_digits(const char *text, const char *pattern, unsigned ret_fields[static 7])
{
    unsigned field = 0;
    bool in_field = false;
    for (unsigned i = 0; i < 7; i++)
        ret_fields[i] = 0;
    for (; *pattern; pattern++, text++) {
        if (*pattern != '0') {
            if (*text != *pattern)
                return false;
            field += in_field;
            in_field = false;
            continue;
        }
        if (*text < '0' || *text > '9')
            return false;
        ret_fields[field] = ret_fields[field] * 10 + (unsigned)(*text - '0');
        in_field = true;
    }
    return !*text;
}

/* Days by the same count as calendar_from_s(). Fields out of range would come back as another
 * time: whoever parses formats again and compares. */
static int64_t seconds_of(const unsigned field[static 7])
{
    int64_t year = field[0] - (field[1] <= 2);
    int64_t month = field[1] <= 2 ? field[1] + 9 : field[1] - 3;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 +
                   (153 * month + 2) / 5 + field[2] - 1 - 719468;
    return days * DAY_S + field[3] * 3600 + field[4] * 60 + field[5];
}

bool calendar_parse_s(const char *text, int64_t *ret_unix_s)
{
    unsigned field[7];
    char again[CALENDAR_CAP];
    if (!parse_digits(text, "0000-00-00T00:00:00Z", field) || field[0] < 1970)
        return false;
    int64_t unix_s = seconds_of(field);
    if (strcmp(calendar_format_s(unix_s, again), text) != 0)
        return false;
    *ret_unix_s = unix_s;
    return true;
}

bool calendar_parse_us(const char *text, int64_t *ret_unix_ns)
{
    unsigned field[7];
    char again[CALENDAR_CAP];
    if (!parse_digits(text, "0000-00-00T00:00:00.000000Z", field) || field[0] < 1970 ||
        field[0] > 2261) /* the last year that fits 64 bits of nanoseconds */
        return false;
    int64_t unix_ns = seconds_of(field) * 1000000000 + (int64_t)field[6] * 1000;
    if (strcmp(calendar_format_us(unix_ns, again), text) != 0)
        return false;
    *ret_unix_ns = unix_ns;
    return true;
}
