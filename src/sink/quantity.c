#include "sink/quantity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *quantity_count(uint64_t count, bool estimated, char buf[static QUANTITY_CAP])
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), used = 0;
    if (estimated)
        buf[used++] = '~';
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf[used++] = ',';
        buf[used++] = digits[i];
    }
    buf[used] = '\0';
    return buf;
}

/* With a prefix of powers of 1,000, one decimal; integers throughout, rounded to nearest. */
static const char *scaled(uint64_t number, const char *unit, char *buf)
{
    static const char PREFIXES[][2] = {"", "k", "M", "G", "T", "P", "E"};
    unsigned __int128 tenths = (unsigned __int128)number * 10, scale = 1;
    size_t prefix = 0;
    while (tenths + scale / 2 >= 10000 * scale &&
           prefix + 1 < sizeof PREFIXES / sizeof PREFIXES[0]) {
        scale *= 1000;
        prefix++;
    }
    uint64_t rounded = (uint64_t)((tenths + scale / 2) / scale);
    const char *space = prefix > 0 || unit[0] ? " " : "";
    if (prefix == 0)
        (void)snprintf(buf, QUANTITY_CAP, "%" PRIu64 "%s%s", number, space, unit);
    else
        (void)snprintf(buf, QUANTITY_CAP, "%" PRIu64 ".%u %s%s", rounded / 10,
                       (unsigned)(rounded % 10), PREFIXES[prefix], unit);
    return buf;
}

const char *quantity_short(uint64_t count, char buf[static QUANTITY_CAP])
{
    return scaled(count, "", buf);
}

const char *quantity_bytes(uint64_t bytes, char buf[static QUANTITY_CAP])
{
    return scaled(bytes, "B", buf);
}

const char *quantity_duration(int64_t ns, char buf[static QUANTITY_CAP])
{
    long long ms = ns > 0 ? ns / 1000000 : 0, s = ms / 1000;
    if (s < 1)
        (void)snprintf(buf, QUANTITY_CAP, "%lld ms", ms);
    else if (s < 60)
        (void)snprintf(buf, QUANTITY_CAP, "%lld.%lld s", s, ms / 100 % 10);
    else if (s < 3600)
        (void)snprintf(buf, QUANTITY_CAP, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(buf, QUANTITY_CAP, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        (void)snprintf(buf, QUANTITY_CAP, "%lld d %lld h", s / 86400, s / 3600 % 24);
    return buf;
}

const char *quantity_share(unsigned permille, uint64_t count, char buf[static QUANTITY_CAP])
{
    if (permille == 0 && count > 0)
        (void)snprintf(buf, QUANTITY_CAP, "<0.1 %%");
    else
        (void)snprintf(buf, QUANTITY_CAP, "%u.%u %%", permille / 10, permille % 10);
    return buf;
}

unsigned quantity_permille(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return 0;
    unsigned __int128 rounded = ((unsigned __int128)part * 2000 + whole) / 2 / whole;
    return rounded < 100000 ? (unsigned)rounded : 100000;
}

void quantity_permilles(const uint64_t *parts, size_t n, unsigned *ret_permilles)
{
    assert(n <= QUANTITY_PARTS_MAX);
    unsigned __int128 whole = 0, rest[QUANTITY_PARTS_MAX];
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++)
        whole += parts[i];
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 scaled_part = (unsigned __int128)parts[i] * 1000;
        ret_permilles[i] = whole ? (unsigned)(scaled_part / whole) : 0;
        rest[i] = whole ? scaled_part % whole : 0;
        sum += ret_permilles[i];
    }
    for (; whole && sum < 1000; sum++) {
        size_t largest = 0;
        for (size_t i = 1; i < n; i++)
            if (rest[i] > rest[largest])
                largest = i;
        ret_permilles[largest]++;
        rest[largest] = 0;
    }
}
