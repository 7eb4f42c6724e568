/* What the language means, on packets written by hand: known answers. */
#include "harness.h"

#include <string.h>

#include "signature/fields.h"

static struct batch batch;
static uint8_t bytes[8][128];
static struct signature_errors errors;

static void set_has(unsigned row, enum has bit)
{
    mask_set(batch.has[bit], row);
}

/* Row 0: a SYN as nmap sends it (MSS alone); row 1: UDP of 12 bytes, 8 of them captured; row 2:
 * an IPv6 SYN with Linux options; row 3: an IPv4 ICMP error that quotes a packet; row 4: a
 * later fragment. */
static void make_batch(void)
{
    static const uint8_t LINUX[] = {2,    4,    5, 0xa0, 4, 2, 8, 10, 0x12, 0x34,
                                    0x56, 0x78, 0, 0,    0, 0, 1, 3,  3,    7};
    memset(&batch, 0, sizeof batch);
    batch.n = 5;
    for (unsigned row = 0; row < 5; row++) {
        batch.ip[row] = bytes[row];
        batch.ts_ns[row] = (int64_t)1000000000 * 1000000000;
        set_has(row, row == 2 ? HAS_IPV6 : HAS_IP);
        batch.src[row] = row == 2 ? 0 : 0xc0000201; /* 192.0.2.1 */
        batch.dst[row] = row == 2 ? 0 : 0x0a620304; /* 10.98.3.4 */
        batch.ip_hdr_len[row] = row == 2 ? 40 : 20;
        batch.transport[row] = batch.ip_hdr_len[row];
        batch.ip_id[row] = row == 2 ? 0 : 0xabcd;
        batch.ip_ttl[row] = 55;
    }
    set_has(0, HAS_TCP), set_has(0, HAS_OPTIONS), set_has(0, HAS_PAYLOAD);
    batch.tcp_flags[0] = 2;
    batch.tcp_seq[0] = 0x12345678;
    batch.tcp_window[0] = 1024;
    batch.tcp_hdr_len[0] = 24;
    batch.srcport[0] = 61000, batch.dstport[0] = 23;
    memcpy(bytes[0] + 40, "\x02\x04\x05\xb4", 4);
    set_has(1, HAS_UDP), set_has(1, HAS_PAYLOAD), set_has(1, HAS_CUT);
    batch.srcport[1] = 4000, batch.dstport[1] = 123;
    batch.payload[1] = 28, batch.payload_len[1] = 12, batch.payload_caplen[1] = 8;
    memcpy(bytes[1] + 28,
           "\x17\x00\x03\x2a"
           "abcd",
           8);
    set_has(2, HAS_TCP), set_has(2, HAS_OPTIONS);
    batch.src6[2] = (struct ip6){0x20010db800000000U, 1};
    batch.dst6[2] = (struct ip6){0x20010db800010000U, 2};
    batch.tcp_flags[2] = 2;
    batch.tcp_hdr_len[2] = 40;
    memcpy(bytes[2] + 60, LINUX, sizeof LINUX);
    set_has(3, HAS_ICMP), set_has(3, HAS_INNER);
    batch.icmp_type[3] = 3, batch.icmp_code[3] = 1;
    batch.inner_version[3] = 4, batch.inner_dst[3] = 0x08080808;
    set_has(4, HAS_FRAGMENT);
    batch.ip_frag[4] = 0x2010;
}

/* The truth of an expression for the rows, as a letter each: T, F or U. */
static const char *truths(const char *expression)
{
    static char result[6];
    char text[1024];
    struct signature_set *set = signature_set_new();
    int n = snprintf(text, sizeof text,
                     "signature x\n title t\n origin tool\n chance 1\n match %s\n", expression);
    errors.n = 0;
    if (signature_set_parse(set, "test", text, (size_t)n, &errors) < 0)
        ck_abort_msg("%s: %s", expression, errors.items[0].text);
    for (unsigned row = 0; row < 5; row++)
        result[row] = "FTU"[signature_truth(set, 0, &batch, row)];
    signature_set_free(set);
    return result;
}

