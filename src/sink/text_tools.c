/* What signatures say: how much of the scans comes from IoT devices, which tools sent them, and
 * which of the ports of IoT services are scanned by something without a mark of IoT malware. */
#include "sink/quantity.h"
#include "sink/record.h"
#include "sink/text_grid.h"
#include "sink/text_table.h"

#include <string.h>

void text_iot(const struct page *page, const struct report *report)
{
    uint64_t scans = report->counts[COUNT_scan];
    if (!report->has_signatures)
        return;
    const struct grid_row rows[] = {
        {.label = "all scans",
         .packets = scans,
         .sources = report->class_sources[CLASS_SCAN],
         .sources_estimated = report->class_sources_estimated},
        {.label = "of labelled sources",
         .packets = report->iot_packets,
         .sources = report->iot_sources,
         .sources_estimated = report->iot_sources_estimated},
        {.label = "with an IoT mark",
         .packets = report->iot.packets,
         .sources = report->iot.sources,
         .sources_estimated = report->iot.sources_estimated},
    };
    grid_heading(page, "IoT", 0, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grid_row row = rows[i];
        row.permille = quantity_permille(row.packets, scans);
        grid_row(page, &row, scans);
    }
}

/* Tools: packets that match, of any class, so that their share is that of all packets; the
 * sources that have the label, and, for judging it, those with any match at all. */

static unsigned tool_label(const struct page *page)
{
    unsigned label = grid_of(page).label;
    unsigned room = page->width - GRID_INDENT - GRID_PACKETS - GRID_SHARE - 2 * GRID_SOURCES;
    return label < room ? label : room;
}

static void write_tool(const struct page *page, const struct report_tool *tool, uint64_t all)
{
    page_spaces(page, GRID_INDENT);
    page_left(page, tool->name, tool_label(page));
    grid_count(page, tool->packets, false, GRID_PACKETS);
    grid_share(page, quantity_permille(tool->packets, all), tool->packets, GRID_SHARE);
    grid_count(page, tool->labelled, tool->sources_estimated, GRID_SOURCES);
    grid_count(page, tool->sources, tool->sources_estimated, GRID_SOURCES);
    page_newline(page);
}

/* Scans alone, of which there may be none. */
static void write_unlabelled(const struct page *page, const struct report *report)
{
    char packets[QUANTITY_CAP], share[QUANTITY_CAP], sources[QUANTITY_CAP], line[256];
    uint64_t unlabelled = report->unlabelled_packets;
    unsigned permille = quantity_permille(unlabelled, report->counts[COUNT_scan]);
    (void)snprintf(line, sizeof line, "no label: %s of the scans (%s), %s source%s",
                   quantity_count(unlabelled, false, packets),
                   quantity_share(permille, unlabelled, share),
                   quantity_count(report->unlabelled_sources,
                                  report->unlabelled_sources_estimated, sources),
                   report->unlabelled_sources == 1 ? "" : "s");
    page_spaces(page, GRID_INDENT);
    page_wrap(page, line, GRID_INDENT);
}

static bool is_shown(const struct report_tool *tool)
{
    return tool->packets > 0 || tool->labelled > 0;
}

/* Rows come by name: those of the same packets stay in that order. */
static bool is_before(const struct report_tool *a, const struct report_tool *b)
{
    return a->packets != b->packets ? a->packets > b->packets : a < b;
}

/* The row after `last` by packets, or NULL; last NULL: the first. */
static const struct report_tool *next_tool(const struct report *report,
                                           const struct report_tool *last)
{
    const struct report_tool *next = NULL;
    for (size_t i = 0; i < report->labels.n; i++) {
        const struct report_tool *tool = &report->labels.rows[i];
        if (is_shown(tool) && (!last || is_before(last, tool)) &&
            (!next || is_before(tool, next)))
            next = tool;
    }
    return next;
}

static void write_tools_heading(const struct page *page, size_t total)
{
    page_newline(page);
    grid_title(page, "Tools", total < TEXT_TOOLS ? total : TEXT_TOOLS, total,
               GRID_INDENT + tool_label(page));
    page_style(page, PAGE_DIM);
    page_right(page, "packets", GRID_PACKETS);
    page_right(page, "of all", GRID_SHARE);
    page_right(page, "labelled", GRID_SOURCES);
    page_right(page, "matching", GRID_SOURCES);
    page_plain(page);
    page_newline(page);
}

void text_tools(const struct page *page, const struct report *report)
{
    size_t total = 0, n = 0;
    if (!report->has_signatures)
        return;
    for (size_t i = 0; i < report->labels.n; i++)
        total += is_shown(&report->labels.rows[i]);
    write_tools_heading(page, total);
    for (const struct report_tool *tool = NULL;
         n < TEXT_TOOLS && (tool = next_tool(report, tool)); n++)
        write_tool(page, tool, report->counts[COUNT_packets]);
    if (n > 0) {
        page_spaces(page, GRID_INDENT);
        page_wrap(page, "packets and sources of any class; some match several tools",
                  GRID_INDENT);
    }
    write_unlabelled(page, report);
    if (!report->dark_known) {
        page_spaces(page, GRID_INDENT);
        page_wrap(page, "signatures with thresholds are off: they need --dark", GRID_INDENT);
    }
}

static void write_service(const struct page *page, const struct report_iot_port *port)
{
    struct grid grid = grid_of(page);
    char label[GRID_PORT_CAP];
    page_spaces(page, GRID_INDENT);
    page_left(page,
              grid_port(port->protocol, port->port, port->device ? port->device : "", label),
              grid.label);
    grid_count(page, port->packets, false, GRID_PACKETS);
    if (port->matched > 0)
        grid_share(page, quantity_permille(port->matched, port->packets), port->matched,
                   GRID_SHARE);
    else
        page_right(page, "none", GRID_SHARE);
    uint64_t sources = record_distinct(port->sources, port->sources_estimated, port->packets);
    grid_count(page, sources, port->sources_estimated, GRID_SOURCES);
    if (grid.bar > 0 && port->weakness && port->weakness[0]) {
        page_style(page, PAGE_DIM);
        page_spaces(page, GRID_INDENT);
        if (page_columns(port->weakness) > grid.bar)
            page_left(page, port->weakness, grid.bar);
        else
            page_right(page, port->weakness, 0);
        page_plain(page);
    }
    page_newline(page);
}

void text_services(const struct page *page, const struct report *report)
{
    size_t n = report->iot_ports.n < TEXT_SERVICES ? report->iot_ports.n : TEXT_SERVICES;
    if (!report->has_signatures || n == 0)
        return;
    page_newline(page);
    grid_title(page, "Scans of IoT ports", n, report->iot_ports.total,
               GRID_INDENT + grid_of(page).label);
    page_style(page, PAGE_DIM);
    page_right(page, "packets", GRID_PACKETS);
    page_right(page, "marked", GRID_SHARE);
    page_right(page, "sources", GRID_SOURCES);
    page_plain(page);
    page_newline(page);
    for (size_t i = 0; i < n; i++)
        write_service(page, &report->iot_ports.rows[i]);
}
