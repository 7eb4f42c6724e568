/* Cuts a file into logical lines. Blank lines and comment lines belong to none.
 *
 *      define odd  ip.id & 1       at the margin: continued by anything indented
 *      signature x                 keys are indented alike ...
 *          match  a and
 *                 b                ... and continued by what is indented deeper */
#include "file.h"

#include <string.h>

struct physical {
    const char *start, *text, *end;
    unsigned indent;
    bool blank;
};

static struct physical physical_at(const char *at, const char *end)
{
    struct physical line = {.start = at};
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    line.end = newline ? newline + 1 : end;
    while (at < line.end && (*at == ' ' || *at == '\t')) {
        line.indent = *at == '\t' ? (line.indent / 8 + 1) * 8 : line.indent + 1;
        at++;
    }
    line.text = at;
    line.blank = at == line.end || *at == '#' || *at == '\n' || *at == '\r';
    return line;
}

bool line_next(struct line_reader *reader, struct line *ret_line)
{
    struct physical first;
    for (;; reader->at = first.end, reader->number++) {
        if (reader->at >= reader->end)
            return false;
        first = physical_at(reader->at, reader->end);
        if (!first.blank)
            break;
    }
    *ret_line = (struct line){first.text, first.end, first.start, reader->number, first.indent};
    bool signature = first.indent == 0 && first.end - first.text >= 9 &&
                     memcmp(first.text, "signature", 9) == 0;
    if (first.indent == 0)
        reader->level = 0;
    else if (reader->level == 0)
        reader->level = first.indent;
    reader->at = first.end;
    unsigned number = ++reader->number;
    if (signature)
        return true;
    for (const char *at = first.end; at < reader->end; number++) {
        struct physical next = physical_at(at, reader->end);
        at = next.end;
        if (next.blank)
            continue;
        if (next.indent <= first.indent || (reader->level && next.indent <= reader->level))
            break;
        ret_line->end = next.end;
        reader->at = next.end;
        reader->number = number + 1;
    }
    return true;
}
