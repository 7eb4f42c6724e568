/* The tables of the page. Those that are empty are left out. A page shows the first rows only:
 * all of them are in CSV and JSON. */
#pragma once

#include "sink/page.h"

#include <nightscope/report.h>

enum { TEXT_TOOLS = 5, TEXT_SERVICES = 4, TEXT_PLACES = 4, TEXT_SOURCES = 5, TEXT_VICTIMS = 3 };

/* Classes and protocols; ports; countries and networks. text_table.c */
void text_classes(const struct page *page, const struct report *report);
void text_ports(const struct page *page, const struct report *report);
void text_attacked_ports(const struct page *page, const struct report *report);
void text_places(const struct page *page, const struct report *report);
/* What IoT devices sent, tools, and the ports of IoT services; nothing without signatures.
 * text_tools.c */
void text_iot(const struct page *page, const struct report *report);
void text_tools(const struct page *page, const struct report *report);
void text_services(const struct page *page, const struct report *report);
/* Scanners and victims. text_sources.c */
void text_sources(const struct page *page, const struct report *report);
void text_victims(const struct page *page, const struct report *report);