static const struct {
    const char *expression, *truths;
} MEANING[] = {
    /* a field that is not there is unknown, and so is its opposite */
    {"tcp.syn", "TUTUU"},
    {"not tcp.syn", "FUFUU"},
    {"tcp", "TFTFF"},
    {"not tcp", "FTFTT"},
    {"tcp.window != 1024", "FUTUU"},
    {"tcp.window == 1024 or udp", "TTFUU"},
    {"not (tcp.window == 1024 and udp)", "TUTTT"},
    {"ip.src in 192.0.2.0/24", "TTUTT"},
    {"ip.src in {10.0.0.0/8, 192.0.2.1-192.0.2.9}", "TTUTT"},
    {"ip.dst == 10.98.3.4 && ip.id == 0xabcd", "TTUTT"},
    {"ipv6.src in 2001:db8::/48 and ipv6.dst == 2001:db8:1::2", "UUTUU"},
    {"ipv6.dst != 2001:db8:1::2", "UUFUU"},
    {"ip.mf and ip.frag_offset == 16", "FFUFT"},
    {"ip.flags == 1", "FFUFT"},
    /* ports */
    {"tcp.port == 23", "TUFUU"},
    {"tcp.port != 23", "FUTUU"},
    {"tcp.dport in {23, 2323, 8000-8010}", "TUFUU"},
    {"udp.dstport not in {53, 8000..8010}", "UTUUU"},
    /* arithmetic is of 64 bits, and binds tighter than comparisons */
    {"(tcp.seq >> 16) ^ (tcp.seq & 0xffff) == 0x444c", "TUFUU"},
    {"tcp.flags & 2 == 2", "TUTUU"},
    {"(ip.ttl - 56) == 0xffffffffffffffff", "TTUTT"},
    {"(ip.ttl - 56) & 0xffff == 0xffff", "TTUTT"},
    {"~ip.ttl & 0xff == 200", "TTUTT"},
    {"bswap32(ip.dst) == 0x0403620a", "TTUTT"},
    {"bswap16(ip.dst) == 0x0403", "TTUTT"},
    {"absdiff(ip.ttl, 64) == 9", "TTUTT"},
    {"1 + 2 * 4 << 1 == ip.ttl - 37", "TTUTT"},
    /* options */
    {"tcp.options == 020405b4", "TUFUU"},
    {"tcp.options == 0x020405b4", "TUFUU"},
    {"tcp.options starts 0204", "TUTUU"},
    {"tcp.options[2:2] == 1440", "FUTUU"},
    {"tcp.options.kinds == \"mss\"", "TUFUU"},
    {"tcp.options.order == \"mss,sackok,ts,nop,ws\"", "FUTUU"},
    {"tcp.options.mss in {1440, 1460}", "TUTUU"},
    {"tcp.options.wscale == 7 and tcp.options.sack_perm", "FUTUU"},
    {"tcp.options.tsval == 0x12345678 and tcp.options.tsecr == 0", "UUTUU"},
    {"tcp.options.len == 4", "TUFUU"},
    /* payload: what was not captured is unknown, what cannot be is false */
    {"payload.len == 12", "FTUUU"},
    {"payload starts \"\\x17\\0\\x03*\"", "FTUUU"},
    {"payload starts 1700032a616263644e", "FUUUU"},
    {"payload starts 1800032a616263644e", "FFUUU"},
    {"payload contains \"bcd\"", "FTUUU"},
    {"payload contains \"cdX\"", "FUUUU"},
    {"payload contains \"0123456789abc\"", "FFUUU"},
    {"payload at 4 \"abcd\"", "FTUUU"},
    {"payload at 11 \"a\"", "FUUUU"},
    {"payload at 12 \"a\"", "FFUUU"},
    {"payload[2] == 3 and payload[4:4] == 0x61626364", "UTUUU"},
    {"payload[7:2] == 0", "UUUUU"},
    {"payload == \"\"", "TFUUU"},
    /* ICMP errors, time */
    {"icmp.type == 3 and icmp.inner.dst == 8.8.8.8", "UUUTU"},
    {"frame.time in 999999990 .. 1000000010", "TTTTT"},
    {"tcp.options.tsval in frame.time - 700000000 .. frame.time + 60", "UUTUU"},
};

