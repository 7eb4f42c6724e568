/* Country and AS from MaxMind DB files.
 *
 * What a file knows, and under which names, is found once, when it is opened: a few hundred
 * records taken from all over the search tree are asked for every known name. A look-up then
 * follows fixed paths. libmaxminddb bounds its reads by the size of the file; what it hands out
 * is checked here for type and range, and anything else is unknown. */
#include <nightscope/geo.h>

#include "base/hash.h"
#include "enrich/geo_cache.h"

#include <errno.h>
#include <math.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    GEO_FILES_MAX = 16,
    PATH_CAP = 4, /* names from the root of a record to a value, and NULL */

    /* Probing: so many descents from the root, each turning left or right in an order of its
     * own, each to so many records; a broken tree ends a descent after so many nodes. */
    PROBE_DESCENTS = 32,
    PROBE_RECORDS = 16,
    PROBE_NODES = 16384,
    TREE_DEPTH_MAX = 128,
};

struct path {
    const char *names[PATH_CAP];
};

/* By preference: the first that holds a usable value is taken. */
static const struct path COUNTRY_PATHS[] = {
    {{"country", "iso_code"}}, {{"country_code"}}, {{"country"}}, {{"iso_code"}}};
static const struct path ASN_PATHS[] = {{{"autonomous_system_number"}},
                                        {{"asn"}},
                                        {{"as_number"}},
                                        {{"traits", "autonomous_system_number"}}};
static const struct path NAME_PATHS[] = {{{"autonomous_system_organization"}},
                                         {{"as_name"}},
                                         {{"as_organization"}},
                                         {{"asn_name"}},
                                         {{"organization"}},
                                         {{"name"}},
                                         {{"org"}},
                                         {{"traits", "autonomous_system_organization"}}};
static const struct path CITY_PATHS[] = {{{"city", "names", "en"}}, {{"city"}}};
/* Latitude and longitude go together. */
static const struct path POSITION_PATHS[][2] = {
    {{{"location", "latitude"}}, {{"location", "longitude"}}},
    {{{"latitude"}}, {{"longitude"}}},
};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct database {
    MMDB_s mmdb;
    const struct path *country, *asn, *name; /* NULL: it does not know */
    const struct path *city;
    const struct path *position;        /* two: latitude, longitude */
    struct geo_cache *countries, *asns; /* of letters, first << 8 | second, and of numbers */
};

struct geo {
    unsigned n;
    struct database databases[GEO_FILES_MAX];
};

struct geo *geo_new(void)
{
    return calloc(1, sizeof(struct geo));
}

void geo_free(struct geo *geo)
{
    if (!geo)
        return;
    for (unsigned i = 0; i < geo->n; i++) {
        MMDB_close(&geo->databases[i].mmdb);
        free(geo->databases[i].countries);
        free(geo->databases[i].asns);
    }
    free(geo);
}

/* Values of a record */

static bool find(MMDB_entry_s entry, const struct path *path, MMDB_entry_data_s *ret_data)
{
    return MMDB_aget_value(&entry, ret_data, path->names) == MMDB_SUCCESS && ret_data->has_data;
}

static bool find_country(MMDB_entry_s entry, const struct path *path, char ret_cc[static 3])
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        data.data_size != 2)
        return false;
    const char *cc = data.utf8_string;
    if (cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z')
        return false;
    memcpy(ret_cc, cc, 2);
    ret_cc[2] = '\0';
    return true;
}

/* "64500" or "AS64500" */
static bool parse_asn(const char *text, size_t length, uint32_t *ret_asn)
{
    if (length >= 2 && (text[0] | 0x20) == 'a' && (text[1] | 0x20) == 's') {
        text += 2;
        length -= 2;
    }
    uint64_t asn = 0;
    if (length == 0 || length > 10)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        asn = asn * 10 + (unsigned)(text[i] - '0');
    }
    if (asn == 0 || asn > UINT32_MAX)
        return false;
    *ret_asn = (uint32_t)asn;
    return true;
}

