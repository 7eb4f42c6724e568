#include "sink/page.h"

#include "sink/utf8.h"

#include <string.h>

void page_style(const struct page *page, enum page_style style)
{
    static const char *const CODES[] = {[PAGE_PLAIN] = "",
                                        [PAGE_BOLD] = "\x1b[1m",
                                        [PAGE_DIM] = "\x1b[2m",
                                        [PAGE_BAR] = "\x1b[36m"};
    if (page->colour)
        (void)fputs(CODES[style], page->out); /* the stream is asked at the end */
}

void page_plain(const struct page *page)
{
    if (page->colour)
        (void)fputs("\x1b[0m", page->out);
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
#define IN(code, ranges) in_ranges(code, ranges, sizeof ranges / sizeof ranges[0])

static const struct range COMBINING[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff},
                                         {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                                         {0xfe20, 0xfe2f}};
static const struct range WIDE[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                    {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
                                    {0x20000, 0x3fffd}};

/* One character as it may be shown. */
struct glyph {
    const char *bytes;
    size_t length, consumed; /* of what is shown, and of the text */
    unsigned columns;
};

static struct glyph glyph_at(const char *text)
{
    uint32_t code;
    size_t length = utf8_next(text, &code);
    if (length == 0 || utf8_is_unsafe(code))
        return (struct glyph){.bytes = UTF8_REPLACEMENT,
                              .length = strlen(UTF8_REPLACEMENT),
                              .consumed = length ? length : 1,
                              .columns = 1};
    unsigned columns = IN(code, COMBINING) ? 0 : IN(code, WIDE) ? 2 : 1;
    return (struct glyph){
        .bytes = text, .length = length, .consumed = length, .columns = columns};
}

unsigned page_columns(const char *text)
{
    unsigned columns = 0;
    while (*text) {
        struct glyph glyph = glyph_at(text);
        columns += glyph.columns;
        text += glyph.consumed;
    }
    return columns;
}

/* At most `room` columns of text, and of its first `bytes` bytes; returns the columns. */
static unsigned put(const struct page *page, const char *text, size_t bytes, unsigned room)
{
    const char *end = text + bytes;
    unsigned used = 0;
    while (text < end) {
        struct glyph glyph = glyph_at(text);
        if (used + glyph.columns > room)
            break;
        (void)fwrite(glyph.bytes, 1, glyph.length, page->out);
        used += glyph.columns;
        text += glyph.consumed;
    }
    return used;
}

void page_left(const struct page *page, const char *text, unsigned width)
{
    unsigned used;
    if (page_columns(text) <= width) {
        used = put(page, text, strlen(text), width);
    } else {
        used = put(page, text, strlen(text), width - 1) + 1;
        (void)fputs("…", page->out);
    }
    page_spaces(page, width - used);
}

void page_right(const struct page *page, const char *text, unsigned width)
{
    unsigned columns = page_columns(text);
    page_spaces(page, columns < width ? width - columns : 0);
    (void)put(page, text, strlen(text), columns);
}

void page_spaces(const struct page *page, unsigned n)
{
    (void)fprintf(page->out, "%*s", (int)n, "");
}

void page_newline(const struct page *page)
{
    (void)fputc('\n', page->out);
}

void page_bar(const struct page *page, uint64_t part, uint64_t whole, unsigned width)
{
    static const char *const EIGHTHS[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (part == 0 || whole == 0)
        return;
    uint64_t eighths = (uint64_t)((unsigned __int128)part * width * 8 / whole);
    if (eighths == 0)
        eighths = 1;
    if (eighths > (uint64_t)width * 8)
        eighths = (uint64_t)width * 8;
    page_style(page, PAGE_BAR);
    for (uint64_t i = 0; i < eighths / 8; i++)
        (void)fputs("█", page->out);
    (void)fputs(EIGHTHS[eighths % 8], page->out);
    page_plain(page);
}

void page_wrap(const struct page *page, const char *text, unsigned indent)
{
    unsigned column = indent;
    while (*text) {
        size_t bytes = strcspn(text, " ");
        unsigned columns = 0;
        for (const char *at = text; at < text + bytes;) {
            struct glyph glyph = glyph_at(at);
            columns += glyph.columns;
            at += glyph.consumed;
        }
        if (column > indent && column + 1 + columns > page->width) {
            page_newline(page);
            page_spaces(page, indent);
            column = indent;
        } else if (column > indent) {
            page_spaces(page, 1);
            column++;
        }
        /* A word longer than a line is cut over several. */
        for (const char *end = text + bytes; text < end;) {
            struct glyph glyph = glyph_at(text);
            if (column + glyph.columns > page->width) {
                page_newline(page);
                page_spaces(page, indent);
                column = indent;
            }
            (void)fwrite(glyph.bytes, 1, glyph.length, page->out);
            column += glyph.columns;
            text += glyph.consumed;
        }
        text += strspn(text, " ");
    }
    page_newline(page);
}
