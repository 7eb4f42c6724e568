#include "sink/text_grid.h"

#include "sink/quantity.h"
#include "sink/record.h"

#include <string.h>

enum {
    LABEL_MIN = 23, /* a port and the name of its service */
    LABEL_MAX = 46,
    BAR_MIN = 9,
};

struct grid grid_of(const struct page *page)
{
    unsigned rest = page->width - GRID_INDENT - GRID_PACKETS - GRID_SHARE - GRID_SOURCES;
    if (rest < LABEL_MIN + GRID_INDENT + BAR_MIN)
        return (struct grid){.label = rest};
    unsigned label = (rest - GRID_INDENT) * 6 / 10;
    label = label < LABEL_MIN ? LABEL_MIN : label > LABEL_MAX ? LABEL_MAX : label;
    return (struct grid){.label = label, .bar = rest - GRID_INDENT - label};
}

void grid_title(const struct page *page, const char *title, uint64_t shown, uint64_t total,
                unsigned width)
{
    char few[QUANTITY_CAP], all[QUANTITY_CAP], line[160];
    (void)snprintf(line, sizeof line, "%s, %s of %s", title, quantity_count(shown, false, few),
                   quantity_count(total, false, all));
    if (page_columns(line) > width)
        (void)snprintf(line, sizeof line, "%s (%s)", title, all);
    bool counted = shown < total && page_columns(line) <= width;
    page_style(page, PAGE_BOLD);
    page_left(page, counted ? line : title, width);
    page_plain(page);
}

void grid_heading(const struct page *page, const char *title, uint64_t shown, uint64_t total)
{
    page_newline(page);
    grid_title(page, title, shown, total, GRID_INDENT + grid_of(page).label);
    page_style(page, PAGE_DIM);
    page_right(page, "packets", GRID_PACKETS);
    page_right(page, "share", GRID_SHARE);
    page_right(page, "sources", GRID_SOURCES);
    page_plain(page);
    page_newline(page);
}

void grid_count(const struct page *page, uint64_t count, bool estimated, unsigned width)
{
    char text[QUANTITY_CAP];
    if (count == 0)
        page_style(page, PAGE_DIM);
    page_right(page, quantity_count(count, estimated, text), width);
    if (count == 0)
        page_plain(page);
}

void grid_share(const struct page *page, unsigned permille, uint64_t count, unsigned width)
{
    char text[QUANTITY_CAP];
    if (count == 0)
        page_style(page, PAGE_DIM);
    page_right(page, quantity_share(permille, count, text), width);
    if (count == 0)
        page_plain(page);
}

void grid_row(const struct page *page, const struct grid_row *row, uint64_t most)
{
    struct grid grid = grid_of(page);
    page_spaces(page, GRID_INDENT);
    page_left(page, row->label, grid.label);
    grid_count(page, row->packets, row->packets_estimated, GRID_PACKETS);
    grid_share(page, row->permille, row->packets, GRID_SHARE);
    grid_count(page, record_distinct(row->sources, row->sources_estimated, row->packets),
               row->sources_estimated, GRID_SOURCES);
    if (row->packets > 0 && grid.bar > 0) {
        page_spaces(page, GRID_INDENT);
        page_bar(page, row->packets, most, grid.bar);
    }
    page_newline(page);
}

const char *grid_port(enum protocol protocol, uint16_t port, const char *what,
                      char buf[static GRID_PORT_CAP])
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u/%s", port, record_protocol(protocol));
    (void)snprintf(buf, GRID_PORT_CAP, "%-9s  %s", number, what);
    return buf;
}