/* "-12.5"; strtod() would follow the locale. */
static bool parse_degrees(const char *text, size_t length, double *ret_degrees)
{
    bool negative = length > 0 && text[0] == '-', point = false, digits = false;
    double value = 0, unit = 1;
    if (length > 24)
        return false;
    for (size_t i = negative; i < length; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits = true;
        if (point)
            unit /= 10;
        value = point ? value + (text[i] - '0') * unit : value * 10 + (text[i] - '0');
    }
    *ret_degrees = negative ? -value : value;
    return digits;
}

static bool find_asn(MMDB_entry_s entry, const struct path *path, uint32_t *ret_asn)
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data))
        return false;
    uint64_t asn = 0;
    switch (data.type) {
    case MMDB_DATA_TYPE_UTF8_STRING:
        return parse_asn(data.utf8_string, data.data_size, ret_asn);
    case MMDB_DATA_TYPE_UINT16:
        asn = data.uint16;
        break;
    case MMDB_DATA_TYPE_UINT32:
        asn = data.uint32;
        break;
    case MMDB_DATA_TYPE_UINT64:
        asn = data.uint64;
        break;
    case MMDB_DATA_TYPE_INT32:
        asn = data.int32 > 0 ? (uint64_t)data.int32 : 0;
        break;
    default:
        break;
    }
    if (asn == 0 || asn > UINT32_MAX)
        return false;
    *ret_asn = (uint32_t)asn;
    return true;
}

