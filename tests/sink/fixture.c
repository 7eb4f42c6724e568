#include "fixture.h"

#include <string.h>

enum { MINUTES = 90, START_S = 1795305600 /* 2026-11-22T00:00:00Z */ };

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Copies rows to the heap, so that a read past the end is seen. */
#define SET_TABLE(table, given, of)                                                            \
    do {                                                                                       \
        size_t bytes_ = sizeof(given);                                                         \
        (table).rows = malloc(bytes_);                                                         \
        ck_assert_ptr_nonnull((table).rows);                                                   \
        memcpy((table).rows, given, bytes_);                                                   \
        (table).n = COUNT_OF(given);                                                           \
        (table).total = of;                                                                    \
    } while (0)

static void view_fini(struct report_view *view)
{
    free(view->ports.rows);
    free(view->countries.rows);
    free(view->asns.rows);
    free(view->top_sources.rows);
}

void fixture_fini(struct fixture *fixture)
{
    view_fini(&fixture->report.scan);
    view_fini(&fixture->report.backscatter);
    view_fini(&fixture->report.iot);
    free(fixture->report.signatures.rows);
    free(fixture->report.labels.rows);
    free(fixture->report.iot_ports.rows);
    free(fixture->report.series.rows);
}

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    for (size_t i = 0; i < COUNT_OF(fixture->file); i++)
        fixture->file[i] = &fixture->status[i];
    fixture->files.files = fixture->file;
}

void fixture_empty(struct fixture *fixture)
{
    start(fixture);
    fixture->files.n = 1;
    fixture->status[0] = (struct file_status){.name = "missing.pcap", .failed = true};
    (void)err_set(&fixture->status[0].error, "missing.pcap", 0, 0,
                  "cannot be opened: No such file or directory");
}

static struct report_source source(uint32_t v4, uint64_t packets, uint64_t ports,
                                   uint64_t destinations, const char *cc, uint32_t asn)
{
    struct report_source row = {.ip = {.v4 = v4},
                                .packets = packets,
                                .ports = ports,
                                .destinations = destinations,
                                .destinations_estimated = destinations > 60000,
                                .first_s = START_S + (uint32_t)(packets % 997),
                                .last_s = START_S + 5000 + (uint32_t)(packets % 397),
                                .asn = asn};
    memcpy(row.cc, cc, 3);
    return row;
}

static void fixed_scan(struct report_view *scan)
{
    const struct report_port ports[] = {
        {PROTOCOL_TCP, 23, 1400231, 40121, false, false},
        {PROTOCOL_TCP, 22, 412345, 9120, false, false},
        {PROTOCOL_TCP, 80, 300127, 8765, true, false},
        {PROTOCOL_UDP, 5060, 120454, 512, false, false},
        {PROTOCOL_TCP, 2323, 98002, 7741, false, false},
        {PROTOCOL_TCP, 37215, 52869, 3100, false, false},
        {PROTOCOL_UDP, 123, 31009, 77, false, false},
        {PROTOCOL_TCP, 61234, 2017, 5, false, false},
    };
    const struct report_country countries[] = {{"CN", 1200350, 30122, false, false},
                                               {"US", 640121, 12001, false, false},
                                               {"BR", 200007, 9003, false, false},
                                               {"??", 4711, 815, false, false}};
    const struct report_asn asns[] = {
        {64500, "Demo Telecom", 1100450, 28000, false, false},
        {65551, "=cmd|\"/c calc\"!A1", 400010, 6001, false, false},
        {64501,
         "Telecomunica\xc3\xa7\xc3\xb5"
         "es com um nome longo demais para uma linha S.A.",
         150020, 7002, false, false},
        {64503, "bad \xff\xc0\xaf utf8 \x1b[31mred\x1b[0m,\r\n\"quoted\"", 90030, 103, false,
         false},
        {0, "", 4711, 815, false, false},
    };
    const struct report_source sources[] = {
        source(0x0a010203, 204800, 3, 65536, "CN", 64500),
        source(0x0a420105, 101376, 1000, 50121, "US", 64501),
        source(0xcb007107, 80123, 1, 40001, "KR", 65551),
        {.ip = {.is6 = true, .v6 = {0x20010db800000000, 0x42}},
         .packets = 555,
         .ports = 12,
         .destinations = 43,
         .ports_estimated = true,
         .first_s = START_S,
         .last_s = START_S + 3,
         .cc = "DE",
         .asn = 64499},
    };
    SET_TABLE(scan->ports, ports, 4096);
    SET_TABLE(scan->countries, countries, 93);
    SET_TABLE(scan->asns, asns, 512);
    SET_TABLE(scan->top_sources, sources, 51234);
    scan->packets = 2417054;
    scan->sources = 51234;
}