START_TEST(expressions_mean_what_is_documented)
{
    make_batch();
    for (size_t i = 0; i < sizeof MEANING / sizeof MEANING[0]; i++)
        ck_assert_msg(strcmp(truths(MEANING[i].expression), MEANING[i].truths) == 0,
                      "%s: %s, expected %s", MEANING[i].expression,
                      truths(MEANING[i].expression), MEANING[i].truths);
}
END_TEST

static const char WHOLE[] = "# two of a family\n"
                            "define mss_only  tcp.options == OPTIONS   # a comment\n"
                            "signature nmap-syn\n"
                            "    label      nmap\n"
                            "    title      nmap:  the  scanner # comment\n"
                            "               goes on\n"
                            "    origin     tool\n"
                            "\n"
                            "    define     half  tcp.seq >> 16\n"
                            "    match      tcp.syn and not ip.df   # first\n"
                            "# at the margin\n"
                            "               and mss_only\n"
                            "    constant   half ^ (tcp.seq & 0xffff)\n"
                            "    chance     2^-16\n"
                            "    distinct   (ip.dst, tcp.dport)\n"
                            "    reference  https://example.org/#part\n"
                            "    reference  another\n"
                            "    example    pcaps/a.pcap\n"
                            "    near       pcaps/b.pcap\n"
                            "signature other\n"
                            "  title  t\n"
                            "  origin iot\n"
                            "  match  udp\n"
                            "  distinct ports > 10 in 1d\n"
                            "  packets  >= 1.5 * dark in 1d\n"
                            "signature third\n"
                            "  title  t\n"
                            "  origin worm\n"
                            "  match  udp\n"
                            "  chance 0.5\n"
                            "  packets  > 7 in 6h\n"
                            "signature fourth\n"
                            "  title  t\n"
                            "  origin research\n"
                            "  match  udp\n"
                            "  chance 0.5\n"
                            "  increasing udp.srcport\n";

START_TEST(keys_become_properties)
{
    char text[sizeof WHOLE + 64], *at;
    struct signature_set *set = signature_set_new();
    /* the constant of the definition */
    (void)snprintf(text, sizeof text, "%s", WHOLE);
    at = strstr(text, "OPTIONS");
    memcpy(at, "0204054", 7);
    memmove(at + 8, at + 7, strlen(at + 7) + 1);
    at[7] = '0';
    errors.n = 0;
    int result = signature_set_parse(set, "w", text, strlen(text), &errors);
    ck_assert_msg(result == 0, "%u: %s", errors.items[0].line, errors.items[0].text);
    ck_assert_uint_eq(signature_count(set), 4);
    ck_assert_int_eq(signature_find(set, "other"), 1);
    ck_assert_int_eq(signature_find(set, "no"), -1);
    const struct signature *nmap = signature_at(set, 0), *other = signature_at(set, 1);
    ck_assert_str_eq(nmap->name, "nmap-syn");
    ck_assert_str_eq(nmap->label, "nmap");
    ck_assert_str_eq(nmap->title, "nmap: the scanner goes on");
    ck_assert_int_eq(nmap->origin, ORIGIN_TOOL);
    ck_assert_str_eq(origin_name(nmap->origin), "tool");
    ck_assert(nmap->chance == 1.0 / 65536);
    ck_assert_int_eq(nmap->relation, RELATION_CONSTANT);
    ck_assert_int_eq(nmap->cost, COST_OPTIONS);
    ck_assert_uint_eq(nmap->candidates, 1U << CANDIDATE_SYN);
    ck_assert_uint_eq(nmap->references_n, 2);
    ck_assert_str_eq(nmap->references[0], "https://example.org/#part");
    ck_assert_str_eq(nmap->examples[0], "pcaps/a.pcap");
    ck_assert_str_eq(nmap->nears[0], "pcaps/b.pcap");
    ck_assert_uint_eq(nmap->line, 3);
    ck_assert_str_eq(nmap->file, "w");
    ck_assert_str_eq(other->label, "other");
    ck_assert_uint_eq(other->candidates, 1U << CANDIDATE_UDP);
    ck_assert(other->chance == 1);
    ck_assert_int_eq(other->relation, RELATION_NONE);
    ck_assert_int_eq(signature_at(set, 3)->relation, RELATION_INCREASING);
    ck_assert_uint_eq(other->thresholds_n, 2);
    ck_assert_int_eq(other->thresholds[0].kind, THRESHOLD_DISTINCT);
    ck_assert(other->thresholds[0].strict && other->thresholds[0].value == 10);
    ck_assert_uint_eq(other->thresholds[0].span_s, 86400);
    ck_assert(!other->thresholds[1].strict && other->thresholds[1].per_dark);
    ck_assert(other->thresholds[1].value == 1.5);
    ck_assert_uint_eq(other->thresholds[1].span_s, 86400);
    ck_assert_uint_eq(signature_at(set, 2)->thresholds[0].span_s, 21600);
    signature_set_free(set);
}
END_TEST

