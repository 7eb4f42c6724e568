/* Values of a record of a MaxMind DB, each under one of the names that files in use have for
 * it.
 *
 * libmaxminddb bounds its reads by the size of the file; what it hands out is checked here for
 * type and range, and anything else is unknown: false. */
#pragma once

#include <maxminddb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GEO_PATH_CAP = 4 }; /* names from the root of a record to a value, and NULL */

struct geo_path {
    const char *names[GEO_PATH_CAP];
};

/* Two capital letters. */
bool geo_find_country(MMDB_entry_s entry, const struct geo_path *path, char ret_cc[static 3]);
/* A number, or a text such as "AS64500"; never 0. */
bool geo_find_asn(MMDB_entry_s entry, const struct geo_path *path, uint32_t *ret_asn);
/* Never empty, and cut where a character ends; the bytes are whatever the file holds. */
bool geo_find_name(MMDB_entry_s entry, const struct geo_path *path, char *buf, size_t cap);
/* Degrees, at two paths: latitude and longitude go together. */
bool geo_find_position(MMDB_entry_s entry, const struct geo_path *paths, float *ret_latitude,
                       float *ret_longitude);
