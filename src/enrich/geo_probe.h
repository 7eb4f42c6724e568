/* What a MaxMind DB knows, and under which names: a few hundred records taken from all over its
 * search tree are asked for every known name. */
#pragma once

#include "enrich/geo_values.h"

struct geo_knows {
    const struct geo_path *country, *asn, *name, *city; /* NULL: it does not know */
    const struct geo_path *position;                    /* two: latitude, longitude */
};

struct geo_knows geo_probe(const MMDB_s *mmdb);
