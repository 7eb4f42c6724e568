/* A page for a terminal: columns, cells, bars, wrapped notes.
 *
 * Text from strangers cannot drive the terminal: control and direction characters become
 * U+FFFD. A column is a terminal column: wide East Asian characters take two. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PAGE_WIDTH_MIN = 60, PAGE_WIDTH_MAX = 110 };

struct page {
    FILE *out;
    bool colour;
    unsigned width;
};

enum page_style { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_BAR };

/* Everything until page_plain() is in this style; nothing without colour. */
void page_style(const struct page *page, enum page_style style);
void page_plain(const struct page *page);

/* Terminal columns text takes once it is made harmless. */
unsigned page_columns(const char *text);
/* Left-aligned in `width` columns; what does not fit is cut and ends in "…". */
void page_left(const struct page *page, const char *text, unsigned width);
/* Right-aligned in `width` columns; never cut. */
void page_right(const struct page *page, const char *text, unsigned width);
void page_spaces(const struct page *page, unsigned n);
void page_newline(const struct page *page);
/* A bar of part / whole of `width` columns, in eighths; something for anything but 0. */
void page_bar(const struct page *page, uint64_t part, uint64_t whole, unsigned width);
/* Words in lines from column `indent` (where the cursor stands) to the page's width. */
void page_wrap(const struct page *page, const char *text, unsigned indent);
