/* Prefix sets: membership against a naive evaluator, and messages. */
#include "frames.h"

#include <nightscope/prefix.h>
#include <unistd.h>

static bool has(const struct prefix_set *set, const char *text)
{
    struct address address;
    ck_assert_int_eq(address_parse(text, &address), 0);
    return address.is6 ? prefix_set_has6(set, address.v6) : prefix_set_has4(set, address.v4);
}

static const struct {
    const char *set;
    const char *in[4], *out[4];
    uint64_t size4;
    bool any6;
} sets[] = {
    {"192.0.2.0/24",
     {"192.0.2.0", "192.0.2.255"},
     {"192.0.1.255", "192.0.3.0", "::", "::c000:201"},
     256,
     false},
    {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::"}, (uint64_t)1 << 32, false},
    {"::/0", {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"0.0.0.0"}, 0, true},
    {"255.255.255.255", {"255.255.255.255"}, {"255.255.255.254", "0.0.0.0"}, 1, false},
    {"10.0.0.0/8,!10.1.0.0/16,10.1.2.0/24,!10.1.2.3",
     {"10.0.255.255", "10.2.0.0", "10.1.2.2", "10.1.2.4"},
     {"10.1.0.0", "10.1.2.3", "10.1.255.255", "11.0.0.0"},
     (1 << 24) - (1 << 16) + 255,
     false},
    {"!10.1.0.0/16,10.0.0.0/8", {"10.0.0.0"}, {"10.1.0.0"}, (1 << 24) - (1 << 16), false},
    {"10.0.0.0/9,10.128.0.0/9,10.0.0.0/8",
     {"10.127.255.255", "10.128.0.0"},
     {"9.255.255.255"},
     1 << 24,
     false},
    {"10.0.0.0/8, 10.0.0.0/8", {"10.0.0.0"}, {"11.0.0.0"}, 1 << 24, false},
    {"2001:db8::/32,!2001:db8:1::/48,192.0.2.7",
     {"2001:db8::1", "2001:db8:2::", "192.0.2.7"},
     {"2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "192.0.2.8"},
     1,
     true},
    {"!0.0.0.0/1,0.0.0.0/0", {"128.0.0.0"}, {"127.255.255.255"}, (uint64_t)1 << 31, false},
};

START_TEST(the_longest_prefix_decides)
{
    struct err err;
    struct prefix_set *set = prefix_set_parse(sets[_i].set, "--dark", &err);
    ck_assert_msg(set != NULL, "%s", set ? "" : err.text);
    for (unsigned k = 0; k < 4; k++) {
        ck_assert_msg(!sets[_i].in[k] || has(set, sets[_i].in[k]), "%s", sets[_i].in[k]);
        ck_assert_msg(!sets[_i].out[k] || !has(set, sets[_i].out[k]), "%s", sets[_i].out[k]);
    }
    ck_assert_uint_eq(prefix_set_size4(set), sets[_i].size4);
    ck_assert_int_eq(prefix_set_any6(set), sets[_i].any6);
    prefix_set_free(set);
}
END_TEST

static const struct {
    const char *set;
    const char *message;
} wrong[] = {
    {"",
     "--dark: \"\": expected a prefix such as 192.0.2.0/24 or 2001:db8::/32, or an address"},
    {"10.0.0.0/8,",
     "--dark: \"\": expected a prefix such as 192.0.2.0/24 or 2001:db8::/32, or an address"},
    {"10.0.0/8", "--dark: \"10.0.0/8\": expected a prefix such as 192.0.2.0/24 or "
                 "2001:db8::/32, or an address"},
    {"10.0.0.0/33", "--dark: \"10.0.0.0/33\": expected a prefix length of 0 to 32"},
    {"::/129", "--dark: \"::/129\": expected a prefix length of 0 to 128"},
    {"10.0.0.0/", "--dark: \"10.0.0.0/\": expected a prefix length of 0 to 32"},
    {"10.0.0.0/-1", "--dark: \"10.0.0.0/-1\": expected a prefix length of 0 to 32"},
    {"10.0.0.0/08", "--dark: \"10.0.0.0/08\": expected a prefix length of 0 to 32"},
    {"10.0.0.1/8", "--dark: \"10.0.0.1/8\": host bits are set, the prefix is 10.0.0.0/8"},
    {"!2001:db8::1/32",
     "--dark: \"!2001:db8::1/32\": host bits are set, the prefix is 2001:db8::/32"},
    {"10.0.0.0/8,!10.0.0.0/8",
     "--dark: 10.0.0.0/8 is both in the set and, with \"!\", out of it"},
    {"!10.0.0.0/8",
     "--dark: no address is in the set: \"!\" takes addresses out of other prefixes"},
    {"@/dev/null", "--dark: \"@/dev/null\": no prefix is in it"},
    {"@/nonexistent/prefixes",
     "/nonexistent/prefixes: cannot be read for --dark: No such file or directory"},
};

START_TEST(hashes_are_of_addresses_not_of_words)
{
    static const char *const same[] = {"10.0.0.0/8,2001:db8::/32",
                                       "2001:db8::/33,10.128.0.0/9,2001:db8:8000::/33,"
                                       "10.0.0.0/9"};
    static const char *const others[] = {"10.0.0.0/8", "10.0.0.0/8,2001:db8::/33", "10.0.0.0/9",
                                         "2001:db8::/32", "10.0.0.0/8,!10.0.0.1,2001:db8::/32"};
    struct err err;
    struct prefix_set *set = prefix_set_parse(same[0], "--dark", &err);
    struct prefix_set *again = prefix_set_parse(same[1], "--dark", &err);
    ck_assert_uint_eq(prefix_set_hash(set), prefix_set_hash(again));
    prefix_set_free(again);
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        again = prefix_set_parse(others[i], "--dark", &err);
        ck_assert_uint_ne(prefix_set_hash(set), prefix_set_hash(again));
        prefix_set_free(again);
    }
    prefix_set_free(set);
}
END_TEST

START_TEST(errors_quote_what_is_wrong)
{
    struct err err;
    char text[ERR_TEXT_CAP];
    ck_assert_ptr_null(prefix_set_parse(wrong[_i].set, "--dark", &err));
    err_format(&err, text, sizeof text);
    ck_assert_str_eq(text, wrong[_i].message);
    ck_assert_ptr_null(prefix_set_parse(wrong[_i].set, "--dark", NULL));
}
END_TEST

/* Parses a file of this text; the message of an error goes to `message`, without the name. */
static struct prefix_set *parse_file(const char *content, char message[static ERR_TEXT_CAP])
{
    char path[] = "/tmp/nightscope-prefix-XXXXXX", option[64], text[ERR_TEXT_CAP];
    struct err err;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    (void)close(fd);
    (void)snprintf(option, sizeof option, "198.18.0.0/15,@%s", path);
    struct prefix_set *set = prefix_set_parse(option, "--dark", &err);
    (void)unlink(path);
    if (!set) {
        err_format(&err, text, sizeof text);
        ck_assert_int_eq(strncmp(text, path, strlen(path)), 0);
        (void)snprintf(message, ERR_TEXT_CAP, "%s", text + strlen(path));
    }
    return set;
}

START_TEST(files_hold_prefixes_and_comments)
{
    char message[ERR_TEXT_CAP];
    struct prefix_set *set = parse_file("# the telescope\n"
                                        "192.0.2.0/24, 2001:db8::/32\t!192.0.2.9 # a router\r\n"
                                        "\n"
                                        "  10.0.0.0/8#\n"
                                        "11.0.0.0/8",
                                        message);
    ck_assert_ptr_nonnull(set);
    ck_assert(has(set, "198.18.0.1") && has(set, "192.0.2.1") && has(set, "2001:db8::1"));
    ck_assert(has(set, "10.0.0.1") && has(set, "11.0.0.1"));
    ck_assert(!has(set, "192.0.2.9") && !has(set, "12.0.0.1"));
    prefix_set_free(set);
    set = parse_file("# ours\r192.0.2.0/24 # lent\r10.0.0.0/8\r", message);
    ck_assert_ptr_nonnull(set);
    ck_assert(has(set, "192.0.2.1") && has(set, "10.0.0.1") && !has(set, "11.0.0.1"));
    prefix_set_free(set);
    ck_assert_ptr_null(parse_file("192.0.2.0/24\n  10.0.0.0/8 10.0.0.1/8\n", message));
    ck_assert_str_eq(message,
                     ":2:14: \"10.0.0.1/8\": host bits are set, the prefix is 10.0.0.0/8");
    ck_assert_ptr_null(parse_file("@other\n", message));
    ck_assert_str_eq(message, ":1:1: \"@other\": expected a prefix such as 192.0.2.0/24 or "
                              "2001:db8::/32, or an address");
}
END_TEST

/* Random nested prefixes in one /12, so that they cover each other and share /16s. */
START_TEST(random_sets_equal_a_naive_search)
{
    struct random random = random_seeded("prefix");
    for (unsigned round = 0; round < 60; round++) {
        static char text[200 * 64];
        struct {
            uint64_t start;
            unsigned length;
            bool out;
        } prefixes[200];
        unsigned n = 1 + (unsigned)random_below(&random, 200);
        bool six = random_below(&random, 2);
        int used = 0;
        for (unsigned i = 0; i < n; i++) {
            unsigned length = 12 + (unsigned)random_below(&random, 21);
            uint64_t start = (0x0a000000 | (random_next(&random) & 0xfffff)) &
                             ~(((uint64_t)1 << (32 - length)) - 1);
            bool out = i > 0 && random_below(&random, 3) == 0;
            for (unsigned k = 0; k < i; k++) /* the same prefix: the same sign */
                if (prefixes[k].start == start && prefixes[k].length == length)
                    out = prefixes[k].out;
            prefixes[i].start = start, prefixes[i].length = length, prefixes[i].out = out;
            struct address address = {.is6 = six};
            address.v4 = six ? 0 : (uint32_t)start;
            address.v6.hi = six ? start << 32 : 0;
            char one[ADDRESS_TEXT_CAP];
            used += sprintf(text + used, "%s%s%s/%u", i ? "," : "", out ? "!" : "",
                            address_format(&address, one), length);
        }
        struct err err;
        struct prefix_set *set = prefix_set_parse(text, "random", &err);
        ck_assert_msg(set != NULL, "%s: %s", text, set ? "" : err.text);
        for (unsigned probe = 0; probe < 1000; probe++) {
            uint64_t address = 0x0a000000 | (random_next(&random) & 0x1fffff);
            if (probe % 2) /* at the edges of a prefix */
                address = prefixes[random_below(&random, n)].start - probe / 2 % 2;
            unsigned best = 0;
            bool want = false;
            for (unsigned i = 0; i < n; i++) {
                bool covers = (address ^ prefixes[i].start) >> (32 - prefixes[i].length) == 0;
                if (covers && prefixes[i].length >= best) {
                    best = prefixes[i].length;
                    want = !prefixes[i].out;
                }
            }
            bool got =
                six ? prefix_set_has6(set, (struct ip6){.hi = address << 32, .lo = probe})
                    : prefix_set_has4(set, (uint32_t)address);
            if (got != want)
                ck_abort_msg("%s: %llx", text, (unsigned long long)address);
        }
        prefix_set_free(set);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prefix");
    TCase *tests = tcase_create("prefix");
    tcase_add_loop_test(tests, the_longest_prefix_decides, 0, sizeof sets / sizeof *sets);
    tcase_add_loop_test(tests, errors_quote_what_is_wrong, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tests, hashes_are_of_addresses_not_of_words);
    tcase_add_test(tests, files_hold_prefixes_and_comments);
    tcase_add_test(tests, random_sets_equal_a_naive_search);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
