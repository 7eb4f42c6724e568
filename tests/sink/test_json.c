/* The JSON report: golden file, order and presence of keys, hostile names, failing streams. An
 * independent parser (jansson) reads it back. */
#include "fixture.h"
#include "golden.h"

#include "sink/json_out.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

static char *render(const struct fixture *fixture)
{
    char *text = NULL;
    size_t size = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(sink_json(out, &fixture->report, &fixture->files, &err), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_uint_eq(strlen(text), size);
    return text;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "column %d: %s in %s", error.column, error.text, text);
    return json;
}

/* The value at a dotted path, or NULL. */
static json_t *at(json_t *json, const char *path)
{
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", path);
    char *rest = NULL;
    for (char *key = strtok_r(copy, ".", &rest); key && json; key = strtok_r(NULL, ".", &rest))
        json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10))
                                   : json_object_get(json, key);
    return json;
}

START_TEST(fixed_report_is_golden)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture);
    golden_check("report.json", text);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(empty_report_is_golden)
{
    struct fixture fixture;
    fixture_empty(&fixture);
    char *text = render(&fixture);
    golden_check("empty.json", text);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(it_is_one_line)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* Numbers of the fixture, written down here a second time. */
static const struct {
    const char *path;
    json_int_t number;
} NUMBERS[] = {
    {"frames", 2500021},
    {"packets", 2491019},
    {"bytes", 123456789},
    {"late", 42},
    {"from_dark", 9},
    {"ipv6", 1557},
    {"not_counted.truncated", 7},
    {"not_counted.malformed", 102},
    {"not_counted.not_ip", 8893},
    {"not_counted.outside", 0},
    {"not_counted.link", 0},
    {"not_counted.depth", 0},
    {"not_counted.time", 0},
    {"protocols.tcp", 2200008},
    {"protocols.udp", 260003},
    {"protocols.icmp", 30001},
    {"protocols.icmp6", 1002},
    {"protocols.sctp", 4},
    {"protocols.other", 1},
    {"classes.scan", 2417054},
    {"classes.backscatter", 56130},
    {"classes.other", 17835},
    {"class_sources.scan", 51234},
    {"class_sources.backscatter", 35},
    {"class_sources.other", 1203},
    {"sources", 52377},
    {"destinations", 65521},
    {"iot.packets", 1300051},
    {"iot.sources", 32011},
    {"iot.matched", 1230027},
    {"iot.matched_sources", 33013},
    {"iot.ports.0.packets", 1100023},
    {"iot.countries.1.sources", 8001},
    {"iot.asns.0.packets", 890017},
    {"iot.top_sources.0.packets", 204001},
    {"signatures.zmap-old-syn.packets", 190037},
    {"signatures.zmap-old-syn.sources", 211},
    {"signatures.zmap-old-syn.labelled", 207},
    {"signatures.nmap-syn.packets", 0},
    {"labels.mirai.packets", 1230027},
    {"labels.mirai.sources", 33013},
    {"labels.mirai.labelled", 32011},
    {"labels.nmap.labelled", 0},
    {"unlabelled.packets", 700063},
    {"unlabelled.sources", 18729},
    {"iot_ports.2.port", 37215},
    {"iot_ports.2.packets", 52869},
    {"iot_ports.2.sources", 3100},
    {"iot_ports.2.matched", 40003},
    {"iot_ports_total", 6},
    {"ports.0.port", 23},
    {"ports.0.packets", 1400231},
    {"ports.0.sources", 40121},
    {"countries.1.packets", 640121},
    {"countries.1.sources", 12001},
    {"asns.0.asn", 64500},
    {"top_sources.0.packets", 204800},
    {"top_sources.0.ports", 3},
    {"top_sources.0.destinations", 65536},
    {"backscatter.ports.0.port", 443},
    {"backscatter.packets", 56130},
    {"backscatter.sources", 35},
    {"backscatter.top_sources.1.packets", 2012},
    {"series.89.seconds", 31},
    {"series.40.packets", 126000},
    {"series.40.bytes", 63000},
    {"series.40.dports", 2520},
    {"limits.sources_evicted", 17},
    {"limits.sources_max", 5000000},
    {"limits.distinct_frozen", 3},
    {"limits.minutes_refused", 0},
    {"files.0.frames", 2400000},
    {"files.2.dropped", 5},
};

static const struct {
    const char *path, *text;
} TEXTS[] = {
    {"schema", "nightscope.report/1"},
    {"first", "2026-11-22T00:00:00.001234Z"},
    {"last", "2026-11-22T01:29:30.999999Z"},
    {"ports.0.proto", "tcp"},
    {"ports.3.proto", "udp"},
    {"countries.3.cc", "??"},
    {"thresholds", "off: --dark not given"},
    {"iot_ports.2.proto", "tcp"},
    {"iot_ports.2.device", "Huawei HG532"},
    {"iot_ports.2.weakness", "CVE-2017-17215"},
    {"top_sources.0.labels.0", "mirai"},
    {"top_sources.0.labels.1", "zmap"},
    {"iot.top_sources.0.labels.0", "mirai"},
    {"asns.0.name", "Demo Telecom"},
    {"top_sources.0.ip", "10.1.2.3"},
    {"top_sources.3.ip", "2001:db8::42"},
    {"top_sources.3.first", "2026-11-22T00:00:00Z"},
    {"top_sources.3.cc", "DE"},
    {"backscatter.countries.0.cc", "NL"},
    {"series.1.t", "2026-11-22T00:01:00Z"},
    {"files.2.name", "=HYPERLINK(\"x\")\xef\xbf\xbd\x1b[2J\n.pcap"},
    {"files.3.error", "not a capture file: \"\\xc3\""}, /* escaped when the error was made */
    {"asns.3.name", "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd utf8 \x1b[31mred\x1b[0m,\r\n"
                    "\"quoted\""},
};

START_TEST(values_come_from_their_fields)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture);
    json_t *json = parse(text);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        json_t *value = at(json, NUMBERS[i].path);
        ck_assert_msg(json_is_integer(value), "%s", NUMBERS[i].path);
        ck_assert_msg(json_integer_value(value) == NUMBERS[i].number, "%s", NUMBERS[i].path);
    }
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        json_t *value = at(json, TEXTS[i].path);
        ck_assert_msg(json_is_string(value), "%s", TEXTS[i].path);
        ck_assert_str_eq(json_string_value(value), TEXTS[i].text);
    }
    ck_assert(json_is_null(at(json, "files.0.error")));
    ck_assert(json_is_string(at(json, "files.1.error")));
    ck_assert(json_is_true(at(json, "files.1.cut")));
    ck_assert_ptr_null(at(json, "files.0.cut"));
    ck_assert_ptr_null(at(json, "files.0.dropped"));
    ck_assert_uint_eq(json_array_size(at(json, "top_sources.0.labels")), 2);
    ck_assert(json_is_array(at(json, "top_sources.1.labels")));
    ck_assert_uint_eq(json_array_size(at(json, "top_sources.1.labels")), 0);
    ck_assert_uint_eq(json_object_size(at(json, "signatures")), 5);
    ck_assert_uint_eq(json_object_size(at(json, "labels.mirai")), 3);
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(estimates_are_marked_and_only_they)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture);
    json_t *json = parse(text);
    ck_assert(json_is_true(at(json, "destinations_estimated")));
    ck_assert(json_is_true(at(json, "class_sources_estimated")));
    ck_assert(json_is_true(at(json, "ports.2.sources_estimated")));
    ck_assert(json_is_true(at(json, "top_sources.0.destinations_estimated")));
    ck_assert(json_is_true(at(json, "top_sources.3.ports_estimated")));
    ck_assert_ptr_null(at(json, "sources_estimated"));
    ck_assert_ptr_null(at(json, "ports.0.sources_estimated"));
    ck_assert_ptr_null(at(json, "top_sources.3.destinations_estimated"));
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* Keys of the contract stand in this order; others may be between them. */
static const char *const KEYS[] = {
    "schema",  "files",         "first",     "last",         "frames",      "packets",
    "bytes",   "not_counted",   "late",      "from_dark",    "protocols",   "ipv6",
    "classes", "class_sources", "sources",   "destinations", "iot",         "signatures",
    "labels",  "ports",         "countries", "asns",         "top_sources", "backscatter",
    "series",  "limits"};
