/* Quantities as a person reads them. All write into buf and return it; no locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUANTITY_CAP = 40 };

/* 1,234,567; an estimate has ~ in front */
const char *quantity_count(uint64_t count, bool estimated, char buf[static QUANTITY_CAP]);
/* 999, 12.3 k, 4.5 M, ...: at most 7 columns */
const char *quantity_short(uint64_t count, char buf[static QUANTITY_CAP]);
/* 123.5 MB: powers of 1,000 */
const char *quantity_bytes(uint64_t bytes, char buf[static QUANTITY_CAP]);
/* 12 ms, 3.4 s, 1 h 29 min, 3 d 4 h: two units at most */
const char *quantity_duration(int64_t ns, char buf[static QUANTITY_CAP]);
/* Tenths of a percent as "12.3 %"; "<0.1 %" when that is 0 and the count is not */
const char *quantity_share(unsigned permille, uint64_t count, char buf[static QUANTITY_CAP]);

/* part / whole in tenths of a percent, rounded; 0 when whole is 0 */
unsigned quantity_permille(uint64_t part, uint64_t whole);
/* The same for parts that make up the whole: the results sum to 1000 (largest remainder), or
 * are all 0. n <= QUANTITY_PARTS_MAX. */
enum { QUANTITY_PARTS_MAX = 16 };
void quantity_permilles(const uint64_t *parts, size_t n, unsigned *ret_permilles);