static void fixed_backscatter(struct report_view *view)
{
    const struct report_port ports[] = {{PROTOCOL_TCP, 443, 50001, 21, false, false},
                                        {PROTOCOL_UDP, 53, 4002, 4, false, false}};
    const struct report_country countries[] = {{"NL", 50123, 22, false, false},
                                               {"FR", 6007, 13, false, false}};
    const struct report_asn asns[] = {{64497, "Beispiel Netz GmbH", 50123, 22, false, false}};
    const struct report_source sources[] = {source(0xc6336401, 48111, 2, 30011, "NL", 64497),
                                            source(0xc6336402, 2012, 1, 1999, "NL", 64497)};
    SET_TABLE(view->ports, ports, 6);
    SET_TABLE(view->countries, countries, 2);
    SET_TABLE(view->asns, asns, 1);
    SET_TABLE(view->top_sources, sources, 35);
    view->packets = 56130;
    view->sources = 35;
}

static void label(struct report_view *view, size_t row, const char *first, const char *second)
{
    struct report_source *labelled = &view->top_sources.rows[row];
    labelled->labels[labelled->labels_n++] = first;
    if (second)
        labelled->labels[labelled->labels_n++] = second;
}

static void fixed_iot(struct report *report)
{
    const struct report_port ports[] = {{PROTOCOL_TCP, 23, 1100023, 30011, false, false},
                                        {PROTOCOL_TCP, 2323, 90001, 7001, true, false},
                                        {PROTOCOL_TCP, 37215, 40003, 2900, false, false}};
    const struct report_country countries[] = {{"CN", 900123, 25011, false, false},
                                               {"BR", 180002, 8001, false, false}};
    const struct report_asn asns[] = {{64500, "Demo Telecom", 890017, 24003, false, false}};
    const struct report_source sources[] = {source(0x0a010203, 204001, 3, 65536, "CN", 64500),
                                            source(0x0a010909, 1804, 2, 1801, "BR", 64501)};
    const struct report_tool signatures[] = {
        {"masscan-ipid", ORIGIN_TOOL, 61003, 19, 7, false},
        {"mirai", ORIGIN_IOT, 1230027, 33013, 32011, false},
        {"nmap-syn", ORIGIN_TOOL, 0, 0, 0, false},
        {"zmap-new-syn", ORIGIN_TOOL, 210031, 311, 301, false},
        {"zmap-old-syn", ORIGIN_TOOL, 190037, 211, 207, false},
    };
    const struct report_tool labels[] = {
        {"masscan", ORIGIN_TOOL, 61003, 19, 7, false},
        {"mirai", ORIGIN_IOT, 1230027, 33013, 32011, false},
        {"nmap", ORIGIN_TOOL, 0, 0, 0, false},
        {"zmap", ORIGIN_TOOL, 380041, 499, 487, false},
    };
    const struct report_iot_port services[] = {
        {PROTOCOL_TCP, 23, "routers, cameras, recorders", "telnet with factory passwords",
         1400231, 40121, false, 1100023},
        {PROTOCOL_TCP, 2323, "routers, cameras", "telnet (alternative)", 98002, 7741, true,
         90001},
        {PROTOCOL_TCP, 37215, "Huawei HG532", "CVE-2017-17215", 52869, 3100, false, 40003},
        {PROTOCOL_TCP, 5555, "Android boxes", "adb without a password", 1013, 12, false, 0},
    };
    SET_TABLE(report->iot.ports, ports, 11);
    SET_TABLE(report->iot.countries, countries, 77);
    SET_TABLE(report->iot.asns, asns, 401);
    SET_TABLE(report->iot.top_sources, sources, 33013);
    SET_TABLE(report->signatures, signatures, COUNT_OF(signatures));
    SET_TABLE(report->labels, labels, COUNT_OF(labels));
    SET_TABLE(report->iot_ports, services, 6);
    label(&report->iot, 0, "mirai", NULL);
    label(&report->scan, 0, "mirai", "zmap");
    label(&report->scan, 2, "masscan", NULL);
    report->has_signatures = true;
    report->iot.packets = 1230027;
    report->iot.sources = 33013;
    report->iot_packets = 1300051;
    report->iot_sources = 32011;
    report->unlabelled_packets = 700063;
    report->unlabelled_sources = 18729;
}

