#include "app/spool_file.h"

#include "app/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER_BYTES = 24, PATH_CAP = 4096 };

static const uint8_t MAGIC[8] = {'n', 's', 's', 'p', 'o', 'o', 'l', 0};

static void put_le(uint8_t *at, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_le(const uint8_t *at, unsigned n)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < n; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static void fill_header(uint8_t header[static HEADER_BYTES], const uint8_t *bytes, size_t n)
{
    memcpy(header, MAGIC, sizeof MAGIC);
    put_le(header + 8, SPOOL_VERSION, 4);
    put_le(header + 12, n, 8);
    put_le(header + 20, n ? crc32_z(0, bytes, n) : 0, 4);
}

/* A name is only sure to be on disk when its folder is. */
static bool sync_folder(const char *path)
{
    char folder[PATH_CAP];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof folder)
        return false;
    memcpy(folder, path, n);
    folder[n] = '\0';
    int fd = open(slash ? (n ? folder : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    (void)close(fd); /* only read */
    return synced;
}

int spool_write(const char *path, const struct bytes_out *content, struct err *err)
{
    char beside[PATH_CAP];
    uint8_t header[HEADER_BYTES];
    if (content->failed)
        return err_set(err, path, 0, 0, "out of memory, or more than %d MiB",
                       SPOOL_BYTES_MAX >> 20);
    int n = snprintf(beside, sizeof beside, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof beside)
        return err_set(err, path, 0, 0, "the path is too long");
    fill_header(header, content->bytes, content->n);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, beside, 0, 0, "%s", strerror(errno));
    bool written = write_all(fd, header, sizeof header) &&
                   write_all(fd, content->bytes, content->n) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && written) {
        written = false;
        why = errno;
    }
    if (written && (rename(beside, path) != 0 || !sync_folder(path))) {
        written = false;
        why = errno;
    }
    if (written)
        return 0;
    (void)unlink(beside); /* gives a full disk its room back */
    return err_set(err, path, 0, 0, "cannot be written: %s", strerror(why));
}

/* The whole file into *ret_bytes. */
static int read_all(int fd, const char *path, uint8_t **ret_bytes, size_t *ret_n,
                    struct err *err)
{
    struct stat meta;
    if (fstat(fd, &meta) != 0 || !S_ISREG(meta.st_mode))
        return err_set(err, path, 0, 0, "not a file");
    if (meta.st_size < HEADER_BYTES || meta.st_size > SPOOL_BYTES_MAX + HEADER_BYTES)
        return err_set(err, path, 0, 0, "not a spool: its size is %lld bytes",
                       (long long)meta.st_size);
    size_t size = (size_t)meta.st_size, n = 0;
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return err_set(err, path, 0, 0, "out of memory");
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (n < size) {
        free(bytes);
        return err_set(err, path, 0, 0, "cannot be read: %s", strerror(errno));
    }
    *ret_bytes = bytes;
    *ret_n = size;
    return 0;
}

int spool_read(const char *path, uint8_t **ret_bytes, size_t *ret_n, struct err *err)
{
    uint8_t *bytes = NULL, header[HEADER_BYTES];
    size_t n = HEADER_BYTES;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0)
        return err_set(err, path, 0, 0, "%s", strerror(errno));
    int status = read_all(fd, path, &bytes, &n, err);
    (void)close(fd); /* only read */
    if (status != 0)
        return status;
    if (memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        status = err_set(err, path, 0, 0, "not a spool of nightscope");
    else if (get_le(bytes + 8, 4) != SPOOL_VERSION)
        status = err_set(err, path, 0, 0, "a spool of version %llu; this is %d",
                         (unsigned long long)get_le(bytes + 8, 4), SPOOL_VERSION);
    fill_header(header, bytes + HEADER_BYTES, n - HEADER_BYTES);
    if (status == 0 && memcmp(header, bytes, sizeof header) != 0)
        status = err_set(err, path, 0, 0, "damaged: its checksum is wrong");
    if (status != 0) {
        free(bytes);
        return status;
    }
    memmove(bytes, bytes + HEADER_BYTES, n - HEADER_BYTES);
    *ret_bytes = bytes;
    *ret_n = n - HEADER_BYTES;
    return 0;
}