static const char *const MINUTE_KEYS[] = {"t",
                                          "seconds",
                                          "packets",
                                          "bytes",
                                          "tcp",
                                          "udp",
                                          "icmp",
                                          "icmp6",
                                          "sctp",
                                          "other",
                                          "scan",
                                          "backscatter",
                                          "class_other",
                                          "sources",
                                          "dports",
                                          "iot_matched",
                                          "iot_matched_sources",
                                          "mirai",
                                          "zmap",
                                          "masscan",
                                          "nmap",
                                          "not_counted",
                                          "dropped",
                                          "late"};

static void check_order(json_t *json, const char *const keys[], size_t n)
{
    size_t seen = 0;
    for (void *i = json_object_iter(json); i; i = json_object_iter_next(json, i))
        if (seen < n && strcmp(json_object_iter_key(i), keys[seen]) == 0)
            seen++;
    ck_assert_msg(seen == n, "%s is missing or out of order", keys[seen < n ? seen : 0]);
}

START_TEST(keys_are_in_order)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture);
    json_t *json = parse(text);
    check_order(json, KEYS, sizeof KEYS / sizeof KEYS[0]);
    json_t *minute = at(json, "series.0");
    check_order(minute, MINUTE_KEYS, sizeof MINUTE_KEYS / sizeof MINUTE_KEYS[0]);
    ck_assert_uint_eq(json_object_size(minute), sizeof MINUTE_KEYS / sizeof MINUTE_KEYS[0]);
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(places_are_empty_without_databases)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.located = false;
    char *text = render(&fixture);
    json_t *json = parse(text);
    static const char *const EMPTY[] = {
        "countries",        "asns",          "backscatter.countries",
        "backscatter.asns", "iot.countries", "iot.asns"};
    for (size_t i = 0; i < sizeof EMPTY / sizeof EMPTY[0]; i++) {
        ck_assert(json_is_array(at(json, EMPTY[i])));
        ck_assert_uint_eq(json_array_size(at(json, EMPTY[i])), 0);
    }
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(nothing_is_labelled_without_signatures)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.has_signatures = false;
    char *text = render(&fixture);
    json_t *json = parse(text);
    static const char *const EMPTY[] = {"signatures", "labels"};
    for (size_t i = 0; i < sizeof EMPTY / sizeof EMPTY[0]; i++) {
        ck_assert(json_is_object(at(json, EMPTY[i])));
        ck_assert_uint_eq(json_object_size(at(json, EMPTY[i])), 0);
    }
    ck_assert(json_is_array(at(json, "iot_ports")));
    ck_assert_uint_eq(json_array_size(at(json, "iot_ports")), 0);
    ck_assert_int_eq(json_integer_value(at(json, "unlabelled.packets")), 0);
    ck_assert_ptr_null(at(json, "thresholds"));
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(thresholds_are_not_spoken_of_when_they_are_on)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.dark_known = true;
    char *text = render(&fixture);
    json_t *json = parse(text);
    ck_assert_ptr_null(at(json, "thresholds"));
    ck_assert_uint_eq(json_object_size(at(json, "signatures")), 5);
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* A sketch may say more than there can be; an exact count is given as it is. */
START_TEST(estimates_do_not_exceed_their_packets)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    struct report *report = &fixture.report;
    report->scan.ports.rows[2].sources = report->scan.ports.rows[2].packets + 1;
    report->iot_ports.rows[1].sources = UINT64_MAX;
    report->scan.ports.rows[0].sources = 1400232; /* exact, of 1400231: left to be seen */
    report->destinations = report->counts[COUNT_packets] + 5;
    report->class_sources[CLASS_BACKSCATTER] = 56131;
    char *text = render(&fixture);
    json_t *json = parse(text);
    ck_assert_int_eq(json_integer_value(at(json, "ports.2.sources")), 300127);
    ck_assert_int_eq(json_integer_value(at(json, "iot_ports.1.sources")), 98002);
    ck_assert_int_eq(json_integer_value(at(json, "ports.0.sources")), 1400232);
    ck_assert_int_eq(json_integer_value(at(json, "destinations")), 2491019);
    ck_assert_int_eq(json_integer_value(at(json, "class_sources.backscatter")), 56130);
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(no_frame_no_time)
{
    struct fixture fixture;
    fixture_empty(&fixture);
    char *text = render(&fixture);
    json_t *json = parse(text);
    ck_assert(json_is_null(at(json, "first")));
    ck_assert(json_is_null(at(json, "last")));
    json_decref(json);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* Numbers above 2^63 do not fit jansson's integers: they are read as reals. */
START_TEST(random_reports_are_valid)
{
    struct random random = random_seeded("random_reports_are_valid");
    for (unsigned i = 0; i < 100; i++) {
        struct fixture fixture;
        fixture_random(&fixture, &random);
        char *text = render(&fixture);
        json_error_t error;
        json_t *json =
            json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
        ck_assert_msg(json != NULL, "column %d: %s in %s", error.column, error.text, text);
        ck_assert_uint_eq(json_array_size(at(json, "files")), fixture.files.n);
        const struct report *report = &fixture.report;
        ck_assert_uint_eq(json_array_size(at(json, "ports")), report->scan.ports.n);
        bool has = report->has_signatures;
        ck_assert_uint_eq(json_object_size(at(json, "signatures")),
                          has ? report->signatures.n : 0);
        ck_assert_uint_eq(json_object_size(at(json, "labels")), has ? report->labels.n : 0);
        ck_assert_uint_eq(json_array_size(at(json, "iot_ports")),
                          has ? report->iot_ports.n : 0);
        for (size_t row = 0; row < report->scan.top_sources.n; row++) {
            json_t *source = json_array_get(at(json, "top_sources"), row);
            ck_assert_uint_eq(json_array_size(at(source, "labels")),
                              report->scan.top_sources.rows[row].labels_n);
        }
        json_decref(json);
        free(text);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Every byte pair: escaped and repaired so that jansson, which wants valid UTF-8, takes it. */
START_TEST(any_bytes_become_valid_text)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct json_out json;
    json_out_init(&json, out);
    json_out_open(&json, '[');
    for (unsigned i = 1; i < 256; i++)
        for (unsigned j = 1; j < 256; j++)
            json_out_text(&json, (char[]){(char)i, (char)j, '\xc2', '\x80', '\0'});
    json_out_close(&json, ']');
    ck_assert_int_eq(json_out_finish(&json), 0);
    ck_assert_int_eq(fclose(out), 0);
    json_t *parsed = parse(text);
    ck_assert_uint_eq(json_array_size(parsed), 255 * 255);
    ck_assert_str_eq(json_string_value(json_array_get(parsed, 0)), "\x01\x01\xc2\x80");
    json_decref(parsed);
    free(text);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    FILE *full = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(full);
    struct err err = {0};
    ck_assert_int_eq(sink_json(full, &fixture.report, &fixture.files, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    (void)fclose(full); /* fails too */
    fixture_fini(&fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, fixed_report_is_golden);
    tcase_add_test(tests, empty_report_is_golden);
    tcase_add_test(tests, it_is_one_line);
    tcase_add_test(tests, values_come_from_their_fields);
    tcase_add_test(tests, estimates_are_marked_and_only_they);
    tcase_add_test(tests, keys_are_in_order);
    tcase_add_test(tests, places_are_empty_without_databases);
    tcase_add_test(tests, nothing_is_labelled_without_signatures);
    tcase_add_test(tests, thresholds_are_not_spoken_of_when_they_are_on);
    tcase_add_test(tests, estimates_do_not_exceed_their_packets);
    tcase_add_test(tests, no_frame_no_time);
    tcase_add_test(tests, random_reports_are_valid);
    tcase_add_test(tests, any_bytes_become_valid_text);
    tcase_add_test(tests, a_full_disk_is_an_error);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
