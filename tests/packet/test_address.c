/* Addresses as text, their order, and the shards of sources. */
#include "frames.h"

static const struct {
    const char *text, *canonical; /* NULL: not an address */
} texts[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"255.255.255.255", "255.255.255.255"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:DB8::1", "2001:db8::1"},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* the first of equal runs */
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longest run */
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one zero stays */
    {"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"::192.0.2.1", "::c000:201"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"", NULL},
    {"192.0.2", NULL},
    {"192.0.2.1 ", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.1/32", NULL},
    {"2001:db8", NULL},
    {"1::2::3", NULL},
    {"fe80::1%eth0", NULL},
};

START_TEST(addresses_round_trip_in_canonical_form)
{
    char text[ADDRESS_TEXT_CAP];
    struct address address, again;
    int parsed = address_parse(texts[_i].text, &address);
    ck_assert_int_eq(parsed, texts[_i].canonical ? 0 : -1);
    if (parsed != 0)
        return;
    ck_assert_str_eq(address_format(&address, text), texts[_i].canonical);
    ck_assert_int_eq(address_parse(text, &again), 0);
    ck_assert_int_eq(address_compare(&address, &again), 0);
}
END_TEST

START_TEST(ipv4_sorts_before_ipv6_and_by_number)
{
    static const char *const sorted[] = {"0.0.0.1", "9.0.0.0",   "10.0.0.0", "200.0.0.0", "::",
                                         "::1",     "::2:0:0:0", "2::",      "f000::"};
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++)
        for (size_t k = 0; k < sizeof sorted / sizeof *sorted; k++) {
            struct address a, b;
            ck_assert_int_eq(address_parse(sorted[i], &a), 0);
            ck_assert_int_eq(address_parse(sorted[k], &b), 0);
            int order = address_compare(&a, &b);
            ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
        }
}
END_TEST

/* Neighbours must not share a shard: sources of one network would all be one worker's. */
START_TEST(shards_are_even)
{
    enum { N = 64 * 1024 };
    unsigned counts4[SHARD_COUNT] = {0}, counts6[SHARD_COUNT] = {0};
    for (uint32_t i = 0; i < N; i++) {
        unsigned shard4 = shard_of4(0xc0000000 + i);
        unsigned shard6 = shard_of6((struct ip6){.hi = 0x20010db800000000 + i, .lo = 1});
        ck_assert_uint_lt(shard4, SHARD_COUNT);
        ck_assert_uint_lt(shard6, SHARD_COUNT);
        counts4[shard4]++;
        counts6[shard6]++;
    }
    for (unsigned i = 0; i < SHARD_COUNT; i++) { /* 1024 each, deviation 32: 8 of them */
        ck_assert_uint_ge(counts4[i], 768);
        ck_assert_uint_le(counts4[i], 1280);
        ck_assert_uint_ge(counts6[i], 768);
        ck_assert_uint_le(counts6[i], 1280);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    tcase_add_loop_test(tests, addresses_round_trip_in_canonical_form, 0,
                        sizeof texts / sizeof *texts);
    tcase_add_test(tests, ipv4_sorts_before_ipv6_and_by_number);
    tcase_add_test(tests, shards_are_even);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
