/* A file that grows, plain or gzip, and takes its place when it is complete. */
#include <nightscope/lines.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { OUT_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 };

struct out_file {
    FILE *stream; /* writes to take() */
    int file;
    char *path;      /* where it goes when it is complete */
    char *temporary; /* NULL: written in place */
    bool gzip;
    int error;
    z_stream deflate;
    uint8_t buffer[OUT_BYTES]; /* compressed */
};

static void write_all(struct out_file *file, const uint8_t *bytes, size_t n)
{
    while (n > 0 && !file->error) {
        ssize_t written = write(file->file, bytes, n);
        if (written < 0 && errno != EINTR)
            file->error = errno;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
}

static void compress_all(struct out_file *file, const char *bytes, size_t n, int flush)
{
    file->deflate.next_in = (uint8_t *)(uintptr_t)bytes; /* zlib only reads it */
    file->deflate.avail_in = (unsigned)n;
    int status;
    do {
        file->deflate.next_out = file->buffer;
        file->deflate.avail_out = OUT_BYTES;
        status = deflate(&file->deflate, flush);
        write_all(file, file->buffer, OUT_BYTES - file->deflate.avail_out);
    } while (status == Z_OK && file->deflate.avail_out == 0 && !file->error);
}

/* Never fails: the error is kept, and what follows is dropped. */
static ssize_t take(void *cookie, const char *bytes, size_t n)
{
    struct out_file *file = cookie;
    if (!file->error && file->gzip)
        compress_all(file, bytes, n, Z_NO_FLUSH);
    else
        write_all(file, (const uint8_t *)bytes, n);
    return (ssize_t)n;
}

static int cannot(const char *path, int error, struct err *err)
{
    return err_set(err, path, 0, 0, "cannot be written: %s",
                   error == EBUSY ? "another process is writing it" : strerror(error));
}

/* ".NAME.tmp" beside NAME; to be freed. */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *temporary;
    if (asprintf(&temporary, "%.*s.%s.tmp", (int)(name - path), path, name) < 0)
        return NULL;
    return temporary;
}

/* While somebody writes it, it is locked: what is left of a run that was killed is not. False:
 * somebody else does. Where there are no locks, it goes without. */
static bool begin_ours(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES)) {
        errno = EBUSY;
        return false;
    }
    return ftruncate(fd, 0) == 0;
}

static bool open_file(struct out_file *file)
{
    struct stat status;
    bool in_place = stat(file->path, &status) == 0 && !S_ISREG(status.st_mode);
    if (!in_place && !(file->temporary = temporary_name(file->path)))
        return false;
    file->file = open(in_place ? file->path : file->temporary,
                      O_WRONLY | O_CREAT | O_CLOEXEC | (in_place ? 0 : O_NOFOLLOW), 0666);
    if (file->file < 0 || in_place || begin_ours(file->file))
        return file->file >= 0;
    int error = errno;
    (void)close(file->file); /* and the file stays whose it is */
    file->file = -1;
    errno = error;
    return false;
}

void out_file_abandon(struct out_file *file)
{
    if (!file)
        return;
    file->error = ECANCELED; /* what the stream still holds is not wanted */
    if (file->stream)
        (void)fclose(file->stream);
    if (file->gzip)
        (void)deflateEnd(&file->deflate);
    if (file->file >= 0) {
        (void)close(file->file); /* nothing of it is kept */
        if (file->temporary)
            (void)unlink(file->temporary);
    }
    free(file->temporary);
    free(file->path);
    free(file);
}

struct out_file *out_file_open(const char *path, struct err *err)
{
    static const cookie_io_functions_t FUNCTIONS = {.write = take};
    struct out_file *file = calloc(1, sizeof *file);
    size_t length = strlen(path);
    bool ready = file;
    if (ready) {
        file->file = -1;
        ready =
            (file->path = strdup(path)) && (file->stream = fopencookie(file, "w", FUNCTIONS));
    }
    if (!ready) {
        out_file_abandon(file);
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0)
        file->gzip = deflateInit2(&file->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                  GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    errno = ENOMEM;
    if ((length > 3 && strcmp(path + length - 3, ".gz") == 0 && !file->gzip) ||
        !open_file(file)) {
        (void)cannot(path, errno, err);
        out_file_abandon(file);
        return NULL;
    }
    return file;
}

FILE *out_file_stream(const struct out_file *file)
{
    return file->stream;
}

int out_file_error(const struct out_file *file)
{
    return file->error;
}

void out_file_push(struct out_file *file)
{
    (void)fflush(file->stream); /* take() keeps what fails */
    if (file->gzip && !file->error)
        compress_all(file, "", 0, Z_SYNC_FLUSH);
}

int out_file_close(struct out_file *file, struct err *err)
{
    (void)fflush(file->stream); /* take() keeps what fails */
    if (file->gzip)
        compress_all(file, "", 0, Z_FINISH);
    if (!file->error && file->temporary && fsync(file->file) != 0)
        file->error = errno;
    int error = file->error;
    if (close(file->file) != 0 && !error)
        error = errno;
    if (!error && file->temporary && rename(file->temporary, file->path) != 0)
        error = errno;
    if (error && file->temporary)
        (void)unlink(file->temporary);
    file->file = -1;
    int status = error ? cannot(file->path, error, err) : 0;
    out_file_abandon(file);
    return status;
}
