#include "sink/csv_out.h"

#include "sink/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char *advice(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return "free some space, or give another directory";
    case ENOENT:
        return "create the directory it is in first";
    case ENOTDIR:
    case EEXIST:
        return "a file of that name is in the way: give another directory";
    case EISDIR:
        return "a directory of that name is in the way: remove it";
    default:
        return "give a directory that can be written to";
    }
}

int csv_out_error(const char *dir_path, const char *name, int error, struct err *err)
{
    char path[ERR_ORIGIN_CAP];
    (void)snprintf(path, sizeof path, "%s%s%s", dir_path, name[0] ? "/" : "", name);
    return err_set(err, path, 0, 0, "cannot be written: %s; %s", strerror(error),
                   advice(error));
}

int csv_out_open(struct csv_out *csv, int dir, const char *dir_path, const char *name,
                 struct err *err)
{
    *csv = (struct csv_out){.dir = dir, .dir_path = dir_path};
    (void)snprintf(csv->name, sizeof csv->name, "%s", name);
    (void)snprintf(csv->temporary, sizeof csv->temporary, ".%s.tmp", name);
    int file = openat(dir, csv->temporary,
                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0)
        return csv_out_error(dir_path, name, errno, err);
    csv->out = fdopen(file, "w");
    if (csv->out)
        return 0;
    int error = errno;
    (void)close(file); /* nothing was written */
    (void)unlinkat(dir, csv->temporary, 0);
    return csv_out_error(dir_path, name, error, err);
}

/* Writes need no check each: the stream remembers a failure, csv_out_close() asks. */

static void separate(struct csv_out *csv)
{
    if (csv->comma)
        (void)fputc(',', csv->out);
    csv->comma = true;
}

void csv_out_number(struct csv_out *csv, uint64_t number)
{
    separate(csv);
    (void)fprintf(csv->out, "%" PRIu64, number);
}

void csv_out_bool(struct csv_out *csv, bool value)
{
    separate(csv);
    (void)fputs(value ? "true" : "false", csv->out);
}

/* Spreadsheets compute what begins like this, also behind blanks and in wide letters. */
static bool is_formula(const char *text)
{
    static const char *const SIGNS[] = {
        "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++)
        if (strncmp(text, SIGNS[i], strlen(SIGNS[i])) == 0)
            return true;
    return false;
}

void csv_out_text(struct csv_out *csv, const char *text)
{
    bool quoted = strpbrk(text, ",\"") != NULL;
    separate(csv);
    if (quoted)
        (void)fputc('"', csv->out);
    if (is_formula(text))
        (void)fputc('\'', csv->out);
    while (*text) {
        uint32_t code;
        size_t length = utf8_next(text, &code);
        if (length == 0 || utf8_is_unsafe(code)) {
            (void)fputs(UTF8_REPLACEMENT, csv->out);
            text += length ? length : 1;
            continue;
        }
        if (*text == '"')
            (void)fputc('"', csv->out);
        (void)fwrite(text, 1, length, csv->out);
        text += length;
    }
    if (quoted)
        (void)fputc('"', csv->out);
}

void csv_out_end_row(struct csv_out *csv)
{
    (void)fputc('\n', csv->out);
    csv->comma = false;
}

/* 0, or the errno of the first step that failed. A write that failed while the stream was
 * being filled has lost its errno; writing the rest usually fails the same way. */
static int finish(struct csv_out *csv)
{
    errno = 0;
    if (fflush(csv->out) != 0 || ferror(csv->out))
        return errno ? errno : EIO;
    if (fsync(fileno(csv->out)) != 0)
        return errno;
    return 0;
}

int csv_out_close(struct csv_out *csv, struct err *err)
{
    int error = finish(csv);
    if (fclose(csv->out) != 0 && !error)
        error = errno;
    csv->out = NULL;
    if (!error && renameat(csv->dir, csv->temporary, csv->dir, csv->name) != 0)
        error = errno;
    if (!error)
        return 0;
    (void)unlinkat(csv->dir, csv->temporary, 0); /* as far as it goes */
    return csv_out_error(csv->dir_path, csv->name, error, err);
}