static const struct {
    const char *match;
    unsigned candidates;
} CANDIDATES[] = {
    {"tcp.syn", 1U << CANDIDATE_SYN},
    {"tcp", 1U << CANDIDATE_SYN | 1U << CANDIDATE_TCP},
    {"tcp.flags == 2", 1U << CANDIDATE_SYN},
    {"tcp.flags == 0x12", 1U << CANDIDATE_TCP},
    {"tcp.flags & 0x3f in {0, 1, 0x29}", 1U << CANDIDATE_TCP},
    {"tcp.flags.syn and not tcp.flags.ack", 1U << CANDIDATE_SYN},
    {"tcp.flags.syn", 1U << CANDIDATE_SYN | 1U << CANDIDATE_TCP},
    {"not tcp.syn", 1U << CANDIDATE_TCP},
    {"ip.id == 54321", (1U << CANDIDATE_COUNT_) - 1},
    {"ip.id == 54321 and not tcp", ((1U << CANDIDATE_COUNT_) - 1) & ~3U},
    {"icmp.type == 8 or icmpv6.type == 128", 1U << CANDIDATE_ICMP},
    {"sctp.initiate_tag == 1", 1U << CANDIDATE_SCTP},
    {"tcp.syn or udp.dstport == 53", 1U << CANDIDATE_SYN | 1U << CANDIDATE_UDP},
    {"ip.proto == 17", 1U << CANDIDATE_UDP | 1U << CANDIDATE_OTHER},
};

START_TEST(candidates_follow_from_the_expression)
{
    for (size_t i = 0; i < sizeof CANDIDATES / sizeof CANDIDATES[0]; i++) {
        char text[256];
        struct signature_set *set = signature_set_new();
        int n = snprintf(text, sizeof text,
                         "signature x\n title t\n origin tool\n chance 1\n match %s\n",
                         CANDIDATES[i].match);
        errors.n = 0;
        ck_assert_int_eq(signature_set_parse(set, "t", text, (size_t)n, &errors), 0);
        ck_assert_msg(signature_at(set, 0)->candidates == CANDIDATES[i].candidates, "%s: %#x",
                      CANDIDATES[i].match, signature_at(set, 0)->candidates);
        signature_set_free(set);
    }
}
END_TEST

START_TEST(relations_give_values_and_keys)
{
    static const char TEXT[] =
        "signature a\n title t\n origin tool\n chance 2^-16\n match tcp\n"
        " constant (tcp.seq >> 16) ^ (tcp.seq & 0xffff)\n distinct (ip.dst, tcp.dport)\n"
        "signature b\n title t\n origin tool\n chance 2^-16\n match tcp\n"
        " distinct destinations > 3\n";
    struct signature_set *set = signature_set_new();
    uint64_t value = 0;
    make_batch();
    errors.n = 0;
    ck_assert_int_eq(signature_set_parse(set, "t", TEXT, strlen(TEXT), &errors), 0);
    ck_assert(signature_relation_value(set, 0, &batch, 0, &value));
    ck_assert_uint_eq(value, 0x1234 ^ 0x5678);
    ck_assert(!signature_relation_value(set, 0, &batch, 1, &value));
    ck_assert(!signature_relation_value(set, 1, &batch, 0, &value));
    /* a sequence number alone makes a new probe by default, and not for the tuple of `a` */
    const struct threshold *threshold = &signature_at(set, 1)->thresholds[0];
    uint64_t tuple = signature_probe_key(set, 0, &batch, 0);
    uint64_t probe = signature_probe_key(set, 1, &batch, 0);
    uint64_t destination = threshold_key(set, threshold, &batch, 0);
    batch.tcp_seq[0]++;
    ck_assert(signature_probe_key(set, 0, &batch, 0) == tuple);
    ck_assert(signature_probe_key(set, 1, &batch, 0) != probe);
    ck_assert(threshold_key(set, threshold, &batch, 0) == destination);
    batch.dst[0]++;
    ck_assert(signature_probe_key(set, 0, &batch, 0) != tuple);
    ck_assert(threshold_key(set, threshold, &batch, 0) != destination);
    signature_set_free(set);
}
END_TEST

