/* The grid most tables of the page stand in, so that the page has few edges:
 *
 *     label, cut when long          packets   share    sources  bar of packets
 *     |<- label ->|<- PACKETS ->|<- SHARE ->|<- SOURCES ->|  |<- bar ->|
 *
 * A narrow page has no bars. */
#pragma once

#include "sink/page.h"

#include <nightscope/report.h>

enum { GRID_INDENT = 2, GRID_PACKETS = 14, GRID_SHARE = 9, GRID_SOURCES = 12 };

struct grid {
    unsigned label, bar; /* bar 0: none, the page is too narrow */
};
struct grid grid_of(const struct page *page);

struct grid_row {
    const char *label;
    uint64_t packets, sources;
    bool packets_estimated, sources_estimated;
    unsigned permille;
};

/* A title in bold. It says how many rows there are if not all are shown, as
 * far as `width` goes. */
void grid_title(const struct page *page, const char *title, uint64_t shown, uint64_t total,
                unsigned width);
/* The title, and the names of the columns. */
void grid_heading(const struct page *page, const char *title, uint64_t shown, uint64_t total);
/* most: the packets a full bar stands for */
void grid_row(const struct page *page, const struct grid_row *row, uint64_t most);
/* Cells: right-aligned; a zero is dim. */
void grid_count(const struct page *page, uint64_t count, bool estimated, unsigned width);
void grid_share(const struct page *page, unsigned permille, uint64_t count, unsigned width);
/* "23/tcp     telnet": a port and what is behind it */
enum { GRID_PORT_CAP = 160 };
const char *grid_port(enum protocol protocol, uint16_t port, const char *what,
                      char buf[static GRID_PORT_CAP]);
