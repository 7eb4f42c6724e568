#include "app/config.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BLANKS[] = " \t\r\v\f";

struct reading {
    const char *at, *end; /* what is left of the text */
    const char *raw;      /* the line that libinih has, ... */
    size_t raw_n;         /* ... without its end */
    unsigned line;
    const char *origin;
    char section[CONFIG_LINE_MAX + 1];
    config_take *take;
    void *context;
    bool failed;
    struct err *err;
};

static char *fail(struct reading *reading, unsigned column, const char *text)
{
    reading->failed = true;
    (void)err_set(reading->err, reading->origin, reading->line, column, "%s", text);
    return NULL;
}

static size_t skip_blanks(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && text[i] && strchr(BLANKS, text[i]))
        i++;
    return i;
}

/* libinih reads nothing behind a section's ']'. */
static void expect_nothing(struct reading *reading, size_t at)
{
    at += skip_blanks(reading->raw + at, reading->raw_n - at);
    size_t end = reading->raw_n;
    while (end > at && strchr(BLANKS, reading->raw[end - 1]))
        end--;
    if (at == end || reading->raw[at] == ';')
        return;
    reading->failed = true;
    (void)err_set(reading->err, reading->origin, reading->line, (unsigned)at + 1,
                  "\"%.*s\": expected nothing behind [%s]; a key has a line of its own, and a "
                  "comment there begins with ';'",
                  (int)(end - at), reading->raw + at, reading->section);
}

/* libinih does not say that a section begins. */
static int take_section(struct reading *reading, size_t at)
{
    const char *name = reading->raw + at + 1;
    const char *end = memchr(name, ']', reading->raw_n - at - 1);
    if (!end)
        return 0; /* libinih will complain */
    (void)snprintf(reading->section, sizeof reading->section, "%.*s", (int)(end - name), name);
    struct config_entry entry = {.section = reading->section,
                                 .origin = reading->origin,
                                 .line = reading->line,
                                 .column = (unsigned)at + 2,
                                 .key_column = (unsigned)at + 2};
    if (reading->take(reading->context, &entry, reading->err) != 0)
        reading->failed = true;
    else
        expect_nothing(reading, (size_t)(end + 1 - reading->raw));
    return reading->failed ? -1 : 0;
}

/* A file of lines that end with CR alone would be one line, and all behind its first '#' or ']'
 * would go unread. */
static bool ends_once(struct reading *reading)
{
    size_t n = reading->raw_n;
    while (n > 0 && strchr(BLANKS, reading->raw[n - 1]))
        n--;
    const char *cr = memchr(reading->raw, '\r', n);
    if (!cr)
        return true;
    (void)fail(
        reading, (unsigned)(cr - reading->raw) + 1,
        "a carriage return without a line feed: expected lines that end with LF or CR LF");
    return false;
}

/* The next line for libinih, without the blanks it begins with: to libinih they would make it
 * the continuation of a value. NULL: no more, or a mistake. */
static char *next_line(char *buf, int cap, void *context)
{
    struct reading *reading = context;
    if (reading->failed || reading->at == reading->end)
        return NULL;
    const char *newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    const char *end = newline ? newline : reading->end;
    reading->raw = reading->at;
    reading->raw_n = (size_t)(end - reading->at);
    reading->at = newline ? newline + 1 : reading->end;
    reading->line++;
    const char *nul = memchr(reading->raw, '\0', reading->raw_n);
    if (nul)
        return fail(reading, (unsigned)(nul - reading->raw) + 1,
                    "a NUL byte: this is not a text file");
    if (!ends_once(reading))
        return NULL;
    size_t blanks = skip_blanks(reading->raw, reading->raw_n);
    size_t n = reading->raw_n - blanks;
    bool comment = n > 0 && strchr("#;", reading->raw[blanks]);
    if (comment)
        n = 0;
    if (n > CONFIG_LINE_MAX || (int)n + 2 > cap)
        return fail(reading, (unsigned)blanks + CONFIG_LINE_MAX + 1,
                    "expected a line of at most 196 bytes; a list may go on in another line of "
                    "its key");
    if (n > 0 && reading->raw[blanks] == '[' && take_section(reading, blanks) != 0)
        return NULL;
    memcpy(buf, reading->raw + blanks, n);
    memcpy(buf + n, "\n", 2);
    return buf;
}