START_TEST(dearer_parts_cost_more)
{
    static const char *const RISING[] = {"udp.dstport == 53",
                                         "udp.dstport == 53 and ip.id == bswap16(ip.dst)",
                                         "payload starts 00ff", "payload contains \"abc\""};
    static const enum cost COSTS[] = {COST_COLUMN, COST_COLUMN, COST_PAYLOAD, COST_PAYLOAD};
    double last = 0;
    for (size_t i = 0; i < sizeof RISING / sizeof RISING[0]; i++) {
        char text[256];
        struct signature_set *set = signature_set_new();
        int n =
            snprintf(text, sizeof text,
                     "signature x\n title t\n origin tool\n chance 1\n match %s\n", RISING[i]);
        errors.n = 0;
        ck_assert_int_eq(signature_set_parse(set, "t", text, (size_t)n, &errors), 0);
        ck_assert_int_eq(signature_at(set, 0)->cost, COSTS[i]);
        ck_assert(signature_cost_ns(set, 0) > last);
        last = signature_cost_ns(set, 0);
        signature_set_free(set);
    }
}
END_TEST

static void collect(void *context, const struct explanation *part)
{
    char *out = context;
    size_t len = strlen(out);
    (void)snprintf(out + len, 2048 - len, "%u %c %s%s%s\n", part->depth, "FTU"[part->truth],
                   part -> text, part -> values[0] ? " | " : "", part->values);
}

START_TEST(explanation_shows_truth_and_values)
{
    static const char TEXT[] =
        "signature a\n title t\n origin tool\n chance 1\n match tcp.syn and "
        "(ip.id == tcp.seq & 0xffff or tcp.options == 020405b4) and not udp\n";
    char out[2048] = "";
    struct signature_set *set = signature_set_new();
    make_batch();
    errors.n = 0;
    ck_assert_int_eq(signature_set_parse(set, "t", TEXT, strlen(TEXT), &errors), 0);
    signature_explain(set, 0, &batch, 0, collect, out);
    ck_assert_str_eq(
        out,
        "0 T tcp.syn and (ip.id == (tcp.seq & 65535) or tcp.options == 020405b4) and not udp\n"
        "1 T tcp.syn | tcp.syn = 1\n"
        "1 T ip.id == (tcp.seq & 65535) or tcp.options == 020405b4\n"
        "2 F ip.id == (tcp.seq & 65535) | ip.id = 43981, tcp.seq = 305419896\n"
        "2 T tcp.options == 020405b4 | tcp.options = 020405b4\n"
        "1 T not udp\n"
        "2 F udp | udp = 0\n");
    signature_set_free(set);
}
END_TEST

START_TEST(folders_load_in_the_order_of_names)
{
    char path[1024];
    struct signature_set *set = signature_set_new();
    const char *source = getenv("NIGHTSCOPE_SOURCE");
    ck_assert_ptr_nonnull(source);
    (void)snprintf(path, sizeof path, "%s/tests/signature/data", source);
    errors.n = 0;
    ck_assert_int_eq(signature_set_load(set, path, &errors), 0);
    ck_assert_uint_eq(signature_count(set), 3);
    ck_assert_str_eq(signature_at(set, 0)->name, "first");
    ck_assert_str_eq(signature_at(set, 1)->name, "second");
    ck_assert_str_eq(signature_at(set, 2)->name, "third");
    signature_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("language");
    TCase *tests = tcase_create("language");
    tcase_add_test(tests, expressions_mean_what_is_documented);
    tcase_add_test(tests, keys_become_properties);
    tcase_add_test(tests, candidates_follow_from_the_expression);
    tcase_add_test(tests, relations_give_values_and_keys);
    tcase_add_test(tests, dearer_parts_cost_more);
    tcase_add_test(tests, explanation_shows_truth_and_values);
    tcase_add_test(tests, folders_load_in_the_order_of_names);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
