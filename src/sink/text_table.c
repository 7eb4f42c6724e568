/* Tables of what was seen: classes, ports, places.
 *
 * With signatures, the ports of all scans and those of IoT scans stand side by side when the
 * page is wide enough, each in half of it and with short numbers; else one below the other. */
#include "sink/text_table.h"

#include "sink/quantity.h"
#include "sink/record.h"
#include "sink/service.h"
#include "sink/text_grid.h"

#include <string.h>

enum {
    PAIR_WIDTH = 100, /* pages from here on have two tables side by side ... */
    PAIR_GAP = 4,
    HALF_PACKETS = 8, /* ... with these columns */
    HALF_SHARE = 8,
    HALF_SOURCES = 9,
    PORTS_ALONE = 10,
    PORTS_PAIRED = 8,
    PORTS_STACKED = 5,
};

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

/* "tcp 88.3 %, udp 10.4 %, ...": those there were. Lines break between them only: the other
 * blanks are U+00A0. */
static void write_protocols(const struct page *page, const struct report *report)
{
    static const enum count COUNTS_OF[PROTOCOL_COUNT_] = {
#define X(id, name) COUNT_##name,
        PROTOCOLS(X)
#undef X
    };
    uint64_t parts[PROTOCOL_COUNT_];
    unsigned permilles[PROTOCOL_COUNT_];
    char line[PROTOCOL_COUNT_ * (QUANTITY_CAP + 16)] = "", share[QUANTITY_CAP];
    size_t used = 0;
    for (unsigned i = 0; i < PROTOCOL_COUNT_; i++)
        parts[i] = report->counts[COUNTS_OF[i]];
    quantity_permilles(parts, PROTOCOL_COUNT_, permilles);
    for (unsigned i = 0; i < PROTOCOL_COUNT_; i++) {
        if (parts[i] == 0)
            continue;
        (void)quantity_share(permilles[i], parts[i], share);
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s\xc2\xa0%.*s\xc2\xa0%%",
                                 used > 0 ? ", " : "", record_protocol((enum protocol)i),
                                 (int)strcspn(share, " "), share);
    }
    if (used == 0)
        return;
    page_spaces(page, GRID_INDENT);
    page_wrap(page, line, GRID_INDENT);
}

void text_classes(const struct page *page, const struct report *report)
{
    static const char *const NAMES[CLASS_COUNT_] = {
#define X(id, name) #name,
        CLASSES(X)
#undef X
    };
    static const enum count COUNTS_OF[CLASS_COUNT_] = {
        [CLASS_SCAN] = COUNT_scan,
        [CLASS_BACKSCATTER] = COUNT_backscatter,
        [CLASS_OTHER] = COUNT_class_other,
    };
    uint64_t parts[CLASS_COUNT_], most = 0;
    unsigned permilles[CLASS_COUNT_];
    for (unsigned i = 0; i < CLASS_COUNT_; i++) {
        parts[i] = report->counts[COUNTS_OF[i]];
        most = parts[i] > most ? parts[i] : most;
    }
    quantity_permilles(parts, CLASS_COUNT_, permilles); /* they sum to 100 % */
    grid_heading(page, "Classes", CLASS_COUNT_, CLASS_COUNT_);
    for (unsigned i = 0; i < CLASS_COUNT_; i++) {
        struct grid_row row = {.label = NAMES[i],
                               .packets = parts[i],
                               .sources = report->class_sources[i],
                               .sources_estimated = report->class_sources_estimated,
                               .permille = permilles[i]};
        grid_row(page, &row, most);
    }
    write_protocols(page, report);
}

static void write_ports(const struct page *page, const char *title,
                        const struct report_view *view, size_t limit)
{
    size_t n = at_most(view->ports.n, limit);
    if (n == 0)
        return;
    grid_heading(page, title, n, view->ports.total);
    for (size_t i = 0; i < n; i++) {
        const struct report_port *port = &view->ports.rows[i];
        char label[GRID_PORT_CAP];
        struct grid_row row = {.label =
                                   grid_port(port->protocol, port->port,
                                             service_name(port->protocol, port->port), label),
                               .packets = port->packets,
                               .sources = port->sources,
                               .packets_estimated = port->packets_estimated,
                               .sources_estimated = port->sources_estimated,
                               .permille = quantity_permille(port->packets, view->packets)};
        grid_row(page, &row, view->ports.rows[0].packets);
    }
}

/* One of two tables side by side */

static unsigned half_label(const struct page *page)
{
    return (page->width - PAIR_GAP) / 2 - GRID_INDENT - HALF_PACKETS - HALF_SHARE -
           HALF_SOURCES;
}

static void write_half_heading(const struct page *page, const char *title, size_t n,
                               size_t total)
{
    grid_title(page, title, n, total, GRID_INDENT + half_label(page));
    page_style(page, PAGE_DIM);
    page_right(page, "packets", HALF_PACKETS);
    page_right(page, "share", HALF_SHARE);
    page_right(page, "sources", HALF_SOURCES);
    page_plain(page);
}