static int take_value(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    (void)section; /* cut to 49 bytes; ours is not */
    if (reading->failed)
        return 0;
    const char *raw = reading->raw;
    size_t blanks = skip_blanks(raw, reading->raw_n), sign = blanks;
    while (sign < reading->raw_n && raw[sign] != '=' && raw[sign] != ':')
        sign++;
    size_t at = sign + (sign < reading->raw_n);
    at += skip_blanks(raw + at, reading->raw_n - at);
    size_t name_n = sign - blanks;
    while (name_n > 0 && strchr(BLANKS, raw[blanks + name_n - 1]))
        name_n--;
    char whole[CONFIG_LINE_MAX + 1]; /* name is cut to 49 bytes, too */
    (void)name;
    (void)snprintf(whole, sizeof whole, "%.*s", (int)name_n, raw + blanks);
    struct config_entry entry = {.section = reading->section,
                                 .key = whole,
                                 .value = value,
                                 .origin = reading->origin,
                                 .line = reading->line,
                                 .column = (unsigned)at + 1,
                                 .key_column = (unsigned)blanks + 1};
    if (reading->take(reading->context, &entry, reading->err) == 0)
        return 1;
    reading->failed = true;
    return 0;
}

/* libinih stops at no mistake, and says at the end in which line the first was. */
static int syntax_error(const struct reading *reading, const char *text, size_t n,
                        unsigned line)
{
    const char *at = text, *end = text + n;
    for (unsigned i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((newline ? newline : end) - at);
    size_t blanks = skip_blanks(at, length);
    while (length > blanks && strchr(BLANKS, at[length - 1]))
        length--;
    return err_set(reading->err, reading->origin, line, (unsigned)blanks + 1,
                   "\"%.*s\": expected a line such as `key = value` or `[section]`%s",
                   (int)(length - blanks), at + blanks,
                   blanks > 0 ? "; an indented line does not go on with the one before: a list "
                                "goes on in another line of its key"
                              : "");
}

int config_parse(const char *text, size_t n, const char *origin, config_take *take,
                 void *context, struct err *err)
{
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        text += 3;
        n -= 3;
    }
    struct reading reading = {.at = text,
                              .end = text + n,
                              .origin = origin,
                              .take = take,
                              .context = context,
                              .err = err};
    struct err ours;
    reading.err = &ours;
    int line = ini_parse_stream(next_line, &reading, take_value, &reading);
    reading.err = err;
    if (line > 0 && !(reading.failed && (unsigned)line >= ours.line))
        return syntax_error(&reading, text, n, (unsigned)line);
    if (reading.failed && err)
        *err = ours;
    if (line < 0)
        return err_set(err, origin, 0, 0, "out of memory");
    return reading.failed ? -1 : 0;
}

int config_read(const char *path, config_take *take, void *context, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, path, 0, 0, "cannot be read: %s", strerror(errno));
    char *text = malloc(CONFIG_FILE_MAX + 1);
    size_t n = text ? fread(text, 1, CONFIG_FILE_MAX + 1, file) : 0;
    int error = ferror(file) ? errno : 0;
    (void)fclose(file); /* only read from */
    int status = -1;
    if (!text)
        (void)err_set(err, path, 0, 0, "out of memory");
    else if (error)
        (void)err_set(err, path, 0, 0, "cannot be read: %s", strerror(error));
    else if (n > CONFIG_FILE_MAX)
        (void)err_set(err, path, 0, 0, "expected a file of at most %d bytes", CONFIG_FILE_MAX);
    else
        status = config_parse(text, n, path, take, context, err);
    free(text);
    return status;
}
