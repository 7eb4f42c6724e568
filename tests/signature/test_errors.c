/* What is wrong in a signature file is named: line, column, token, what was expected. */
#include "harness.h"

#include <nightscope/signature.h>
#include <string.h>

static struct signature_errors errors;

/* The first error of a text, formatted; "" when there is none. */
static const char *first_error(const char *text, size_t size)
{
    static char result[1024];
    struct signature_set *set = signature_set_new();
    ck_assert_ptr_nonnull(set);
    errors.n = errors.unseen = 0;
    int code = signature_set_parse(set, "f.sig", text, size, &errors);
    ck_assert_int_eq(code, errors.n ? -1 : 0);
    result[0] = '\0';
    if (errors.n)
        err_format(&errors.items[0], result, sizeof result);
    signature_set_free(set);
    return result;
}

/* In a match that begins at column 8 of line 5. */
static const struct {
    const char *match, *error;
} IN_MATCH[] = {
    {"tcp.sin",
     "\"tcp.sin\": expected a field, a defined name or a constant, perhaps \"tcp.syn\""},
    {"tcp.sinister", "\"tcp.sinister\": expected a field, a defined name or a constant"},
    {"tcp.syn and", "end of the expression: expected a field, a constant or \"(\""},
    {"tcp.syn tcp.ack", "\"tcp.ack\": expected an operator or the end"},
    {"(tcp.syn", "end of the expression: expected \")\" or an operator"},
    {"tcp.seq", "\"tcp.seq\": expected a comparison or truth value, this is a number"},
    {"tcp.seq and udp", "\"tcp.seq\": expected a comparison or truth value, this is a number"},
    {"tcp.syn + 1 == 2", "\"tcp.syn\": expected a number, this is a truth value"},
    {"ip.id == 70000", "\"70000\": ip.id has 16 bits: expected 0..65535"},
    {"ip.id > 65536", "\"65536\": ip.id has 16 bits: expected 0..65535"},
    {"ip.df == 2", "\"2\": ip.df has 1 bit: expected 0..1"},
    {"tcp.dstport in {23, 2323, 80-70000}",
     "\"80\": tcp.dstport has 16 bits: expected 0..65535"},
    {"ip.id == \"x\"", "\"\"x\"\": expected a number, this is a string"},
    {"ip.id == 010", "\"010\": expected a field, a defined name or a constant"},
    {"ip.id == 0100", "\"0100\": expected a number: decimal without a leading 0, or 0x"},
    {"ip.id == payload", "\"payload\": expected a number, this is bytes"},
    {"(ip.id & 0xff) == 256", "\"256\": the other side is at most 255"},
    {"5 == 5", "\"5\": both sides are constants"},
    {"payload == 5", "\"5\": expected a string or an even number of hex digits"},
    {"payload < 55", "\"<\": payload can be compared with == and != only"},
    {"payload starts \"\"", "\"\"\"\": expected one byte at least"},
    {"payload starts \"abc", "\"\"\": a string without its closing quote"},
    {"payload starts \"\\q\"",
     "\"\"\\q\"\": expected only the escapes \\n \\r \\t \\0 \\\\ \\\" \\xHH"},
    {"payload[70000] == 1", "\"70000\": expected an offset of 0..65534"},
    {"payload[0:9] == 1", "\"9\": expected a length of 1..8 bytes"},
    {"payload[0 == 1", "\"==\": expected \"]\" or \":\""},
    {"ip.id[0] == 1", "\"ip.id\": expected a field of bytes before \"[\", this is a number"},
    {"tcp.options == 0204g5", "\"0204g5\": expected a field, a defined name or a constant"},
    {"tcp.options.kinds == \"mss,foo\"",
     "\"\"mss,foo\"\": expected kinds such as \"mss,nop,ws,sackok,ts,eol\" or hex bytes"},
    {"ip.src in 192.0.2.1/24", "\"192.0.2.1\": bits of the host part are set"},
    {"ip.src in 192.0.2.0/33", "\"33\": expected a prefix length of 0..32"},
    {"ip.src == 192.0.2.256",
     "\"192.0.2.256\": expected a field, a defined name or a constant"},
    {"ipv6.src in 2001:db8::1/32", "\"2001:db8::1\": bits of the host part are set"},
    {"ipv6.src == 1.2.3.4",
     "\"1.2.3.4\": expected an IPv6 address or prefix, this is a number"},
    {"ipv6.src == 1:2:3", "\"1:2:3\": expected an IPv6 address"},
    {"ip.id in {1, 9-5}", "\"5\": the range ends before it begins"},
    {"ip.id in {ip.ttl}", "\"ip.ttl\": expected a constant"},
    {"ip.id in 5", "end of the expression: expected \"{\", a prefix or a range \"LO .. HI\""},
    {"tcp.seq >> ip.ttl == 1", "\"ip.ttl\": expected a shift of 0..63 bits"},
    {"tcp.seq >> 64 == 1", "\"64\": expected a shift of 0..63 bits"},
    {"bswap32 ip.dst == 1", "\"ip.dst\": expected \"(\""},
    {"tcp.seq = ip.dst", "\"=\": not an operator; \"==\" compares"},
    {"tcp.syn ; udp", "\";\": not a character of the language"},
    {"23 == tcp.port",
     "\"tcp.port\": expected the field on the left and the constant on the right"},
};