/* The name, cut where a character ends; the bytes are whatever the file holds. */
static bool find_name(MMDB_entry_s entry, const struct path *path, char *buf, size_t cap)
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        data.data_size == 0)
        return false;
    size_t length = data.data_size;
    if (length >= cap) {
        length = cap - 1;
        while (length > 0 && ((unsigned char)data.utf8_string[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(buf, data.utf8_string, length);
    buf[length] = '\0';
    return buf[0] != '\0';
}

/* Degrees: a number, or a text as flat files have it. */
static bool find_degrees(MMDB_entry_s entry, const struct path *path, double limit,
                         float *ret_degrees)
{
    MMDB_entry_data_s data;
    double degrees = NAN;
    if (!find(entry, path, &data))
        return false;
    switch (data.type) {
    case MMDB_DATA_TYPE_DOUBLE:
        degrees = data.double_value;
        break;
    case MMDB_DATA_TYPE_FLOAT:
        degrees = data.float_value;
        break;
    case MMDB_DATA_TYPE_INT32:
        degrees = data.int32;
        break;
    case MMDB_DATA_TYPE_UINT16:
        degrees = data.uint16;
        break;
    case MMDB_DATA_TYPE_UTF8_STRING:
        if (!parse_degrees(data.utf8_string, data.data_size, &degrees))
            return false;
        break;
    default:
        break;
    }
    if (!(fabs(degrees) <= limit)) /* not a number, too */
        return false;
    *ret_degrees = (float)degrees;
    return true;
}

static bool find_position(MMDB_entry_s entry, const struct path *paths, float *ret_latitude,
                          float *ret_longitude)
{
    float latitude, longitude;
    if (!find_degrees(entry, &paths[0], 90, &latitude) ||
        !find_degrees(entry, &paths[1], 180, &longitude))
        return false;
    *ret_latitude = latitude;
    *ret_longitude = longitude;
    return true;
}

/* Probing */

/* What this record answers replaces what was found so far when it is preferred to that. */
static void probe_record(struct database *database, MMDB_entry_s entry)
{
    char cc[3], name[8];
    uint32_t asn;
    const struct path *end =
        database->country ? database->country : COUNTRY_PATHS + COUNT_OF(COUNTRY_PATHS);
    for (const struct path *path = COUNTRY_PATHS; path < end; path++)
        if (find_country(entry, path, cc))
            database->country = end = path;
    end = database->asn ? database->asn : ASN_PATHS + COUNT_OF(ASN_PATHS);
    for (const struct path *path = ASN_PATHS; path < end; path++)
        if (find_asn(entry, path, &asn))
            database->asn = end = path;
    end = database->name ? database->name : NAME_PATHS + COUNT_OF(NAME_PATHS);
    for (const struct path *path = NAME_PATHS; path < end; path++)
        if (find_name(entry, path, name, sizeof name))
            database->name = end = path;
    end = database->city ? database->city : CITY_PATHS + COUNT_OF(CITY_PATHS);
    for (const struct path *path = CITY_PATHS; path < end; path++)
        if (find_name(entry, path, name, sizeof name))
            database->city = end = path;
    float latitude, longitude;
    for (size_t i = 0; i < COUNT_OF(POSITION_PATHS) && !database->position; i++)
        if (find_position(entry, POSITION_PATHS[i], &latitude, &longitude))
            database->position = POSITION_PATHS[i];
}

/* Nodes yet to be seen, depth first. */
struct descent {
    uint32_t stack[TREE_DEPTH_MAX + 1];
    unsigned depth, records, nodes;
};

/* One side of a node: a record is probed, a node below is pushed. */
static void visit(struct database *database, struct descent *descent, uint8_t type,
                  uint64_t value, MMDB_entry_s entry)
{
    if (type == MMDB_RECORD_TYPE_DATA) {
        descent->records++;
        probe_record(database, entry);
    } else if (type == MMDB_RECORD_TYPE_SEARCH_NODE && descent->depth <= TREE_DEPTH_MAX &&
               value <= UINT32_MAX) {
        descent->stack[descent->depth++] = (uint32_t)value;
    }
}

static void probe(struct database *database)
{
    for (uint64_t i = 0; i < PROBE_DESCENTS; i++) {
        struct descent descent = {.depth = 1}; /* on the stack: the root, node 0 */
        while (descent.depth > 0 && descent.records < PROBE_RECORDS &&
               descent.nodes++ < PROBE_NODES) {
            uint32_t number = descent.stack[--descent.depth];
            MMDB_search_node_s node;
            if (MMDB_read_node(&database->mmdb, number, &node) != MMDB_SUCCESS)
                continue;
            bool left_first = hash_u64(i << 32 | number, HASH_FIXED) & 1;
            if (left_first) /* the stack turns it around */
                visit(database, &descent, node.right_record_type, node.right_record,
                      node.right_record_entry);
            visit(database, &descent, node.left_record_type, node.left_record,
                  node.left_record_entry);
            if (!left_first)
                visit(database, &descent, node.right_record_type, node.right_record,
                      node.right_record_entry);
        }
    }
}

static int open_error(struct err *err, const char *path, int status)
{
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return err_set(err, path, 0, 0, "cannot be opened: %s", strerror(errno));
    return err_set(err, path, 0, 0, "is not a usable MaxMind DB file: %s",
                   MMDB_strerror(status));
}

int geo_open(struct geo *geo, const char *path, struct err *err)
{
    if (geo->n == GEO_FILES_MAX)
        return err_set(err, path, 0, 0, "more than %d databases", GEO_FILES_MAX);
    struct database *database = &geo->databases[geo->n];
    *database = (struct database){0};
    int status = MMDB_open(path, MMDB_MODE_MMAP, &database->mmdb);
    if (status != MMDB_SUCCESS)
        return open_error(err, path, status);
    probe(database);
    if (!database->country && !database->asn) {
        const char *type = database->mmdb.metadata.database_type;
        (void)err_set(
            err, path, 0, 0,
            "a database of type \"%.100s\" without countries or AS numbers: expected "
            "country.iso_code, country_code or autonomous_system_number in its records",
            type ? type : "");
        MMDB_close(&database->mmdb);
        return -1;
    }
    database->countries = calloc(1, sizeof *database->countries);
    database->asns = calloc(1, sizeof *database->asns);
    geo->n++; /* without memory it is slower, and as right */
    return 0;
}

/* Look-ups */

static bool look_up(const struct database *database, const struct address *address,
                    MMDB_entry_s *ret_entry)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {0};
    if (address->is6) {
        to.v6.sin6_family = AF_INET6;
        for (unsigned i = 0; i < 8; i++) {
            to.v6.sin6_addr.s6_addr[i] = (uint8_t)(address->v6.hi >> (56 - 8 * i));
            to.v6.sin6_addr.s6_addr[8 + i] = (uint8_t)(address->v6.lo >> (56 - 8 * i));
        }
    } else {
        to.v4.sin_family = AF_INET;
        to.v4.sin_addr.s_addr = htonl(address->v4);
    }
    int status =
        MMDB_SUCCESS; /* an error is an IPv6 address in an IPv4 tree, or a broken tree */
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&database->mmdb, &to.any, &status);
    if (status != MMDB_SUCCESS || !result.found_entry)
        return false;
    *ret_entry = result.entry;
    return true;
}

static void country_of(const struct database *database, MMDB_entry_s entry,
                       char ret_cc[static 3])
{
    uint32_t letters = 0;
    if (!database->countries || !geo_cache_get(database->countries, entry.offset, &letters)) {
        char cc[3] = "";
        if (find_country(entry, database->country, cc))
            letters = (uint32_t)(uint8_t)cc[0] << 8 | (uint8_t)cc[1];
        if (database->countries)
            geo_cache_put(database->countries, entry.offset, letters);
    }
    if (letters) { /* else it stays unknown */
        ret_cc[0] = (char)(letters >> 8);
        ret_cc[1] = (char)(letters & 0xff);
        ret_cc[2] = '\0';
    }
}

static uint32_t asn_of(const struct database *database, MMDB_entry_s entry)
{
    uint32_t asn = 0;
    if (!database->asns || !geo_cache_get(database->asns, entry.offset, &asn)) {
        (void)find_asn(entry, database->asn, &asn); /* stays 0: unknown */
        if (database->asns)
            geo_cache_put(database->asns, entry.offset, asn);
    }
    return asn;
}

static struct place locate(void *context, const struct address *address)
{
    const struct geo *geo = context;
    struct place place = {0};
    for (unsigned i = 0; i < geo->n && (!place.cc[0] || !place.asn); i++) {
        const struct database *database = &geo->databases[i];
        bool country = database->country && !place.cc[0], asn = database->asn && !place.asn;
        MMDB_entry_s entry;
        if ((!country && !asn) || !look_up(database, address, &entry))
            continue;
        if (country)
            country_of(database, entry, place.cc);
        if (asn)
            place.asn = asn_of(database, entry);
    }
    return place;
}

/* The name belongs to the number: it comes from the file that knows the AS. */
static void as_name(void *context, const struct address *address, char *buf, size_t cap)
{
    const struct geo *geo = context;
    buf[0] = '\0';
    for (unsigned i = 0; i < geo->n; i++) {
        const struct database *database = &geo->databases[i];
        MMDB_entry_s entry;
        uint32_t asn;
        if (!database->asn || !look_up(database, address, &entry) ||
            !find_asn(entry, database->asn, &asn))
            continue;
        if (database->name)
            (void)find_name(entry, database->name, buf, cap); /* stays "" */
        return;
    }
}

static bool position(void *context, const struct address *address, float *ret_latitude,
                     float *ret_longitude)
{
    const struct geo *geo = context;
    for (unsigned i = 0; i < geo->n; i++) {
        const struct database *database = &geo->databases[i];
        MMDB_entry_s entry;
        if (database->position && look_up(database, address, &entry) &&
            find_position(entry, database->position, ret_latitude, ret_longitude))
            return true;
    }
    return false;
}

static void city(void *context, const struct address *address, char *buf, size_t cap)
{
    const struct geo *geo = context;
    buf[0] = '\0';
    for (unsigned i = 0; i < geo->n; i++) {
        const struct database *database = &geo->databases[i];
        MMDB_entry_s entry;
        if (database->city && look_up(database, address, &entry) &&
            find_name(entry, database->city, buf, cap))
            return;
    }
}

struct locator geo_locator(const struct geo *geo)
{
    return (struct locator){
        .locate = locate,
        .as_name = as_name,
        .position = position,
        .city = city,
        .context = (void *)geo,
    };
}
