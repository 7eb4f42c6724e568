/* The bytes of a file as its contents, whatever it is stored as: plain, gzip or zstd,
 * recognised by its first bytes. A stream of several gzip members or zstd frames is one stream;
 * what follows the last gzip member is padding and ignored, as gzip(1) does.
 *
 *     fd --> plain | gzip | zstd --> bytes_read() --> blocks
 *
 * Everything goes through one function, so that a reader that runs ahead in a thread of its own
 * can stand between a decompressor and its consumer. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum bytes_result {
    BYTES_OK,     /* at least one byte */
    BYTES_END,    /* the end, where it should be */
    BYTES_CUT,    /* the end of the file inside compressed data */
    BYTES_FAILED, /* cannot be read or decompressed: see why */
};

struct bytes;

struct bytes_ops {
    enum bytes_result (*read)(struct bytes *bytes, uint8_t *buf, size_t cap, size_t *ret_n);
    void (*free)(struct bytes *bytes);
};

struct bytes {
    const struct bytes_ops *ops;
    const char *name; /* "gzip", "zstd", or "" */
    char why[96];     /* after BYTES_FAILED */
};

/* The file as it is stored. Owned by whoever opened it; outlives the bytes made of it. */
struct bytes_input {
    int fd;
    uint8_t magic[4]; /* first bytes, read to recognise the format and given out again */
    unsigned magic_n, magic_used;
    int error;                /* errno of a failed read; 0: none */
    uint64_t stored;          /* bytes read */
    _Atomic uint64_t *shared; /* the same, added up over files for other threads; or NULL */
};

/* Reads the first bytes of fd. Errors show at the first bytes_read(). */
void bytes_input_init(struct bytes_input *input, int fd, _Atomic uint64_t *shared);

/* NULL: memory. */
struct bytes *bytes_new(struct bytes_input *input);
void bytes_free(struct bytes *bytes);

static inline enum bytes_result bytes_read(struct bytes *bytes, uint8_t *buf, size_t cap,
                                           size_t *ret_n)
{
    return bytes->ops->read(bytes, buf, cap, ret_n);
}
