/* Files of lines that other runs have written: which names are free, and what can be read of
 * those that were half-written, as a run did not end. */
#include <nightscope/lines.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "sink/csv_out.h"
#include "sink/hourly_name.h"

enum { NAMES_TRIED = 1000, STEM_CAP = 64, LINE_CAP = 1 << 16 };

/* A name in three parts: PATH/STEM.N.ndjson.gz, whose end begins behind the number. */
struct name {
    const char *folder, *slash, *stem, *end;
};

/* The name that nothing has; to be freed. NULL with errno. */
static char *free_name(const struct name *of)
{
    for (unsigned i = 0; i < NAMES_TRIED; i++) {
        char *name, *temporary, number[16] = "";
        if (i > 0)
            (void)snprintf(number, sizeof number, ".%u", i);
        if (asprintf(&name, "%s%s%s%s%s", of->folder, of->slash, of->stem, number, of->end) < 0)
            return NULL;
        if (asprintf(&temporary, "%s%s.%s%s%s.tmp", of->folder, of->slash, of->stem, number,
                     of->end) < 0) {
            free(name);
            return NULL;
        }
        bool taken = access(name, F_OK) == 0 || access(temporary, F_OK) == 0;
        free(temporary);
        if (!taken)
            return name;
        free(name);
    }
    errno = EEXIST;
    return NULL;
}

char *hourly_free_name(const char *path, const char *stem, const char *form)
{
    char end[STEM_CAP];
    (void)snprintf(end, sizeof end, ".%s.gz", form);
    return free_name(&(struct name){path, "/", stem, end});
}

/* ".windows-20261122T05.1.csv.gz.tmp": the stem is "windows-20261122T05", the form "csv". */
static bool parse_name(const char *name, char stem[static STEM_CAP], const char **ret_form)
{
    static const char *const WHATS[] = {".windows-", ".events-"};
    static const char *const FORMS[] = {"ndjson", "csv"};
    for (unsigned i = 0; i < 4; i++) {
        const char *what = WHATS[i / 2], *form = FORMS[i % 2], *at = name + strlen(what);
        char end[32];
        if (strncmp(name, what, strlen(what)) != 0)
            continue;
        size_t digits = strspn(at, "0123456789");
        if (digits < 8 || at[digits] != 'T' || !isdigit((unsigned char)at[digits + 1]) ||
            !isdigit((unsigned char)at[digits + 2]))
            continue;
        at += digits + 3;
        size_t length = (size_t)(at - name) - 1;
        if (*at == '.' && isdigit((unsigned char)at[1]))
            at += 1 + strspn(at + 1, "0123456789");
        (void)snprintf(end, sizeof end, ".%s.gz.tmp", form);
        if (strcmp(at, end) != 0 || length >= STEM_CAP)
            continue;
        memcpy(stem, name + 1, length);
        stem[length] = '\0';
        *ret_form = form;
        return true;
    }
    return false;
}

/* Opens it if nobody writes it any more: -1 if somebody does, or it is no file of ours. */
static int open_left(int folder, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
                    fcntl(fd, F_OFD_SETLK, &lock) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), n = strlen(end);
    return length >= n && strcmp(text + length - n, end) == 0;
}

/* Reads a line, with its end; false: no more whole ones. A cut file is one that ends. */
static bool read_line(gzFile from, bool compressed, char line[static LINE_CAP])
{
    return gzgets(from, line, LINE_CAP) && strchr(line, '\n') && !gzdirect(from) == compressed;
}

/* Copies whole lines of `from`; the file is begun with the first that says something. */
static int copy_lines(gzFile from, const struct name *to, uint64_t *lines, struct err *err)
{
    char *line = malloc(LINE_CAP), *header = NULL;
    struct out_file *file = NULL;
    int status = 0;
    bool compressed = ends_in(to->end, ".gz");
    bool csv = ends_in(to->end, ".csv") || ends_in(to->end, ".csv.gz");
    if (!line)
        return err_set(err, NULL, 0, 0, "out of memory");
    if (csv && read_line(from, compressed, line))
        header = strdup(line);
    while (status == 0 && (!csv || header) && read_line(from, compressed, line)) {
        if (!file) {
            char *name = free_name(to);
            file = name ? out_file_open(name, err) : NULL;
            status = name ? (file ? 0 : -1) : csv_out_error(to->folder, "", errno, err);
            free(name);
            if (file && header)
                (void)fputs(header, out_file_stream(file)); /* its error is kept */
        }
        if (file)
            (void)fputs(line, out_file_stream(file));
        *lines += file != NULL;
    }
    free(header);
    free(line);
    return file ? out_file_close(file, err) : status;
}

