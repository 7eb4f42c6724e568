/* Recognising what a file is stored as, and plain files. */
#include "source/contents.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/contents_internal.h"

struct plain {
    struct contents contents;
    struct contents_input *input;
};

static ssize_t read_fd(struct contents_input *input, uint8_t *buf, size_t cap)
{
    for (;;) {
        ssize_t n = read(input->fd, buf, cap);
        if (n >= 0) {
            input->stored += (uint64_t)n;
            if (input->shared)
                atomic_fetch_add_explicit(input->shared, (uint64_t)n, memory_order_relaxed);
            return n;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            /* Standard input may have been set non-blocking by someone who shares it. */
            struct pollfd wait = {.fd = input->fd, .events = POLLIN};
            (void)poll(&wait, 1, -1); /* an error shows in the next read */
        } else if (errno != EINTR) {
            input->error = errno;
            return -1;
        }
    }
}

void contents_input_init(struct contents_input *input, int fd, _Atomic uint64_t *shared)
{
    *input = (struct contents_input){.fd = fd, .shared = shared};
    while (input->magic_n < sizeof input->magic) {
        ssize_t n =
            read_fd(input, input->magic + input->magic_n, sizeof input->magic - input->magic_n);
        if (n <= 0)
            return;
        input->magic_n += (unsigned)n;
    }
}

ssize_t contents_input_read(struct contents_input *input, uint8_t *buf, size_t cap)
{
    size_t n = input->magic_n - input->magic_used;
    if (n) {
        n = n < cap ? n : cap;
        memcpy(buf, input->magic + input->magic_used, n);
        input->magic_used += (unsigned)n;
        return (ssize_t)n;
    }
    return input->error ? -1 : read_fd(input, buf, cap);
}

enum contents_result contents_fail(struct contents *contents, const char *why)
{
    (void)snprintf(contents->why, sizeof contents->why, "%s", why);
    return CONTENTS_FAILED;
}

enum contents_result contents_fail_errno(struct contents *contents, int error)
{
    char text[sizeof contents->why];
    return contents_fail(contents, strerror_r(error, text, sizeof text));
}

static enum contents_result plain_read(struct contents *contents, uint8_t *buf, size_t cap,
                                       size_t *ret_n)
{
    struct plain *plain = (struct plain *)contents;
    ssize_t n = contents_input_read(plain->input, buf, cap);
    if (n < 0)
        return contents_fail_errno(contents, plain->input->error);
    *ret_n = (size_t)n;
    return n ? CONTENTS_OK : CONTENTS_END;
}

static void plain_free(struct contents *contents)
{
    free(contents);
}

static const struct contents_ops plain_ops = {plain_read, plain_free};

static struct contents *new_plain(struct contents_input *input)
{
    struct plain *plain = calloc(1, sizeof *plain);
    if (!plain)
        return NULL;
    plain->contents = (struct contents){.ops = &plain_ops, .name = ""};
    plain->input = input;
    return &plain->contents;
}

/* RFC 1952, section 2.3.1 */
static bool is_gzip(const struct contents_input *input)
{
    return input->magic_n >= 2 && input->magic[0] == 0x1f && input->magic[1] == 0x8b;
}

/* RFC 8878, sections 3.1.1 and 3.1.2: a frame, or a skippable frame of any of 16 kinds. */
static bool is_zstd(const struct contents_input *input)
{
    static const uint8_t frame[4] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[3] = {0x2a, 0x4d, 0x18};
    const uint8_t *magic = input->magic;
    return input->magic_n == 4 &&
           (memcmp(magic, frame, 4) == 0 ||
            ((magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, skippable, 3) == 0));
}

struct contents *contents_new(struct contents_input *input)
{
    if (is_gzip(input))
        return contents_new_gzip(input);
    return is_zstd(input) ? contents_new_zstd(input) : new_plain(input);
}

void contents_free(struct contents *contents)
{
    if (contents)
        contents->ops->free(contents);
}