static void write_half_row(const struct page *page, const struct report_view *view, size_t i)
{
    const struct report_port *port = &view->ports.rows[i];
    char label[GRID_PORT_CAP], number[QUANTITY_CAP];
    char packets[QUANTITY_CAP + 1], sources[QUANTITY_CAP + 1];
    page_spaces(page, GRID_INDENT);
    page_left(
        page,
        grid_port(port->protocol, port->port, service_name(port->protocol, port->port), label),
        half_label(page));
    (void)snprintf(packets, sizeof packets, "%s%s", port->packets_estimated ? "~" : "",
                   quantity_short(port->packets, number));
    page_right(page, packets, HALF_PACKETS);
    grid_share(page, quantity_permille(port->packets, view->packets), port->packets,
               HALF_SHARE);
    (void)snprintf(
        sources, sizeof sources, "%s%s", port->sources_estimated ? "~" : "",
        quantity_short(record_distinct(port->sources, port->sources_estimated, port->packets),
                       number));
    page_right(page, sources, HALF_SOURCES);
}

static void write_pair(const struct page *page, const struct report_view *left,
                       const struct report_view *right)
{
    size_t left_n = at_most(left->ports.n, PORTS_PAIRED);
    size_t right_n = at_most(right->ports.n, PORTS_PAIRED);
    page_newline(page);
    write_half_heading(page, "Ports scanned", left_n, left->ports.total);
    page_spaces(page, PAIR_GAP);
    write_half_heading(page, "Ports of IoT scans", right_n, right->ports.total);
    page_newline(page);
    for (size_t i = 0; i < left_n || i < right_n; i++) {
        if (i < left_n)
            write_half_row(page, left, i);
        else
            page_spaces(page, (page->width - PAIR_GAP) / 2);
        if (i < right_n) {
            page_spaces(page, PAIR_GAP);
            write_half_row(page, right, i);
        }
        page_newline(page);
    }
}

void text_ports(const struct page *page, const struct report *report)
{
    if (!report->has_signatures || report->iot.ports.n == 0) {
        write_ports(page, "Ports scanned", &report->scan, PORTS_ALONE);
    } else if (page->width >= PAIR_WIDTH) {
        write_pair(page, &report->scan, &report->iot);
    } else {
        write_ports(page, "Ports scanned", &report->scan, PORTS_STACKED);
        write_ports(page, "Ports of IoT scans", &report->iot, PORTS_STACKED);
    }
}

void text_attacked_ports(const struct page *page, const struct report *report)
{
    write_ports(page, "Attacked ports", &report->backscatter, TEXT_VICTIMS);
}

static void write_countries(const struct page *page, const struct report_view *view)
{
    size_t n = at_most(view->countries.n, TEXT_PLACES);
    if (n == 0)
        return;
    grid_heading(page, "Countries", n, view->countries.total);
    for (size_t i = 0; i < n; i++) {
        const struct report_country *country = &view->countries.rows[i];
        bool known = strcmp(country->cc, "??") != 0;
        struct grid_row row = {.label = known ? country->cc : "unknown",
                               .packets = country->packets,
                               .sources = country->sources,
                               .packets_estimated = country->packets_estimated,
                               .sources_estimated = country->sources_estimated,
                               .permille = quantity_permille(country->packets, view->packets)};
        grid_row(page, &row, view->countries.rows[0].packets);
    }
}

static void write_asns(const struct page *page, const struct report_view *view)
{
    size_t n = at_most(view->asns.n, TEXT_PLACES);
    if (n == 0)
        return;
    grid_heading(page, "Networks", n, view->asns.total);
    for (size_t i = 0; i < n; i++) {
        const struct report_asn *asn = &view->asns.rows[i];
        char label[sizeof asn->name + 16] = "unknown";
        if (asn->asn != 0)
            (void)snprintf(label, sizeof label, "AS%u %s", asn->asn, asn->name);
        struct grid_row row = {.label = label,
                               .packets = asn->packets,
                               .sources = asn->sources,
                               .packets_estimated = asn->packets_estimated,
                               .sources_estimated = asn->sources_estimated,
                               .permille = quantity_permille(asn->packets, view->packets)};
        grid_row(page, &row, view->asns.rows[0].packets);
    }
}

void text_places(const struct page *page, const struct report *report)
{
    static const char TITLE[] = "Countries and networks";
    if (report->located) {
        write_countries(page, &report->scan);
        write_asns(page, &report->scan);
    } else if (report->counts[COUNT_packets] > 0) {
        page_newline(page);
        grid_title(page, TITLE, 0, 0, sizeof TITLE - 1);
        page_newline(page);
        (void)fputs("  unknown: give --geo FILE.mmdb for countries and AS\n", page->out);
    }
}