START_TEST(errors_of_expressions_name_the_token)
{
    for (size_t i = 0; i < sizeof IN_MATCH / sizeof IN_MATCH[0]; i++) {
        char text[512];
        int n = snprintf(text, sizeof text,
                         "signature x\n title t\n origin tool\n chance 1\n match %s\n",
                         IN_MATCH[i].match);
        const char *error = first_error(text, (size_t)n);
        ck_assert_msg(strncmp(error, "f.sig:5:", 8) == 0 || strncmp(error, "f.sig:6:", 8) == 0,
                      "%s: %s", IN_MATCH[i].match, error);
        ck_assert_msg(errors.n > 0 && strcmp(errors.items[0].text, IN_MATCH[i].error) == 0,
                      "%s: got '%s'", IN_MATCH[i].match, errors.items[0].text);
    }
}
END_TEST

#define HEAD "signature x\n title t\n origin tool\n match tcp\n chance 1\n"
static const struct {
    const char *text, *error;
} IN_FILE[] = {
    {"", ""},
    {"# only a comment\n\n", ""},
    {"# a comment\r\n\r\n", ""},
    {"\n# no comment\rsignature x\r title t\r",
     "f.sig:2:13: a carriage return without a line feed: expected lines that end with LF or CR "
     "LF"},
    {HEAD, ""},
    {"foo\n", "f.sig:1:1: \"foo\": expected \"signature NAME\" or \"define NAME EXPR\""},
    {"  match tcp\n", "f.sig:1:3: an indented line, but no signature above it"},
    {"signature\n", "f.sig:1:1: a key without a value"},
    {"signature Zmap\n",
     "f.sig:1:11: expected a name of a-z, 0-9, \"-\", \".\" and \"_\", at most 64 long"},
    {"signature x\n title t\n origin tool\n chance 1\n",
     "f.sig:1:1: signature x: no \"match\""},
    {"signature x\n title t\n origin tool\n match tcp\n",
     "f.sig:1:1: signature x: neither \"chance\" nor a threshold"},
    {"signature x\n title t\n origin tool\n match tcp\n chance 1\n constant tcp.seq\n"
     " packets > 3 in 1d\n",
     "f.sig:1:1: signature x: has a relation and a threshold; make it two signatures"},
    {"signature x\n title t\n origin tool\n match tcp\n packets > 3 in 1d\n"
     " distinct ports > 3 in 1h\n",
     "f.sig:1:1: signature x: its thresholds have different spans; make it two signatures"},
    {"signature x\n title t\n origin tool\n match tcp\n distinct ports > 3 in 1d\n"
     " distinct destinations > 3 in 1d\n distinct tcp.seq > 3 in 1d\n",
     "f.sig:1:1: signature x: more than 2 thresholds of distinct values"},
    {"signature x\n title t\n origin tool\n match tcp.syn and udp\n chance 1\n",
     "f.sig:1:1: signature x: no packet can match"},
    {HEAD HEAD, "f.sig:6:11: \"x\": the name is taken, see f.sig:1"},
    {HEAD " colour red\n",
     "f.sig:6:2: \"colour\": expected a key of a signature, such as match or title"},
    {HEAD " title u\n", "f.sig:6:2: \"title\" is there twice"},
    {HEAD " label A\n", "f.sig:6:8: expected a label of a-z, 0-9, \"-\", \".\" and \"_\""},
    {HEAD " since August\n", "f.sig:6:8: expected a date such as 2016, 2016-08 or 2016-08-31"},
    {HEAD " until 2016-13\n", "f.sig:6:8: expected a date such as 2016, 2016-08 or 2016-08-31"},
    {HEAD " reference \x1b[31m\n",
     "f.sig:6:12: expected UTF-8 text without control characters"},
    {HEAD " reference \xc3\x28\n",
     "f.sig:6:12: expected UTF-8 text without control characters"},
    {HEAD " constant 5\n", "f.sig:6:11: \"5\": the same for every packet"},
    {HEAD " constant tcp.seq\n increasing tcp.seq\n",
     "f.sig:7:13: \"tcp.seq\": a signature has one relation at most"},
    {HEAD " distinct (ip.dst\n", "f.sig:7:1: end of the expression: expected \",\" or \")\""},
    {HEAD " distinct ports = 5\n", "f.sig:6:17: \"=\": not an operator; \"==\" compares"},
    {HEAD " packets > many\n", "f.sig:6:12: \"many\": expected a number"},
    {HEAD " packets > 1.5 * light\n",
     "f.sig:6:18: \"light\": expected \"dark\", the size of the dark space"},
    {HEAD " packets > 5 in 5 parsecs\n",
     "f.sig:6:17: \"5\": expected a span such as 1d, 6h, 15m or 30s"},
    {"signature x\n origin alien\n",
     "f.sig:2:9: \"alien\": expected iot, tool, research, worm, amplification or backscatter"},
    {"signature x\n chance 2\n",
     "f.sig:2:9: \"2\": expected a chance in (0,1] such as 2^-32, 1e-9 or 0.5"},
    {"signature x\n chance 0\n",
     "f.sig:2:9: \"0\": expected a chance in (0,1] such as 2^-32, 1e-9 or 0.5"},
    {"signature x\n chance 2^-\n",
     "f.sig:2:9: \"2^-\": expected a chance in (0,1] such as 2^-32, 1e-9 or 0.5"},
    {"signature x\n    title t\n  origin tool\n",
     "f.sig:3:3: indented less than the keys above it"},
    {"define 5 tcp\n", "f.sig:1:8: \"5\": expected a name"},
    {"define tcp udp\n", "f.sig:1:8: \"tcp\": is a word of the language"},
    {"define beef tcp\n", "f.sig:1:8: \"beef\": reads as hex bytes"},
    {"define a tcp\ndefine a tcp\n", "f.sig:2:8: \"a\": already defined in line 1"},
    {"define a tcp and\n  foo\n",
     "f.sig:2:3: \"foo\": expected a field, a defined name or a constant"},
};

