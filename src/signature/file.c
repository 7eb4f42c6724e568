/* The keys of a signature file: `signature NAME`, `define NAME EXPR`, and what stands below a
 * signature. An error ends its line; the next line is read all the same. */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "draft.h"

const char *const KEY_NAMES[KEY_COUNT_] = {
    "title", "label",    "origin",  "match",     "constant", "increasing", "chance", "since",
    "until", "distinct", "packets", "reference", "example",  "near",       "define",
};

static const char *const ORIGIN_NAMES[] = {
#define X(id, name) #name,
    ORIGINS(X)
#undef X
};

const char *origin_name(enum origin origin)
{
    return ORIGIN_NAMES[origin];
}

void file_report(struct file_reader *reader, const struct line *line, const char *at,
                 const char *what)
{
    unsigned number = line->number;
    const char *start = line->line_start;
    for (const char *c = line->text; c < at; c++)
        if (*c == '\n') {
            number++;
            start = c + 1;
        }
    diag_report(&reader->diag, number, (unsigned)(at - start) + 1, "%s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *file_text(struct file_reader *reader, const struct line *line, const char *at)
{
    size_t len = 0, cap = (size_t)(line->end - at) + 1;
    char *out = arena_alloc(&reader->set->ast.arena, cap);
    if (!out) {
        file_report(reader, line, at, "out of memory");
        return NULL;
    }
    for (const char *c = at; c < line->end; c++) {
        if (*c == '#' && (c == at || is_blank(c[-1]))) {
            while (c < line->end && *c != '\n')
                c++;
            continue;
        }
        if (is_blank(*c)) {
            if (len && out[len - 1] != ' ')
                out[len++] = ' ';
        } else {
            out[len++] = *c;
        }
    }
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    if (len == 0) {
        file_report(reader, line, line->text, "a key without a value");
        return NULL;
    }
    if (text_bad_utf8((const uint8_t *)out, len) < len) {
        file_report(reader, line, at, "expected UTF-8 text without control characters");
        return NULL;
    }
    return out;
}

static void read_chance(struct file_reader *reader, const struct line *line, const char *at,
                        const char *text)
{
    double chance;
    if (text_real(text, &chance) && chance > 0 && chance <= 1) {
        reader->draft.signature.chance = chance;
        return;
    }
    char message[160];
    (void)snprintf(message, sizeof message,
                   "\"%.60s\": expected a chance in (0,1] such as 2^-32, 1e-9 or 0.5", text);
    file_report(reader, line, at, message);
}

static void read_origin(struct file_reader *reader, const struct line *line, const char *at,
                        const char *text)
{
    for (unsigned i = 0; i < ORIGIN_COUNT_; i++) {
        if (strcmp(text, ORIGIN_NAMES[i]) == 0) {
            reader->draft.signature.origin = (enum origin)i;
            return;
        }
    }
    char message[200];
    (void)snprintf(
        message, sizeof message,
        "\"%.60s\": expected iot, tool, research, worm, amplification or backscatter", text);
    file_report(reader, line, at, message);
}

static void list_add(struct file_reader *reader, const struct line *line, const char **list,
                     unsigned *n, const char *text)
{
    if (*n == LIST_MAX)
        file_report(reader, line, line->text, "more than 64 of a kind");
    else
        list[(*n)++] = text;
}

static void read_text(struct file_reader *reader, const struct line *line, enum key key,
                      const char *at)
{
    struct signature *signature = &reader->draft.signature;
    const char *text = file_text(reader, line, at);
    if (!text)
        return;
    if (key == KEY_TITLE) {
        signature->title = text;
    } else if (key == KEY_LABEL) {
        signature->label = text;
        if (!text_is_name(text, strlen(text)))
            file_report(reader, line, at,
                        "expected a label of a-z, 0-9, \"-\", \".\" and \"_\"");
    } else if (key == KEY_ORIGIN) {
        read_origin(reader, line, at, text);
    } else if (key == KEY_CHANCE) {
        read_chance(reader, line, at, text);
    } else if (key == KEY_SINCE || key == KEY_UNTIL) {
        *(key == KEY_SINCE ? &signature->since : &signature->until) = text;
        if (!text_is_date(text))
            file_report(reader, line, at,
                        "expected a date such as 2016, 2016-08 or 2016-08-31");
    } else if (key == KEY_REFERENCE) {
        list_add(reader, line, reader->draft.references, &signature->references_n, text);
    } else if (key == KEY_EXAMPLE) {
        list_add(reader, line, reader->draft.examples, &signature->examples_n, text);
    } else {
        list_add(reader, line, reader->draft.nears, &signature->nears_n, text);
    }
}

static void unknown_key(struct file_reader *reader, const struct line *line, const char *word,
                        size_t len)
{
    char message[200 + NEAREST_HINT_CAP], hint[NEAREST_HINT_CAP];
    struct nearest nearest = nearest_to(word, len);
    for (unsigned key = 0; key < KEY_COUNT_; key++)
        nearest_offer(&nearest, KEY_NAMES[key]);
    (void)snprintf(message, sizeof message,
                   "\"%.*s\": expected a key of a signature, such as match or title%s",
                   len > 40 ? 40 : (int)len, word, nearest_hint(&nearest, "", hint));
    file_report(reader, line, word, message);
}

static void read_key(struct file_reader *reader, const struct line *line, const char *word,
                     size_t len, const char *value)
{
    unsigned key = 0;
    while (key < KEY_COUNT_ &&
           (strlen(KEY_NAMES[key]) != len || memcmp(KEY_NAMES[key], word, len) != 0))
        key++;
    if (key == KEY_COUNT_) {
        unknown_key(reader, line, word, len);
        return;
    }
    if (key < KEY_DISTINCT && reader->draft.seen & 1U << key) {
        char message[64];
        (void)snprintf(message, sizeof message, "\"%s\" is there twice", KEY_NAMES[key]);
        file_report(reader, line, word, message);
        return;
    }
    reader->draft.seen |= 1U << key;
    switch ((enum key)key) {
    case KEY_MATCH:
        read_match(reader, line, value);
        return;
    case KEY_CONSTANT:
        read_relation(reader, line, value, RELATION_CONSTANT);
        return;
    case KEY_INCREASING:
        read_relation(reader, line, value, RELATION_INCREASING);
        return;
    case KEY_DISTINCT:
        read_distinct(reader, line, value);
        return;
    case KEY_PACKETS:
        read_packets(reader, line, value);
        return;
    case KEY_DEFINE:
        read_define(reader, line, value);
        return;
    case KEY_TITLE:
    case KEY_LABEL:
    case KEY_ORIGIN:
    case KEY_CHANCE:
    case KEY_SINCE:
    case KEY_UNTIL:
    case KEY_REFERENCE:
    case KEY_EXAMPLE:
    case KEY_NEAR:
    case KEY_COUNT_:
        read_text(reader, line, (enum key)key, value);
        return;
    }
}

static void read_line(struct file_reader *reader, const struct line *line)
{
    const char *word = line->text, *at = word;
    while (at < line->end && !is_blank(*at) && *at != '#')
        at++;
    size_t len = (size_t)(at - word);
    const char *value = at;
    while (value < line->end && (*value == ' ' || *value == '\t'))
        value++;
    if (line->indent > 0) {
        if (!reader->open)
            file_report(reader, line, word, "an indented line, but no signature above it");
        else
            read_key(reader, line, word, len, value);
        return;
    }
    draft_close(reader);
    if (len == 9 && memcmp(word, "signature", 9) == 0) {
        draft_open(reader, line, value);
    } else if (len == 6 && memcmp(word, "define", 6) == 0) {
        read_define(reader, line, value);
    } else {
        char message[200];
        (void)snprintf(message, sizeof message,
                       "\"%.*s\": expected \"signature NAME\" or \"define NAME EXPR\"",
                       len > 40 ? 40 : (int)len, word);
        file_report(reader, line, word, message);
    }
}

/* A file whose lines end with CR alone is one line: all of it may be its first comment. */
static bool lines_end(struct file_reader *reader, const char *text, size_t size)
{
    const char *start = text;
    unsigned number = 1;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            number++;
            start = text + i + 1;
        }
        if (text[i] != '\r' || i + 1 == size || text[i + 1] == '\n' || text[i + 1] == '\r')
            continue;
        diag_report(&reader->diag, number, (unsigned)(text + i - start) + 1,
                    "a carriage return without a line feed: expected lines that end with LF or "
                    "CR LF");
        return false;
    }
    return true;
}

int signature_set_parse(struct signature_set *set, const char *origin, const char *text,
                        size_t size, struct signature_errors *errors)
{
    struct file_reader reader = {.set = set, .diag = {origin, errors, 0}};
    reader.parser.ast = &set->ast;
    reader.parser.diag = &reader.diag;
    if (size > SIGNATURE_FILE_MAX) {
        diag_report(&reader.diag, 0, 0, "a signature file has at most 1 MiB");
        return -1;
    }
    if (!lines_end(&reader, text, size))
        return -1;
    struct line_reader lines = {text, text + size, 1, 0};
    struct line line;
    unsigned indent = 0;
    while (line_next(&lines, &line)) {
        if (line.indent == 0)
            indent = 0;
        else if (indent == 0)
            indent = line.indent;
        if (line.indent != 0 && line.indent != indent)
            file_report(&reader, &line, line.text, "indented less than the keys above it");
        else
            read_line(&reader, &line);
    }
    draft_close(&reader);
    return reader.diag.count ? -1 : 0;
}
