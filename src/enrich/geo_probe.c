#include "enrich/geo_probe.h"

#include "base/hash.h"

enum {
    /* So many descents from the root, each turning left or right in an order of its own, each
     * to so many records; a broken tree ends a descent after so many nodes. */
    PROBE_DESCENTS = 32,
    PROBE_RECORDS = 16,
    PROBE_NODES = 16384,
    TREE_DEPTH_MAX = 128,
};

/* By preference: the first that holds a usable value is taken. */
static const struct geo_path COUNTRY_PATHS[] = {
    {{"country", "iso_code"}}, {{"country_code"}}, {{"country"}}, {{"iso_code"}}};
static const struct geo_path ASN_PATHS[] = {{{"autonomous_system_number"}},
                                            {{"asn"}},
                                            {{"as_number"}},
                                            {{"traits", "autonomous_system_number"}}};
static const struct geo_path NAME_PATHS[] = {{{"autonomous_system_organization"}},
                                             {{"as_name"}},
                                             {{"as_organization"}},
                                             {{"asn_name"}},
                                             {{"organization"}},
                                             {{"name"}},
                                             {{"org"}},
                                             {{"traits", "autonomous_system_organization"}}};
static const struct geo_path CITY_PATHS[] = {{{"city", "names", "en"}}, {{"city"}}};
/* Latitude and longitude go together. */
static const struct geo_path POSITION_PATHS[][2] = {
    {{{"location", "latitude"}}, {{"location", "longitude"}}},
    {{{"latitude"}}, {{"longitude"}}},
};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* What this record answers replaces what was found so far when it is preferred to that. */
static void probe_record(struct geo_knows *knows, MMDB_entry_s entry)
{
    char cc[3], name[8];
    uint32_t asn;
    const struct geo_path *end =
        knows->country ? knows->country : COUNTRY_PATHS + COUNT_OF(COUNTRY_PATHS);
    for (const struct geo_path *path = COUNTRY_PATHS; path < end; path++)
        if (geo_find_country(entry, path, cc))
            knows->country = end = path;
    end = knows->asn ? knows->asn : ASN_PATHS + COUNT_OF(ASN_PATHS);
    for (const struct geo_path *path = ASN_PATHS; path < end; path++)
        if (geo_find_asn(entry, path, &asn))
            knows->asn = end = path;
    end = knows->name ? knows->name : NAME_PATHS + COUNT_OF(NAME_PATHS);
    for (const struct geo_path *path = NAME_PATHS; path < end; path++)
        if (geo_find_name(entry, path, name, sizeof name))
            knows->name = end = path;
    end = knows->city ? knows->city : CITY_PATHS + COUNT_OF(CITY_PATHS);
    for (const struct geo_path *path = CITY_PATHS; path < end; path++)
        if (geo_find_name(entry, path, name, sizeof name))
            knows->city = end = path;
    float latitude, longitude;
    for (size_t i = 0; i < COUNT_OF(POSITION_PATHS) && !knows->position; i++)
        if (geo_find_position(entry, POSITION_PATHS[i], &latitude, &longitude))
            knows->position = POSITION_PATHS[i];
}

/* Nodes yet to be seen, depth first. */
struct descent {
    uint32_t stack[TREE_DEPTH_MAX + 1];
    unsigned depth, records, nodes;
};

/* One side of a node: a record is probed, a node below is pushed. */
static void visit(struct geo_knows *knows, struct descent *descent, uint8_t type,
                  uint64_t value, MMDB_entry_s entry)
{
    if (type == MMDB_RECORD_TYPE_DATA) {
        descent->records++;
        probe_record(knows, entry);
    } else if (type == MMDB_RECORD_TYPE_SEARCH_NODE && descent->depth <= TREE_DEPTH_MAX &&
               value <= UINT32_MAX) {
        descent->stack[descent->depth++] = (uint32_t)value;
    }
}

struct geo_knows geo_probe(const MMDB_s *mmdb)
{
    struct geo_knows knows = {0};
    for (uint64_t i = 0; i < PROBE_DESCENTS; i++) {
        struct descent descent = {.depth = 1}; /* on the stack: the root, node 0 */
        while (descent.depth > 0 && descent.records < PROBE_RECORDS &&
               descent.nodes++ < PROBE_NODES) {
            uint32_t number = descent.stack[--descent.depth];
            MMDB_search_node_s node;
            if (MMDB_read_node(mmdb, number, &node) != MMDB_SUCCESS)
                continue;
            bool left_first = hash_u64(i << 32 | number, HASH_FIXED) & 1;
            if (left_first) /* the stack turns it around */
                visit(&knows, &descent, node.right_record_type, node.right_record,
                      node.right_record_entry);
            visit(&knows, &descent, node.left_record_type, node.left_record,
                  node.left_record_entry);
            if (!left_first)
                visit(&knows, &descent, node.right_record_type, node.right_record,
                      node.right_record_entry);
        }
    }
    return knows;
}
