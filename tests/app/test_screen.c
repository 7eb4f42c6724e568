/* The page of a running sensor: golden text, and that it fits any terminal. */
#include "app/screen.h"
#include "harness.h"

#include <string.h>

static const char EXPECTED[] =
    "nightscope live  eth1  eth2 (down)                                              \n"
    "2026-11-22T00:01:40Z, running for 1 min 40 s                                    \n"
    "1,500 packets/s, 60.0 kB/s; 200,000 packets in all, 12 sources held             \n"
    "Lost since the start: kernel 5, interface 0, failed handles 0; 61 s behind      \n"
    "                                                                                \n"
    "Of all packets in the last minute                                               \n";

static struct live_worker_status workers[2] = {{.sources = 7}, {.sources = 5}};
static struct live_interface interfaces[2] = {{"eth1", true, 0, 2}, {"eth2", false, 1, 2}};

static struct live_status status_now(void)
{
    struct live_status status = {
        .now_ns = 1795305700000000000,
        .started_ns = 1795305600000000000,
        .drops = {5, 0, 0},
        .lag_s = 61,
        .interfaces = interfaces,
        .interfaces_n = 2,
        .workers = workers,
        .workers_n = 2,
        .recent = {.seconds = 57, .ports = {{900, false, 23}, {300, true, 53}}, .ports_n = 2}};
    status.counts[COUNT_packets] = 200000;
    status.counts[COUNT_bytes] = 8000000;
    status.counts[COUNT_scan] = 200000; /* of the whole run: not shown */
    uint64_t *counts = status.recent.counts;
    counts[COUNT_packets] = 2000;
    counts[COUNT_scan] = 1500;
    counts[COUNT_backscatter] = 400;
    counts[COUNT_class_other] = 100;
    counts[COUNT_iot_matched] = 500;
    counts[COUNT_mirai] = 500;
    return status;
}

static char *page(unsigned width, unsigned height, bool before)
{
    struct live_status now = status_now(), then = now;
    then.now_ns -= 2000000000;
    then.counts[COUNT_packets] -= 3000;
    then.counts[COUNT_bytes] -= 120000;
    struct screen screen = {&now, before ? &then : NULL, width, height, false};
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    screen_write(out, &screen);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(the_page_says_rate_share_ports_tools_and_losses)
{
    char *text = page(80, 50, true);
    ck_assert_msg(strncmp(text, EXPECTED, sizeof EXPECTED - 1) == 0, "%s", text);
    static const char *const ROWS[] = {"  scan                  1,500   75.0 %  ",
                                       "  IoT                     500   25.0 %  ",
                                       "  mirai                   500   25.0 %  ",
                                       "  zmap                      0",
                                       "  23/tcp                  900   60.0 %  ",
                                       "  53/udp                  300   20.0 %  ",
                                       "\nTools, of all packets in the last minute ",
                                       "\nPorts scanned, of all scans in the last minute "};
    for (unsigned i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        ck_assert_msg(strstr(text, ROWS[i]) != NULL, "%s\n%s", ROWS[i], text);
    free(text);
    text = page(80, 50, false);
    ck_assert_ptr_nonnull(strstr(text, "\n0 packets/s, 0 B/s; 200,000 packets"));
    free(text);
}
END_TEST

/* Columns of a line: bytes that do not continue a character. */
START_TEST(it_fits_any_terminal)
{
    for (unsigned width = 1; width < 200; width += 7)
        for (unsigned height = 0; height < 40; height += 3) {
            char *text = page(width, height, true);
            unsigned lines = text[0] != '\0', columns = 0;
            for (const char *at = text; *at; at++) {
                columns += ((unsigned char)*at & 0xc0) != 0x80 && *at != '\n';
                ck_assert_uint_le(columns, width);
                if (*at == '\n') {
                    lines++;
                    columns = 0;
                }
            }
            ck_assert_uint_le(lines, height);
            free(text);
        }
}
END_TEST

START_TEST(top_ports_merge_and_stay_sorted)
{
    struct report_top_port ports[REPORT_TOP_PORTS];
    unsigned n = 0;
    for (unsigned i = 0; i < 20; i++)
        report_top_ports_add(ports, &n,
                             &(struct report_top_port){i % 10 * 10, i % 2, (uint16_t)(i % 10)});
    ck_assert_uint_eq(n, REPORT_TOP_PORTS);
    ck_assert_uint_eq(ports[0].packets, 180); /* of two parts */
    ck_assert_uint_eq(ports[0].port, 9);
    for (unsigned i = 1; i < n; i++)
        ck_assert_uint_le(ports[i].packets, ports[i - 1].packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screen");
    TCase *tests = tcase_create("screen");
    tcase_add_test(tests, the_page_says_rate_share_ports_tools_and_losses);
    tcase_add_test(tests, it_fits_any_terminal);
    tcase_add_test(tests, top_ports_merge_and_stay_sorted);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