/* A day-night wave with a storm at minute 40, a gap at 60, and its sum in the totals. */
static void fixed_series(struct report *report)
{
    struct report_minute minutes[MINUTES];
    memset(minutes, 0, sizeof minutes);
    for (unsigned i = 0; i < MINUTES; i++) {
        uint64_t wave = i < 45 ? i : 90 - i;
        uint64_t packets = i >= 60 && i < 65 ? 0 : 20000 + wave * 400 + (i == 40 ? 90000 : 0);
        minutes[i].start_s = START_S + 60 * (int64_t)i;
        minutes[i].seconds = i == MINUTES - 1 ? 31 : 60;
        minutes[i].dports = packets / 50;
        for (unsigned c = 0; c < COUNT_COUNT_; c++)
            minutes[i].counts[c] = packets / (1 + c);
        if (i >= 70)
            minutes[i].counts[COUNT_iot_matched] = (90 - i) * 543;
    }
    SET_TABLE(report->series, minutes, MINUTES);
}

void fixture_fixed(struct fixture *fixture)
{
    start(fixture);
    struct report *report = &fixture->report;
    *report = (struct report){
        .has_time = true,
        .first_ns = (int64_t)START_S * 1000000000 + 1234567,
        .last_ns = ((int64_t)START_S + 5370) * 1000000000 + 999999999,
        .frames = 2500021,
        .counts = {[COUNT_packets] = 2491019,
                   [COUNT_bytes] = 123456789,
                   [COUNT_tcp] = 2200008,
                   [COUNT_udp] = 260003,
                   [COUNT_icmp] = 30001,
                   [COUNT_icmp6] = 1002,
                   [COUNT_sctp] = 4,
                   [COUNT_other] = 1,
                   [COUNT_scan] = 2417054,
                   [COUNT_backscatter] = 56130,
                   [COUNT_class_other] = 17835,
                   [COUNT_late] = 42},
        .not_counted =
            {[REASON_TRUNCATED] = 7, [REASON_MALFORMED] = 102, [REASON_NOT_IP] = 8893},
        .from_dark = 9,
        .ipv6 = 1557,
        .fragments = 611,
        .cut = 12,
        .decapsulated = 8,
        .bad_checksum = {[CHECKSUM_TCP] = 33, [CHECKSUM_UDP] = 3},
        .class_sources = {[CLASS_SCAN] = 51234, [CLASS_BACKSCATTER] = 35, [CLASS_OTHER] = 1203},
        .class_sources_estimated = true,
        .sources = 52377,
        .destinations = 65521,
        .destinations_estimated = true,
        .located = true,
        .limits = {.sources_evicted = 17, .sources_max = 5000000, .distinct_frozen = 3},
    };
    fixed_scan(&report->scan);
    fixed_backscatter(&report->backscatter);
    fixed_iot(report);
    fixed_series(report);
    fixture->files.n = 4;
    fixture->status[0] = (struct file_status){.name = "day1.pcap", .frames = 2400000};
    fixture->status[1] =
        (struct file_status){.name = "cut.pcap.gz", .frames = 100000, .cut = true};
    fixture->status[2] = (struct file_status){
        .name = "=HYPERLINK(\"x\")\xfe\x1b[2J\n.pcap", .frames = 21, .dropped = 5};
    fixture->status[3] = (struct file_status){.name = "-bad.pcap", .failed = true};
    (void)err_set(&fixture->status[3].error, "-bad.pcap", 0, 0, "not a capture file: \"\xc3\"");
}

/* The rows there are, over and over, until there are n. */
#define REPEAT(table, count)                                                                   \
    do {                                                                                       \
        size_t size_ = sizeof *(table).rows, had_ = (table).n;                                 \
        (table).rows = realloc((table).rows, (count)*size_);                                   \
        ck_assert_ptr_nonnull((table).rows);                                                   \
        for (size_t i_ = had_; i_ < (count); i_++)                                             \
            memcpy(&(table).rows[i_], &(table).rows[i_ % had_], size_);                        \
        (table).n = (count);                                                                   \
        (table).total = 51234;                                                                 \
    } while (0)

static void repeat_view(struct report_view *view)
{
    enum { ROWS = 20 };
    REPEAT(view->ports, ROWS);
    REPEAT(view->countries, ROWS);
    REPEAT(view->asns, ROWS);
    REPEAT(view->top_sources, ROWS);
}

