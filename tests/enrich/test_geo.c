/* Countries and AS: every layout against what make_test_mmdb.pl wrote, and broken files. */
#include "enrich/geo_tree.h"
#include "harness.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <nightscope/geo.h>
#include <string.h>
#include <unistd.h>

/* libmaxminddb 1.7 forgets what it read of damaged metadata; only its own memory is meant. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}

static char scratch[128];

static const char *database_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("NIGHTSCOPE_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/geo/%s.mmdb", root ? root : ".", name);
    return path;
}

static struct address v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return (struct address){.v4 = a << 24 | b << 16 | c << 8 | d};
}

static struct address v6(uint64_t hi, uint64_t lo)
{
    return (struct address){.is6 = true, .v6 = {.hi = hi, .lo = lo}};
}

static struct geo *open_all(const char *const names[], size_t n)
{
    struct geo *geo = geo_new();
    ck_assert_ptr_nonnull(geo);
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        ck_assert_msg(geo_open(geo, database_path(names[i]), &err) == 0, "%s: %s", err.origin,
                      err.text);
    }
    return geo;
}

/* Known answers: the places of make_test_mmdb.pl. */
static const struct {
    struct address address;
    const char *cc;
    uint32_t asn;
    const char *name;
} KNOWN[] = {
    {{.v4 = 0xc0000200}, "JP", 64496, "Example Networks"},
    {{.v4 = 0xc00002ff}, "JP", 64496, "Example Networks"},
    {{.v4 = 0xc6336401}, "NL", 64497, "Beispiel Netz GmbH"},
    {{.v4 = 0xc6336480},
     "BR",
     64498,
     "Telecomunica\xc3\xa7\xc3\xb5"
     "es Exemplo"},
    {{.v4 = 0xcb007107}, "KR", 65551, "=cmd|\"/c calc\"!A1"},
    {{.v4 = 0x0affffff}, "IN", 64503, "Demo Mobile"},
    {{.v4 = 0xc0000300}, "", 0, ""}, /* next to a known one */
    {{.v4 = 0}, "", 0, ""},
    {{.v4 = 0xffffffff}, "", 0, ""},
};

static void check_known(struct locator locator, bool country, bool as)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        struct place place = locator.locate(locator.context, &KNOWN[i].address);
        ck_assert_str_eq(place.cc, country ? KNOWN[i].cc : "");
        ck_assert_uint_eq(place.asn, as ? KNOWN[i].asn : 0);
        char name[96] = "untouched";
        locator.as_name(locator.context, &KNOWN[i].address, name, sizeof name);
        ck_assert_str_eq(name, as ? KNOWN[i].name : "");
    }
}

static const struct {
    const char *names[2];
    size_t n;
    bool country, as, ipv6;
} LAYOUTS[] = {
    {{"country"}, 1, true, false, true},
    {{"city"}, 1, true, false, true},
    {{"asn"}, 1, false, true, true},
    {{"flat_country"}, 1, true, false, true},
    {{"flat_country4"}, 1, true, false, false},
    {{"flat_asn"}, 1, false, true, true},
    {{"country", "asn"}, 2, true, true, true},
    {{"flat_asn", "flat_country"}, 2, true, true, true},
    {{"odd_country", "city"}, 2, true, false, true}, /* the first file that knows answers */
};

START_TEST(every_layout_answers)
{
    struct geo *geo = open_all(LAYOUTS[_i].names, LAYOUTS[_i].n);
    check_known(geo_locator(geo), LAYOUTS[_i].country, LAYOUTS[_i].as);
    check_known(geo_locator(geo), LAYOUTS[_i].country, LAYOUTS[_i].as); /* from the cache */
    geo_free(geo);
}
END_TEST

START_TEST(ipv6_addresses_are_found)
{
    struct geo *geo = open_all(LAYOUTS[_i].names, LAYOUTS[_i].n);
    struct locator locator = geo_locator(geo);
    bool country = LAYOUTS[_i].country && LAYOUTS[_i].ipv6;
    bool as = LAYOUTS[_i].as && LAYOUTS[_i].ipv6;
    struct address german = v6(0x20010db800000000, 1), french = v6(0x20010db880000000, 0);
    struct address nobody = v6(0x20010db900000000, 1);
    struct place place = locator.locate(locator.context, &german);
    ck_assert_str_eq(place.cc, country ? "DE" : "");
    ck_assert_uint_eq(place.asn, as ? 64499 : 0);
    place = locator.locate(locator.context, &french);
    ck_assert_str_eq(place.cc, country ? "FR" : "");
    ck_assert_uint_eq(place.asn, as ? 4200000000 : 0);
    place = locator.locate(locator.context, &nobody);
    ck_assert_str_eq(place.cc, "");
    ck_assert_uint_eq(place.asn, 0);
    geo_free(geo);
}
END_TEST