/* `left` was half-written: its lines go to a file that is called as `to`. */
static int recover(int folder, const char *left, const struct name *to, struct lines_rest *rest,
                   struct err *err)
{
    int fd = open_left(folder, left);
    if (fd < 0)
        return 0;
    int twin = dup(fd);
    gzFile from = twin >= 0 ? gzdopen(twin, "rb") : NULL;
    uint64_t lines = 0;
    int status = from ? copy_lines(from, to, &lines, err)
                      : err_set(err, NULL, 0, 0, "out of memory or descriptors");
    if (status == 0) {
        rest->files++;
        rest->lines += lines;
        if (unlinkat(folder, left, 0) != 0)
            status = csv_out_error(to->folder, left, errno, err);
    }
    if (from)
        (void)gzclose(from); /* only read; closes the twin */
    else if (twin >= 0)
        (void)close(twin);
    (void)close(fd);
    return status;
}

int hourly_recover(const char *path, struct lines_rest *ret_rest, struct err *err)
{
    *ret_rest = (struct lines_rest){0};
    DIR *folder = opendir(path);
    int status = 0;
    if (!folder)
        return 0; /* hourly_new() says why, if it matters */
    for (const struct dirent *entry; status == 0 && (entry = readdir(folder));) {
        char stem[STEM_CAP], end[STEM_CAP];
        const char *form;
        if (!parse_name(entry->d_name, stem, &form))
            continue;
        (void)snprintf(end, sizeof end, ".%s.gz", form);
        status = recover(dirfd(folder), entry->d_name, &(struct name){path, "/", stem, end},
                         ret_rest, err);
    }
    (void)closedir(folder);
    return status;
}

/* A path taken apart; to be freed. NULL: memory. */
static char *take_apart(const char *path, struct name *ret_name)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t folder_n = slash ? (size_t)(slash - path) : 0, base_n = strlen(base);
    size_t end_n = ends_in(base, ".gz") && base_n > 3 ? 3 : 0, at = base_n - end_n;
    while (at > 1 && base[at - 1] != '.')
        at--;
    at = at > 1 ? at - 1 : base_n - end_n; /* ".name" has no end */
    char *text = malloc(folder_n + base_n + 3);
    if (!text)
        return NULL;
    memcpy(text, path, folder_n);
    text[folder_n] = '\0';
    memcpy(text + folder_n + 1, base, at);
    text[folder_n + 1 + at] = '\0';
    *ret_name = (struct name){text, slash ? "/" : "", text + folder_n + 1, base + at};
    return text;
}

char *out_file_free_name(const char *path)
{
    struct name name;
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return strdup(path); /* a pipe is written to as it is */
    char *text = take_apart(path, &name), *found = text ? free_name(&name) : NULL;
    int why = errno;
    free(text);
    errno = why;
    return found;
}

int out_file_recover(const char *path, struct lines_rest *ret_rest, struct err *err)
{
    struct name name;
    char *text = take_apart(path, &name), *left;
    *ret_rest = (struct lines_rest){0};
    if (!text || asprintf(&left, ".%s%s.tmp", name.stem, name.end) < 0) {
        free(text);
        return err_set(err, NULL, 0, 0, "out of memory");
    }
    const char *where = *name.folder ? name.folder : *name.slash ? name.slash : ".";
    int folder = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = folder < 0 ? 0 : recover(folder, left, &name, ret_rest, err);
    if (folder >= 0)
        (void)close(folder); /* only read */
    free(left);
    free(text);
    return status;
}