void fixture_busy(struct fixture *fixture)
{
    fixture_fixed(fixture);
    repeat_view(&fixture->report.scan);
    repeat_view(&fixture->report.backscatter);
    repeat_view(&fixture->report.iot);
    REPEAT(fixture->report.iot_ports, 20);
    REPEAT(fixture->report.labels, 20);
    REPEAT(fixture->report.signatures, 20);
    fixture->files.n = 1; /* one without a problem */
    struct report *report = &fixture->report;
    report->from_dark = report->fragments = report->cut = report->decapsulated = 0;
    report->counts[COUNT_late] = report->limits.distinct_frozen = 0;
    report->limits.sources_evicted = 0;
    memset(report->bad_checksum, 0, sizeof report->bad_checksum);
}

/* Random contents */

static uint64_t random_number(struct random *random)
{
    return random_next(random) >> random_below(random, 64);
}

static void random_text(struct random *random, char *text, size_t cap)
{
    static const char *const PIECES[] = {"=",
                                         "\"",
                                         ",",
                                         "\n",
                                         "\r",
                                         "\\",
                                         "\xff",
                                         "\t",
                                         "\x01",
                                         "\xe2\x80",
                                         "\xc3",
                                         "\xc3\xa9",
                                         "\x7f",
                                         "'",
                                         "a",
                                         "{}[]:",
                                         "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xf0\x9f\x8c\x90",
                                         "</script>"};
    size_t used = 0, pieces = random_below(random, 20);
    text[0] = '\0';
    for (size_t i = 0; i < pieces; i++) {
        const char *piece = PIECES[random_below(random, COUNT_OF(PIECES))];
        if (used + strlen(piece) >= cap)
            break;
        memcpy(text + used, piece, strlen(piece) + 1);
        used += strlen(piece);
    }
}

/* Fills a table with n rows of random bytes; the caller mends what must be valid. */
#define RANDOM_TABLE(table, random)                                                            \
    do {                                                                                       \
        (table).n = random_below(random, 30);                                                  \
        (table).total = (table).n + random_below(random, 1000);                                \
        (table).rows = calloc((table).n + 1, sizeof *(table).rows);                            \
        ck_assert_ptr_nonnull((table).rows);                                                   \
    } while (0)

enum { NAMES = 16, NAME_CAP = 64 };

/* Names as no signature file can hold them, each different from the others. */
static void random_names(struct random *random, char names[static NAMES][NAME_CAP])
{
    for (size_t i = 0; i < NAMES; i++) {
        random_text(random, names[i], NAME_CAP - 1);
        size_t used = strlen(names[i]);
        names[i][used] = (char)('A' + i);
        names[i][used + 1] = '\0';
    }
}

static void random_tools(struct random *random, char names[static NAMES][NAME_CAP],
                         struct report_tool *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct report_tool){
            .name = names[i],
            .origin = (enum origin)random_below(random, ORIGIN_COUNT_),
            .packets = random_number(random),
            .sources = random_number(random),
            .labelled = random_number(random),
        };
}

static void random_labels(struct random *random, char names[static NAMES][NAME_CAP],
                          struct report_view *view)
{
    for (size_t i = 0; i < view->top_sources.n; i++) {
        struct report_source *row = &view->top_sources.rows[i];
        row->labels_n = (unsigned)random_below(random, REPORT_LABELS_MAX + 1);
        for (unsigned j = 0; j < row->labels_n; j++)
            row->labels[j] = names[random_below(random, NAMES)];
    }
}

static void random_signatures(struct report *report, struct random *random)
{
    static char names[NAMES][NAME_CAP];
    random_names(random, names);
    report->has_signatures = random_below(random, 4) > 0;
    report->dark_known = random_below(random, 2);
    report->iot_packets = random_number(random);
    report->iot_sources = random_number(random);
    report->unlabelled_packets = random_number(random);
    report->unlabelled_sources = random_number(random);
    report->signatures.n = random_below(random, NAMES + 1);
    report->signatures.rows = calloc(NAMES, sizeof *report->signatures.rows);
    report->labels.n = random_below(random, NAMES + 1);
    report->labels.rows = calloc(NAMES, sizeof *report->labels.rows);
    ck_assert_ptr_nonnull(report->signatures.rows);
    ck_assert_ptr_nonnull(report->labels.rows);
    random_tools(random, names, report->signatures.rows, report->signatures.n);
    random_tools(random, names, report->labels.rows, report->labels.n);
    random_labels(random, names, &report->scan);
    random_labels(random, names, &report->iot);
    random_labels(random, names, &report->backscatter);
    RANDOM_TABLE(report->iot_ports, random);
    for (size_t i = 0; i < report->iot_ports.n; i++)
        report->iot_ports.rows[i] = (struct report_iot_port){
            .protocol = random_below(random, 2) ? PROTOCOL_TCP : PROTOCOL_UDP,
            .port = (uint16_t)random_next(random),
            .device = names[random_below(random, NAMES)],
            .weakness = names[random_below(random, NAMES)],
            .packets = random_number(random),
            .sources = random_number(random),
            .sources_estimated = random_below(random, 2),
            .matched = random_number(random),
        };
}