/* The tree as libmaxminddb walks it. */
static bool judge(const MMDB_s *mmdb, const struct address *address, uint32_t *ret_offset)
{
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address->v4)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
    for (unsigned i = 0; i < 8; i++) {
        to6.sin6_addr.s6_addr[i] = (uint8_t)(address->v6.hi >> (56 - 8 * i));
        to6.sin6_addr.s6_addr[8 + i] = (uint8_t)(address->v6.lo >> (56 - 8 * i));
    }
    int status = MMDB_SUCCESS;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(
        mmdb, address->is6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4, &status);
    *ret_offset = result.entry.offset;
    return status == MMDB_SUCCESS && result.found_entry;
}

/* Half of the random addresses are near a place that is known. */
static struct address somewhere(struct random *random)
{
    struct address address = {.is6 = random_below(random, 2)};
    const struct address *near =
        &KNOWN[random_below(random, sizeof KNOWN / sizeof *KNOWN)].address;
    address.v4 = (uint32_t)random_below(random, UINT32_MAX);
    if (random_below(random, 2))
        address.v4 = near->v4 ^ address.v4 >> random_below(random, 32);
    address.v6 =
        (struct ip6){random_below(random, UINT64_MAX), random_below(random, UINT64_MAX)};
    if (random_below(random, 2))
        address.v6.hi = 0x20010db800000000 ^ address.v6.hi >> random_below(random, 64);
    if (random_below(random, 4) == 0)
        address.v6 = (struct ip6){0, address.v4};
    return address;
}

START_TEST(the_tree_is_that_of_libmaxminddb)
{
    struct random random = random_seeded("tree");
    unsigned found[2] = {0};
    for (size_t file = 0; file < LAYOUTS[_i].n; file++) {
        MMDB_s mmdb;
        struct err err = {0};
        const char *path = database_path(LAYOUTS[_i].names[file]);
        ck_assert_int_eq(MMDB_open(path, MMDB_MODE_MMAP, &mmdb), MMDB_SUCCESS);
        struct geo_tree *tree = geo_tree_new(&mmdb, path, &err);
        ck_assert_ptr_nonnull(tree);
        for (unsigned round = 0; round < 5000; round++) {
            struct address addresses[40];
            uint32_t all[40], n = (uint32_t)random_below(&random, 41);
            for (unsigned i = 0; i < n; i++)
                addresses[i] = somewhere(&random);
            geo_tree_find_all(tree, addresses, n, all);
            for (unsigned i = 0; i < n; i++) {
                uint32_t wanted = GEO_TREE_NONE, got = GEO_TREE_NONE;
                bool is_there = judge(&mmdb, &addresses[i], &wanted);
                ck_assert_int_eq(geo_tree_find(tree, &addresses[i], &got), is_there);
                ck_assert_uint_eq(got, is_there ? wanted : GEO_TREE_NONE);
                ck_assert_uint_eq(all[i], got);
                found[addresses[i].is6] += is_there;
            }
        }
        geo_tree_free(tree);
        MMDB_close(&mmdb);
    }
    ck_assert_uint_gt(found[0], 100);
    ck_assert(found[1] > 100 || !LAYOUTS[_i].ipv6);
}
END_TEST

START_TEST(places_of_many_are_those_of_each)
{
    enum { MANY = 100 };
    struct random random = random_seeded("places");
    struct geo *geo = open_all(LAYOUTS[_i].names, LAYOUTS[_i].n);
    struct locator locator = geo_locator(geo);
    unsigned found = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct address addresses[MANY];
        struct place places[MANY];
        unsigned n = (unsigned)random_below(&random, MANY + 1);
        for (unsigned i = 0; i < n; i++)
            addresses[i] = somewhere(&random);
        locator.locate_all(locator.context, addresses, n, places);
        for (unsigned i = 0; i < n; i++) {
            struct place place = locator.locate(locator.context, &addresses[i]);
            ck_assert_str_eq(places[i].cc, place.cc);
            ck_assert_uint_eq(places[i].asn, place.asn);
            found += place.cc[0] || place.asn;
        }
    }
    ck_assert_uint_gt(found, 100);
    geo_free(geo);
}
END_TEST

