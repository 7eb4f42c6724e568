#include "app/checkpoint_file.h"

#include "app/message.h"
#include "app/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER_BYTES = 24 };

static const uint8_t MAGIC[8] = {'n', 's', 'c', 'h', 'e', 'c', 'k', 0};
static const char NAME[] = "checkpoint", BESIDE[] = "checkpoint.new";

/* Says it of the file, not of its folder. */
static int fail(const struct state_dir *dir, struct err *err, const char *what, const char *why)
{
    char path[ERR_ORIGIN_CAP];
    (void)snprintf(path, sizeof path, "%s/%s", dir->path, NAME);
    return err_set(err, path, 0, 0, "%s%s%s", what, why ? ": " : "", why ? why : "");
}

static bool drain(void *context, const uint8_t *bytes, size_t n)
{
    struct checkpoint_file *file = context;
    file->crc = (uint32_t)crc32_z(file->crc, bytes, n);
    file->length += n;
    if (write_all(file->fd, bytes, n))
        return true;
    file->why = errno;
    return false;
}

int checkpoint_file_begin(struct checkpoint_file *file, const struct state_dir *dir,
                          struct err *err)
{
    static const uint8_t header[HEADER_BYTES];
    *file = (struct checkpoint_file){.dir = dir, .out = {.drain = drain, .context = file}};
    (void)unlinkat(dir->fd, BESIDE, 0); /* of a run that was killed */
    file->fd = openat(dir->fd, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file->fd >= 0 && write_all(file->fd, header, sizeof header))
        return 0;
    (void)fail(dir, err, "cannot be written", strerror(errno));
    checkpoint_file_abandon(file);
    return -1;
}

static void close_file(struct checkpoint_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    free(file->out.bytes);
    file->out = (struct bytes_out){.failed = true};
}

void checkpoint_file_abandon(struct checkpoint_file *file)
{
    if (file->fd < 0)
        return;
    close_file(file);
    (void)unlinkat(file->dir->fd, BESIDE, 0); /* gives a full disk its room back */
}

static bool write_header(const struct checkpoint_file *file)
{
    struct bytes_out header = {0};
    bytes_put(&header, MAGIC, sizeof MAGIC);
    bytes_put_le(&header, CHECKPOINT_FILE_VERSION, 4);
    bytes_put_le(&header, file->length, 8);
    bytes_put_le(&header, file->crc, 4);
    bool written =
        !header.failed && pwrite(file->fd, header.bytes, header.n, 0) == (ssize_t)header.n;
    free(header.bytes);
    return written;
}

int checkpoint_file_commit(struct checkpoint_file *file, struct err *err)
{
    const struct state_dir *dir = file->dir;
    if (!bytes_drain(&file->out)) {
        (void)fail(dir, err, "cannot be written",
                   file->why ? strerror(file->why) : "out of memory");
        checkpoint_file_abandon(file);
        return -1;
    }
    bool written = write_header(file) && fsync(file->fd) == 0;
    if (written)
        written = renameat(dir->fd, BESIDE, dir->fd, NAME) == 0 && fsync(dir->fd) == 0;
    if (!written) {
        (void)fail(dir, err, "cannot be written", strerror(errno));
        checkpoint_file_abandon(file);
        return -1;
    }
    close_file(file);
    return 0;
}

/* Its bytes, as long as they are mapped. */
static int check(const struct state_dir *dir, struct checkpoint_content *content,
                 struct err *err)
{
    char text[96];
    struct bytes_in in = {content->map, (const uint8_t *)content->map + content->map_bytes,
                          false};
    const uint8_t *magic = bytes_take(&in, sizeof MAGIC);
    if (!magic || memcmp(magic, MAGIC, sizeof MAGIC) != 0)
        return fail(dir, err, "not a checkpoint of nightscope", NULL);
    uint64_t version = bytes_take_le(&in, 4), length = bytes_take_le(&in, 8);
    uint64_t crc = bytes_take_le(&in, 4);
    if (version != CHECKPOINT_FILE_VERSION) {
        (void)snprintf(text, sizeof text,
                       "of version %llu, and this program reads version %d; move it away to "
                       "begin anew",
                       (unsigned long long)version, CHECKPOINT_FILE_VERSION);
        return fail(dir, err, text, NULL);
    }
    if (in.failed || length != bytes_left(&in) || crc != crc32_z(0, in.at, length))
        return fail(dir, err, "damaged: its checksum is wrong; move it away to begin anew",
                    NULL);
    content->in = in;
    return 0;
}

int checkpoint_file_read(const struct state_dir *dir, struct checkpoint_content *ret_content,
                         struct err *err)
{
    struct stat meta;
    *ret_content = (struct checkpoint_content){0};
    int fd = openat(dir->fd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0)
        return fail(dir, err, "cannot be read", strerror(errno));
    struct checkpoint_content content = {0};
    int status = 0;
    if (fstat(fd, &meta) != 0 || !S_ISREG(meta.st_mode) || meta.st_size < HEADER_BYTES)
        status = fail(dir, err, "not a checkpoint of nightscope", NULL);
    if (status == 0) {
        content.map_bytes = (size_t)meta.st_size;
        content.map = mmap(NULL, content.map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (content.map == MAP_FAILED) {
            content.map = NULL;
            status = fail(dir, err, "cannot be read", strerror(errno));
        }
    }
    (void)close(fd); /* only read */
    if (status == 0)
        status = check(dir, &content, err);
    if (status == 0)
        *ret_content = content;
    else
        checkpoint_content_fini(&content);
    return status;
}

void checkpoint_content_fini(struct checkpoint_content *content)
{
    if (content->map)
        (void)munmap(content->map, content->map_bytes);
    *content = (struct checkpoint_content){0};
}

void checkpoint_file_warn(const struct state_dir *dir, const struct checkpoint_gone *gone)
{
    if (gone->names[0])
        message_warning(
            "%s: counts of signatures that are not there any more are dropped: %s%s", dir->path,
            gone->names, gone->more ? " and others" : "");
}
