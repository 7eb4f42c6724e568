/* Country, AS and position of addresses, from MaxMind DB files (libmaxminddb).
 *
 * Two layouts are probed when a file is opened: MaxMind's (`country.iso_code`,
 * `autonomous_system_number`, `autonomous_system_organization`) and flat (`country_code`,
 * `autonomous_system_number`, `autonomous_system_organization`). Positions are those of city
 * databases: `location.latitude`, or flat `latitude`. Several files answer together: the first
 * that knows the country, the first that knows the AS, the first that knows the position. A
 * file is untrusted input. */
#pragma once

#include <nightscope/analysis.h>

struct geo;

struct geo *geo_new(void);
void geo_free(struct geo *geo);
/* Copies it into memory, so that the file may be overwritten. -1 with *err when it is not a
 * database of countries or AS. */
int geo_open(struct geo *geo, const char *path, struct err *err);
/* A locator over the open files; valid until geo_free(). Safe from several threads. */
struct locator geo_locator(const struct geo *geo);