START_TEST(only_two_capital_letters_are_a_country)
{
    const char *const names[] = {"odd_country"};
    struct geo *geo = open_all(names, 1);
    struct locator locator = geo_locator(geo);
    struct address odd[] = {v4(192, 0, 2, 1), v4(198, 51, 100, 1), v4(198, 51, 100, 129),
                            v6(0x20010db800000000, 1)};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        ck_assert_str_eq(locator.locate(locator.context, &odd[i]).cc, "");
    struct address good = v4(203, 0, 113, 1);
    ck_assert_str_eq(locator.locate(locator.context, &good).cc, "KR");
    geo_free(geo);
}
END_TEST

START_TEST(a_long_name_is_cut_between_characters)
{
    const char *const names[] = {"asn"};
    struct geo *geo = open_all(names, 1);
    struct locator locator = geo_locator(geo);
    struct address address = v4(198, 51, 100, 200);
    static const char *const CUT[] = {"Telecomunica", "Telecomunica", "Telecomunica\xc3\xa7"};
    for (size_t i = 0; i < 3; i++) {
        char name[96];
        locator.as_name(locator.context, &address, name, 13 + i);
        ck_assert_str_eq(name, CUT[i]);
    }
    geo_free(geo);
}
END_TEST

/* As `cp new.mmdb old.mmdb` does it, while a sensor has the old one. */
START_TEST(a_file_may_be_overwritten_while_it_is_open)
{
    char path[sizeof scratch + 32], command[sizeof path + 4200];
    struct err err = {0};
    struct geo *geo = geo_new();
    (void)snprintf(path, sizeof path, "%s.copy", scratch);
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", database_path("country"), path);
    ck_assert_int_eq(system(command), 0);
    ck_assert_msg(geo_open(geo, path, &err) == 0, "%s", err.text);
    ck_assert_int_eq(truncate(path, 0), 0);
    struct locator locator = geo_locator(geo);
    struct address tokyo = v4(192, 0, 2, 1);
    ck_assert_str_eq(locator.locate(locator.context, &tokyo).cc, "JP");
    geo_free(geo);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(errors_say_what_was_found)
{
    struct geo *geo = geo_new();
    struct err err = {0};
    ck_assert_int_eq(geo_open(geo, database_path("neither"), &err), -1);
    ck_assert_ptr_nonnull(strstr(err.origin, "neither.mmdb"));
    ck_assert_ptr_nonnull(strstr(err.text, "Test-Connection-Speed"));
    ck_assert_ptr_nonnull(strstr(err.text, "expected country.iso_code"));
    ck_assert_int_eq(geo_open(geo, database_path("missing"), &err), -1);
    ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
    ck_assert_int_eq(geo_open(geo, "/", &err), -1);
    ck_assert_int_eq(geo_open(geo, "/dev/null", &err), -1);
    ck_assert_int_eq(geo_open(geo, database_path("asn"), &err), 0); /* goes on after errors */
    check_known(geo_locator(geo), false, true);
    while (geo_open(geo, database_path("asn"), &err) == 0)
        ;
    ck_assert_ptr_nonnull(strstr(err.text, "more than"));
    geo_free(geo);
    geo_free(NULL);
}
END_TEST

/* Broken files: whatever is found in them, nothing is read that is not theirs. */

static size_t load(const char *name, uint8_t *bytes, size_t cap)
{
    FILE *file = fopen(database_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, cap, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_uint_lt(size, cap);
    return size;
}

/* Opens these bytes as a database and asks for every known place; counts answers. */
static unsigned ask(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(scratch, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    struct geo *geo = geo_new();
    unsigned answers = 0;
    if (geo_open(geo, scratch, NULL) == 0) {
        struct locator locator = geo_locator(geo);
        for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
            struct place place = locator.locate(locator.context, &KNOWN[i].address), same;
            locator.locate_all(locator.context, &KNOWN[i].address, 1, &same);
            ck_assert_str_eq(same.cc, place.cc);
            ck_assert_uint_eq(same.asn, place.asn);
            char name[96];
            locator.as_name(locator.context, &KNOWN[i].address, name, sizeof name);
            ck_assert_uint_lt(strlen(name), sizeof name);
            ck_assert(place.cc[0] == '\0' || strlen(place.cc) == 2);
            answers += place.cc[0] || place.asn || name[0];
        }
    }
    geo_free(geo);
    return answers;
}

static const char *const BREAKABLE[] = {"country", "asn", "flat_asn", "flat_country4"};
enum { DATABASE_CAP = 1 << 16 };

START_TEST(truncated_databases_are_survived)
{
    uint8_t bytes[DATABASE_CAP];
    size_t size = load(BREAKABLE[_i], bytes, sizeof bytes);
    ck_assert_uint_gt(ask(bytes, size), 0);
    for (size_t cut = 0; cut < size; cut += 97)
        (void)ask(bytes, cut); /* no crash is the answer */
}
END_TEST

START_TEST(flipped_bits_are_survived)
{
    struct random random = random_seeded("flipped_bits");
    uint8_t bytes[DATABASE_CAP];
    size_t size = load(BREAKABLE[_i], bytes, sizeof bytes);
    for (size_t at = 0; at < size; at += 1 + random_below(&random, 4)) {
        uint8_t kept = bytes[at];
        bytes[at] ^= (uint8_t)(1 + random_below(&random, 255));
        (void)ask(bytes, size);
        bytes[at] = kept;
    }
    ck_assert_uint_gt(ask(bytes, size), 0);
}
END_TEST

START_TEST(positions_come_from_city_databases)
{
    static const struct {
        const char *name;
        bool known;
    } FILES[] = {{"city", true}, {"flat_city", true}, {"country", false}, {"asn", false}};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct geo *geo = open_all(&FILES[i].name, 1);
        struct locator locator = geo_locator(geo);
        float latitude = 77, longitude = 88;
        struct address known = v4(192, 0, 2, 1), unknown = v4(192, 0, 3, 0);
        bool found = locator.position(locator.context, &known, &latitude, &longitude);
        ck_assert_int_eq(found, FILES[i].known);
        ck_assert_float_eq(latitude, found ? 1.5F : 77);
        ck_assert_float_eq(longitude, found ? -2.5F : 88);
        ck_assert(!locator.position(locator.context, &unknown, &latitude, &longitude));
        char city[16] = "?";
        locator.city(locator.context, &known, city, sizeof city);
        ck_assert_str_eq(city, i == 0 ? "Exampleton" : "");
        locator.city(locator.context, &unknown, city, sizeof city);
        ck_assert_str_eq(city, "");
        geo_free(geo);
    }
}
END_TEST

/* Out of range, of another type, or one of the two alone: no position, and no crash. */
START_TEST(odd_positions_are_unknown)
{
    const char *const names[] = {"odd_city"};
    struct geo *geo = open_all(names, 1);
    struct locator locator = geo_locator(geo);
    float latitude, longitude;
    static const uint32_t UNKNOWN[] = {0xc6336401, 0xc6336480, 0xcb007107, 0x0a000000};
    for (size_t i = 0; i < sizeof UNKNOWN / sizeof UNKNOWN[0]; i++) {
        struct address address = {.v4 = UNKNOWN[i]};
        ck_assert(!locator.position(locator.context, &address, &latitude, &longitude));
    }
    struct address text = v4(192, 0, 2, 1);
    ck_assert(locator.position(locator.context, &text, &latitude, &longitude));
    ck_assert_float_eq_tol(latitude, -35.25F, 1e-4F);
    ck_assert_float_eq_tol(longitude, 139.75F, 1e-4F);
    geo_free(geo);
}
END_TEST

int main(void)
{
    (void)snprintf(scratch, sizeof scratch, "/tmp/nightscope-test-geo-%d.mmdb", (int)getpid());
    Suite *suite = suite_create("geo");
    TCase *tests = tcase_create("geo");
    int layouts = sizeof LAYOUTS / sizeof LAYOUTS[0];
    int breakable = sizeof BREAKABLE / sizeof BREAKABLE[0];
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_layout_answers, 0, layouts);
    tcase_add_loop_test(tests, ipv6_addresses_are_found, 0, layouts);
    tcase_add_loop_test(tests, the_tree_is_that_of_libmaxminddb, 0, layouts);
    tcase_add_loop_test(tests, places_of_many_are_those_of_each, 0, layouts);
    tcase_add_test(tests, only_two_capital_letters_are_a_country);
    tcase_add_test(tests, a_long_name_is_cut_between_characters);
    tcase_add_test(tests, a_file_may_be_overwritten_while_it_is_open);
    tcase_add_test(tests, errors_say_what_was_found);
    tcase_add_loop_test(tests, truncated_databases_are_survived, 0, breakable);
    tcase_add_loop_test(tests, flipped_bits_are_survived, 0, breakable);
    tcase_add_test(tests, positions_come_from_city_databases);
    tcase_add_test(tests, odd_positions_are_unknown);
    suite_add_tcase(suite, tests);
    int status = harness_run(suite);
    (void)unlink(scratch); /* not there when no test wrote it */
    return status;
}
