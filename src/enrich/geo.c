/* Country and AS from MaxMind DB files: what a file knows, and under which names, is found when
 * it is opened; a look-up then follows fixed paths. */
#include <nightscope/geo.h>

#include "base/prefetch.h"
#include "enrich/geo_cache.h"
#include "enrich/geo_probe.h"
#include "enrich/geo_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    GEO_FILES_MAX = 16,
    TOGETHER = 32, /* addresses that are looked up at a time */
};

struct database {
    MMDB_s mmdb;
    struct geo_tree *tree;
    struct geo_knows knows;
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
        geo_tree_free(geo->databases[i].tree);
        free(geo->databases[i].countries);
        free(geo->databases[i].asns);
    }
    free(geo);
}

static int open_error(struct err *err, const char *path, int status)
{
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return err_set(err, path, 0, 0, "cannot be opened: %s", strerror(errno));
    return err_set(err, path, 0, 0, "is not a usable MaxMind DB file: %s",
                   MMDB_strerror(status));
}

static bool copy_file(int from, int to)
{
    enum { PART = 1 << 16 };
    uint8_t part[PART];
    for (;;) {
        ssize_t n = read(from, part, sizeof part);
        if (n <= 0)
            return n == 0;
        for (ssize_t done = 0, more; done < n; done += more) {
            more = write(to, part + done, (size_t)(n - done));
            if (more <= 0)
                return false;
        }
    }
}

/* libmaxminddb maps a file by its name. A file that is overwritten in place while it is mapped
 * (cp, curl -o) would end the process with SIGBUS, so it is given a copy in memory. */
static int open_copy(const char *path, MMDB_s *mmdb)
{
    char copy_path[32];
    int file = open(path, O_RDONLY | O_CLOEXEC), copy = -1;
    struct stat stat;
    bool copied = false;
    if (file >= 0 && fstat(file, &stat) == 0 && S_ISREG(stat.st_mode))
        copy = memfd_create("nightscope-geo", MFD_CLOEXEC);
    if (copy >= 0)
        copied = copy_file(file, copy);
    (void)snprintf(copy_path, sizeof copy_path, "/proc/self/fd/%d", copy);
    /* Without memory for it, or without /proc, the file itself is better than none. */
    int status = copied ? MMDB_open(copy_path, MMDB_MODE_MMAP, mmdb) : MMDB_FILE_OPEN_ERROR;
    if (status == MMDB_FILE_OPEN_ERROR)
        status = MMDB_open(path, MMDB_MODE_MMAP, mmdb);
    int why = errno; /* open_error() tells it */
    if (copy >= 0)
        (void)close(copy); /* the mapping stays */
    if (file >= 0)
        (void)close(file);
    errno = why;
    return status;
}

int geo_open(struct geo *geo, const char *path, struct err *err)
{
    if (geo->n == GEO_FILES_MAX)
        return err_set(err, path, 0, 0, "more than %d databases", GEO_FILES_MAX);
    struct database *database = &geo->databases[geo->n];
    *database = (struct database){0};
    int status = open_copy(path, &database->mmdb);
    if (status != MMDB_SUCCESS)
        return open_error(err, path, status);
    database->knows = geo_probe(&database->mmdb);
    if (!database->knows.country && !database->knows.asn) {
        const char *type = database->mmdb.metadata.database_type;
        (void)err_set(
            err, path, 0, 0,
            "a database of type \"%.100s\" without countries or AS numbers: expected "
            "country.iso_code, country_code or autonomous_system_number in its records",
            type ? type : "");
        MMDB_close(&database->mmdb);
        return -1;
    }
    database->tree = geo_tree_new(&database->mmdb, path, err);
    if (!database->tree) {
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
    *ret_entry = (MMDB_entry_s){.mmdb = &database->mmdb};
    return geo_tree_find(database->tree, address, &ret_entry->offset);
}

static void country_of(const struct database *database, MMDB_entry_s entry,
                       char ret_cc[static 3])
{
    uint32_t letters = 0;
    if (!database->countries || !geo_cache_get(database->countries, entry.offset, &letters)) {
        char cc[3] = "";
        if (geo_find_country(entry, database->knows.country, cc))
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
        (void)geo_find_asn(entry, database->knows.asn, &asn); /* stays 0: unknown */
        if (database->asns)
            geo_cache_put(database->asns, entry.offset, asn);
    }
    return asn;
}

/* Does the file know what is still missing? */
static inline bool may_add(const struct database *database, const struct place *place)
{
    return (database->knows.country && !place->cc[0]) || (database->knows.asn && !place->asn);
}

static inline void add(const struct database *database, MMDB_entry_s entry, struct place *place)
{
    if (database->knows.country && !place->cc[0])
        country_of(database, entry, place->cc);
    if (database->knows.asn && !place->asn)
        place->asn = asn_of(database, entry);
}

static struct place locate(void *context, const struct address *address)
{
    const struct geo *geo = context;
    struct place place = {0};
    for (unsigned i = 0; i < geo->n; i++) {
        const struct database *database = &geo->databases[i];
        MMDB_entry_s entry;
        if (may_add(database, &place) && look_up(database, address, &entry))
            add(database, entry, &place);
    }
    return place;
}

static void locate_some(const struct database *database, const struct address *addresses,
                        unsigned n, struct place *places)
{
    uint32_t offsets[TOGETHER];
    geo_tree_find_all(database->tree, addresses, n, offsets);
    for (unsigned i = 0; i < n; i++) {
        if (database->countries)
            prefetch(geo_cache_slot(database->countries, offsets[i]));
        if (database->asns)
            prefetch(geo_cache_slot(database->asns, offsets[i]));
    }
    for (unsigned i = 0; i < n; i++)
        if (offsets[i] != GEO_TREE_NONE && may_add(database, &places[i]))
            add(database, (MMDB_entry_s){&database->mmdb, offsets[i]}, &places[i]);
}

static void locate_all(void *context, const struct address *addresses, unsigned n,
                       struct place *ret_places)
{
    const struct geo *geo = context;
    memset(ret_places, 0, n * sizeof *ret_places);
    for (unsigned at = 0; at < n; at += TOGETHER) {
        unsigned some = n - at < TOGETHER ? n - at : TOGETHER;
        for (unsigned i = 0; i < geo->n; i++)
            locate_some(&geo->databases[i], addresses + at, some, ret_places + at);
    }
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
        if (!database->knows.asn || !look_up(database, address, &entry) ||
            !geo_find_asn(entry, database->knows.asn, &asn))
            continue;
        if (database->knows.name)
            (void)geo_find_name(entry, database->knows.name, buf, cap); /* stays "" */
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
        if (database->knows.position && look_up(database, address, &entry) &&
            geo_find_position(entry, database->knows.position, ret_latitude, ret_longitude))
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
        if (database->knows.city && look_up(database, address, &entry) &&
            geo_find_name(entry, database->knows.city, buf, cap))
            return;
    }
}

struct locator geo_locator(const struct geo *geo)
{
    return (struct locator){
        .locate = locate,
        .locate_all = locate_all,
        .as_name = as_name,
        .position = position,
        .city = city,
        .context = (void *)geo,
    };
}