START_TEST(errors_of_files_have_a_position)
{
    for (size_t i = 0; i < sizeof IN_FILE / sizeof IN_FILE[0]; i++) {
        const char *error = first_error(IN_FILE[i].text, strlen(IN_FILE[i].text));
        ck_assert_msg(strcmp(error, IN_FILE[i].error) == 0, "%s: got '%s'", IN_FILE[i].text,
                      error);
    }
}
END_TEST

START_TEST(several_errors_are_reported_at_once)
{
    static const char TEXT[] =
        "signature x\n title t\n origin alien\n match tcp.sin\n chance 7\n"
        "signature y\n title t\n origin tool\n match tcp.syn\n chance 1\n"
        "define z ip.idd\n";
    static const unsigned LINES[] = {3, 4, 5, 11};
    struct signature_set *set = signature_set_new();
    errors.n = errors.unseen = 0;
    ck_assert_int_eq(signature_set_parse(set, "f", TEXT, strlen(TEXT), &errors), -1);
    ck_assert_uint_eq(errors.n, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(errors.items[i].line, LINES[i]);
    ck_assert_uint_eq(signature_count(set), 1); /* y is right */
    signature_set_free(set);
}
END_TEST

START_TEST(errors_are_bounded)
{
    char text[2000];
    struct signature_set *set = signature_set_new();
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = i % 4 == 3 ? '\n' : 'a';
    errors.n = errors.unseen = 0;
    ck_assert_int_eq(signature_set_parse(set, "f", text, sizeof text, &errors), -1);
    ck_assert_uint_eq(errors.n, SIGNATURE_ERRORS_MAX);
    ck_assert_uint_eq(errors.unseen, 500 - SIGNATURE_ERRORS_MAX);
    signature_set_free(set);
}
END_TEST

/* Depth by each way to nest, and size by definitions that double. */
START_TEST(expressions_are_bounded)
{
    static char text[1 << 16];
    static const char *const NEST[] = {"(", "not ", "~", "bswap32((", "absdiff(1, ("};
    for (unsigned i = 0; i < sizeof NEST / sizeof NEST[0]; i++) {
        size_t len = (size_t)snprintf(text, sizeof text, "define x ");
        while (len < sizeof text - 64)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", NEST[i]);
        (void)first_error(text, len);
        ck_assert_msg(strstr(errors.items[0].text, "nested more than 64 deep") != NULL, "%s",
                      errors.items[0].text);
    }
    size_t len = (size_t)snprintf(text, sizeof text, "define x0 ip.id + ip.ttl\n");
    for (unsigned i = 1; i < 40; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "define x%u x%u * x%u\n", i,
                                i - 1, i - 1);
    (void)first_error(text, len);
    ck_assert_msg(strstr(errors.items[0].text, "the expression is too large") != NULL, "%s",
                  errors.items[0].text);
    ck_assert_uint_lt(errors.items[0].line, 13);
}
END_TEST

START_TEST(files_are_bounded)
{
    size_t size = SIGNATURE_FILE_MAX + 1;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memset(text, '\n', size);
    ck_assert_str_eq(first_error(text, size), "f.sig: a signature file has at most 1 MiB");
    ck_assert_str_eq(first_error(text, size - 1), "");
    free(text);
}
END_TEST

START_TEST(signatures_are_bounded)
{
    struct signature_set *set = signature_set_new();
    errors.n = errors.unseen = 0;
    for (unsigned i = 0; i <= SIGNATURES_MAX; i++) {
        char text[128];
        int n = snprintf(
            text, sizeof text,
            "signature s%u\n title t\n origin tool\n match ip.id == %u\n chance 1\n", i, i);
        int result = signature_set_parse(set, "f", text, (size_t)n, &errors);
        ck_assert_int_eq(result, i < SIGNATURES_MAX ? 0 : -1);
    }
    ck_assert_str_eq(errors.items[0].text, "more than 16384 signatures");
    signature_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errors");
    TCase *tests = tcase_create("errors");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, errors_of_expressions_name_the_token);
    tcase_add_test(tests, errors_of_files_have_a_position);
    tcase_add_test(tests, several_errors_are_reported_at_once);
    tcase_add_test(tests, errors_are_bounded);
    tcase_add_test(tests, expressions_are_bounded);
    tcase_add_test(tests, files_are_bounded);
    tcase_add_test(tests, signatures_are_bounded);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
