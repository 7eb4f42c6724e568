#include "app/screen.h"

#include "sink/calendar.h"
#include "sink/page.h"
#include "sink/quantity.h"

#include <string.h>

enum { LABEL = 14, NUMBER = 13, SHARE = 9, BAR_MAX = 40, MINUTE_S = 55 /* about one */ };

/* A page that stops at the last line of the terminal. */
struct sheet {
    struct page page;
    unsigned lines, left;
};

/* Begins a line; false: there is no room. */
static bool line(struct sheet *sheet)
{
    if (sheet->left == 0)
        return false;
    if (sheet->lines++ > 0)
        page_newline(&sheet->page);
    sheet->left--;
    return true;
}

static void text_line(struct sheet *sheet, enum page_style style, const char *text)
{
    if (!line(sheet))
        return;
    page_style(&sheet->page, style);
    page_left(&sheet->page, text, sheet->page.width);
    page_plain(&sheet->page);
}

/* "label   12,345   12.3 %  ████" */
static void row(struct sheet *sheet, const char *label, uint64_t part, uint64_t whole)
{
    char number[QUANTITY_CAP], share[QUANTITY_CAP];
    unsigned width = sheet->page.width, used = 2 + LABEL + NUMBER + SHARE + 2;
    if (width < used || !line(sheet))
        return;
    page_spaces(&sheet->page, 2);
    page_left(&sheet->page, label, LABEL);
    page_right(&sheet->page, quantity_count(part, false, number), NUMBER);
    page_right(&sheet->page, quantity_share(quantity_permille(part, whole), part, share),
               SHARE);
    page_spaces(&sheet->page, 2);
    page_bar(&sheet->page, part, whole, width - used < BAR_MAX ? width - used : BAR_MAX);
}

static uint64_t rate(const struct screen *screen, uint64_t now, uint64_t before)
{
    int64_t ns = screen->before ? screen->now->now_ns - screen->before->now_ns : 0;
    if (ns <= 0 || now < before)
        return 0;
    return (uint64_t)((double)(now - before) * 1e9 / (double)ns + 0.5);
}

static void write_head(struct sheet *sheet, const struct screen *screen)
{
    const struct live_status *now = screen->now;
    const struct live_status *before = screen->before ? screen->before : now;
    char text[512], time[CALENDAR_CAP], span[QUANTITY_CAP], packets[QUANTITY_CAP],
        bytes[QUANTITY_CAP], total[QUANTITY_CAP], sources[QUANTITY_CAP];
    size_t used = (size_t)snprintf(text, sizeof text, "nightscope live");
    for (unsigned i = 0; i < now->interfaces_n && used < sizeof text; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "  %s%s", now->interfaces[i].name,
                             now->interfaces[i].up ? "" : " (down)");
    text_line(sheet, PAGE_BOLD, text);
    (void)snprintf(text, sizeof text, "%s, running for %s",
                   calendar_format_s(now->now_ns / 1000000000, time),
                   quantity_duration(now->now_ns - now->started_ns, span));
    text_line(sheet, PAGE_DIM, text);
    uint64_t held = 0;
    for (unsigned i = 0; i < now->workers_n; i++)
        held += now->workers[i].sources;
    (void)snprintf(
        text, sizeof text, "%s packets/s, %s/s; %s packets in all, %s sources held",
        quantity_count(rate(screen, now->counts[COUNT_packets], before->counts[COUNT_packets]),
                       false, packets),
        quantity_bytes(rate(screen, now->counts[COUNT_bytes], before->counts[COUNT_bytes]),
                       bytes),
        quantity_count(now->counts[COUNT_packets], false, total),
        quantity_count(held, false, sources));
    text_line(sheet, PAGE_PLAIN, text);
}

static void write_losses(struct sheet *sheet, const struct live_status *now)
{
    char text[256], kernel[QUANTITY_CAP], interface[QUANTITY_CAP], handle[QUANTITY_CAP];
    uint64_t lost = 0;
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        lost += now->drops[i];
    (void)snprintf(
        text, sizeof text,
        "Lost since the start: kernel %s, interface %s, failed handles %s; %llu s behind",
        quantity_count(now->drops[LIVE_DROP_kernel], false, kernel),
        quantity_count(now->drops[LIVE_DROP_interface], false, interface),
        quantity_count(now->drops[LIVE_DROP_handle], false, handle),
        (unsigned long long)now->lag_s);
    text_line(sheet, lost ? PAGE_BOLD : PAGE_DIM, text);
}

/* "Tools, of all packets in the last minute" */
static void write_title(struct sheet *sheet, const char *what, uint32_t seconds)
{
    char text[80];
    if (seconds >= MINUTE_S)
        (void)snprintf(text, sizeof text, "%s in the last minute", what);
    else
        (void)snprintf(text, sizeof text, "%s in the last %u s", what, seconds);
    text_line(sheet, PAGE_PLAIN, "");
    text_line(sheet, PAGE_BOLD, text);
}

static void write_ports(struct sheet *sheet, const struct report_recent *recent)
{
    if (recent->ports_n == 0)
        return;
    write_title(sheet, "Ports scanned, of all scans", recent->seconds);
    for (unsigned i = 0; i < recent->ports_n; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "%u/%s", recent->ports[i].port,
                       recent->ports[i].udp ? "udp" : "tcp");
        row(sheet, label, recent->ports[i].packets, recent->counts[COUNT_scan]);
    }
}

void screen_write(FILE *out, const struct screen *screen)
{
    const struct report_recent *recent = &screen->now->recent;
    const uint64_t *counts = recent->counts;
    struct sheet sheet = {.page = {out, screen->colour, screen->width}, .left = screen->height};
    write_head(&sheet, screen);
    write_losses(&sheet, screen->now);
    write_title(&sheet, "Of all packets", recent->seconds);
    row(&sheet, "scan", counts[COUNT_scan], counts[COUNT_packets]);
    row(&sheet, "backscatter", counts[COUNT_backscatter], counts[COUNT_packets]);
    row(&sheet, "other", counts[COUNT_class_other], counts[COUNT_packets]);
    row(&sheet, "IoT", counts[COUNT_iot_matched], counts[COUNT_packets]);
    write_title(&sheet, "Tools, of all packets", recent->seconds);
    row(&sheet, "mirai", counts[COUNT_mirai], counts[COUNT_packets]);
    row(&sheet, "zmap", counts[COUNT_zmap], counts[COUNT_packets]);
    row(&sheet, "masscan", counts[COUNT_masscan], counts[COUNT_packets]);
    row(&sheet, "nmap", counts[COUNT_nmap], counts[COUNT_packets]);
    write_ports(&sheet, recent);
}
