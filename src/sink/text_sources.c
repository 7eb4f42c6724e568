/* Tables of addresses: packets, ports, destinations, how long it was seen, place. A column that
 * does not fit the page is left out. What a source is labelled stands beside its address, or on
 * a line of its own when there is no room. */
#include "sink/quantity.h"
#include "sink/record.h"
#include "sink/text_grid.h"
#include "sink/text_table.h"

#include <string.h>

enum {
    PORTS = 9,
    DESTINATIONS = 14,
    SEEN = 15,
    PLACE = 17,
    ADDRESS_MIN = 22,
    LABELS_MIN = 8, /* columns that are worth a cut list of labels */
};

struct address_grid {
    unsigned address; /* width of the first column */
    bool seen, place;
};

static struct address_grid address_grid(const struct page *page, bool located)
{
    unsigned rest = page->width - GRID_INDENT - GRID_PACKETS - PORTS - DESTINATIONS;
    struct address_grid grid = {0};
    grid.place = located && rest >= ADDRESS_MIN + PLACE;
    rest -= grid.place ? PLACE : 0;
    grid.seen = rest >= ADDRESS_MIN + SEEN;
    rest -= grid.seen ? SEEN : 0;
    grid.address = rest;
    return grid;
}

/* The address and its labels in the first column; longer ones have a line before it. */
static void write_address(const struct page *page, const struct address_grid *grid,
                          const struct report_source *source)
{
    char ip[ADDRESS_TEXT_CAP], labels[REPORT_LABELS_MAX * (SIGNATURE_NAME_MAX + 2)] = "";
    size_t used = 0;
    for (unsigned i = 0; i < source->labels_n && used < sizeof labels; i++)
        used += (size_t)snprintf(labels + used, sizeof labels - used, "%s%s", i > 0 ? " " : "",
                                 source->labels[i]);
    unsigned columns = (unsigned)strlen(address_format(&source->ip, ip));
    unsigned wanted = page_columns(labels);
    unsigned least = wanted == 0 ? 0 : 2 + (wanted < LABELS_MIN ? wanted : LABELS_MIN);
    page_spaces(page, GRID_INDENT);
    (void)fputs(ip, page->out);
    if (columns + least > grid->address) { /* an address is never cut */
        page_newline(page);
        page_spaces(page, GRID_INDENT);
        columns = 0;
    }
    page_spaces(page, wanted > 0 ? 2 : 0);
    columns += wanted > 0 ? 2 : 0;
    if (wanted > 0)
        page_style(page, PAGE_BAR);
    page_left(page, labels, grid->address - columns);
    if (wanted > 0)
        page_plain(page);
}

static void write_source(const struct page *page, const struct address_grid *grid,
                         const struct report_source *source, bool all)
{
    char seen[QUANTITY_CAP], place[32];
    uint64_t bound = all ? source->packets : UINT64_MAX;
    write_address(page, grid, source);
    grid_count(page, source->packets, source->packets_estimated, GRID_PACKETS);
    grid_count(page, record_distinct(source->ports, source->ports_estimated, bound),
               source->ports_estimated, PORTS);
    grid_count(page,
               record_distinct(source->destinations, source->destinations_estimated, bound),
               source->destinations_estimated, DESTINATIONS);
    if (grid->seen)
        page_right(
            page,
            quantity_duration(((int64_t)source->last_s - source->first_s) * 1000000000, seen),
            SEEN);
    if (grid->place) {
        (void)snprintf(place, sizeof place, "  %s", source->cc);
        if (source->asn != 0)
            (void)snprintf(place, sizeof place, "  %s AS%u", source->cc, source->asn);
        (void)fputs(place, page->out);
    }
    page_newline(page);
}

/* all: packets are all that a source sent, so there cannot be more ports than packets */
static void write_sources(const struct page *page, const char *title,
                          const struct report_view *view, size_t limit, bool located, bool all)
{
    size_t n = view->top_sources.n < limit ? view->top_sources.n : limit;
    if (n == 0)
        return;
    struct address_grid grid = address_grid(page, located);
    page_newline(page);
    grid_title(page, title, n, view->top_sources.total, GRID_INDENT + grid.address);
    page_style(page, PAGE_DIM);
    page_right(page, "packets", GRID_PACKETS);
    page_right(page, "ports", PORTS);
    page_right(page, "destinations", DESTINATIONS);
    if (grid.seen)
        page_right(page, "seen for", SEEN);
    if (grid.place)
        (void)fputs("  from", page->out);
    page_plain(page);
    page_newline(page);
    for (size_t i = 0; i < n; i++)
        write_source(page, &grid, &view->top_sources.rows[i], all);
}

/* Is one of the first rows labelled? Then it may not be a scanner at all. */
static bool any_labelled(const struct report_view *view, size_t limit)
{
    for (size_t i = 0; i < view->top_sources.n && i < limit; i++)
        if (view->top_sources.rows[i].labels_n > 0)
            return true;
    return false;
}

void text_sources(const struct page *page, const struct report *report)
{
    write_sources(page, "Top scanners", &report->scan, TEXT_SOURCES, report->located, true);
    if (any_labelled(&report->scan, TEXT_SOURCES)) {
        page_spaces(page, GRID_INDENT);
        page_wrap(page, "and labelled sources of any class", GRID_INDENT);
    }
}

void text_victims(const struct page *page, const struct report *report)
{
    write_sources(page, "Backscatter victims", &report->backscatter, TEXT_VICTIMS,
                  report->located, false);
}