static void random_view(struct report_view *view, struct random *random)
{
    RANDOM_TABLE(view->ports, random);
    for (size_t i = 0; i < view->ports.n; i++)
        view->ports.rows[i] = (struct report_port){
            .protocol = random_below(random, 2) ? PROTOCOL_TCP : PROTOCOL_UDP,
            .port = (uint16_t)random_next(random),
            .packets = random_number(random),
            .sources = random_number(random),
            .sources_estimated = random_below(random, 2),
        };
    RANDOM_TABLE(view->countries, random);
    for (size_t i = 0; i < view->countries.n; i++)
        view->countries.rows[i] = (struct report_country){
            .cc = "XY", .packets = random_number(random), .sources = random_number(random)};
    RANDOM_TABLE(view->asns, random);
    for (size_t i = 0; i < view->asns.n; i++) {
        struct report_asn *row = &view->asns.rows[i];
        row->asn = (uint32_t)random_next(random);
        row->packets = random_number(random);
        random_text(random, row->name, sizeof row->name);
    }
    RANDOM_TABLE(view->top_sources, random);
    for (size_t i = 0; i < view->top_sources.n; i++) {
        struct report_source *row = &view->top_sources.rows[i];
        *row =
            source((uint32_t)random_next(random), random_number(random), random_number(random),
                   random_number(random), "ZZ", (uint32_t)random_next(random));
        row->ip.is6 = random_below(random, 2);
        row->ip.v6.hi = random_number(random);
        row->ip.v6.lo = random_number(random);
        row->ports_estimated = random_below(random, 2);
    }
}

void fixture_random(struct fixture *fixture, struct random *random)
{
    static char names[8][64];
    start(fixture);
    struct report *report = &fixture->report;
    report->has_time = random_below(random, 4) > 0;
    /* Times of captures are 32-bit seconds; the last minute of the series is one, too. */
    report->first_ns = (int64_t)random_below(random, 4200000000000000000);
    report->last_ns = report->first_ns + (int64_t)(random_number(random) % 1000000000000000);
    report->frames = random_number(random);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        report->counts[i] = random_number(random);
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        report->not_counted[i] = random_number(random);
    for (unsigned i = 0; i < CLASS_COUNT_; i++)
        report->class_sources[i] = random_number(random);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        report->bad_checksum[i] = random_number(random);
    report->sources = random_number(random);
    report->sources_estimated = random_below(random, 2);
    report->destinations = random_number(random);
    report->located = random_below(random, 2);
    report->limits.memory_refused = random_number(random);
    random_view(&report->scan, random);
    random_view(&report->backscatter, random);
    random_view(&report->iot, random);
    random_signatures(report, random);
    RANDOM_TABLE(report->series, random);
    int64_t minute_s = report->first_ns / 1000000000 / 60 * 60;
    for (size_t i = 0; i < report->series.n; i++) {
        struct report_minute *row = &report->series.rows[i];
        row->start_s = minute_s;
        minute_s += 60 * (int64_t)(1 + random_number(random) % 10000);
        row->seconds = (uint32_t)random_below(random, 61);
        row->dports = random_number(random);
        for (unsigned c = 0; c < COUNT_COUNT_; c++)
            row->counts[c] = random_number(random);
    }
    fixture->files.n = random_below(random, COUNT_OF(fixture->file) + 1);
    for (size_t i = 0; i < fixture->files.n; i++) {
        struct file_status *status = &fixture->status[i];
        random_text(random, names[i], sizeof names[i]);
        status->name = names[i];
        status->frames = random_number(random);
        status->cut = random_below(random, 2);
        status->failed = random_below(random, 2);
        random_text(random, status->error.text, sizeof status->error.text);
    }
}
