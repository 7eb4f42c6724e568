/* The contents of a file, whatever it is stored as: plain, gzip or zstd,
 * recognised by its first bytes. A stream of several gzip members or zstd frames is one stream;
 * what follows the last gzip member is padding and ignored, as gzip(1) does.
 *
 *     fd --> plain | gzip | zstd --> contents_read() --> blocks
 *
 * Everything goes through one function, so that a reader that runs ahead in a thread of its own
 * can stand between a decompressor and its consumer. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum contents_result {
    CONTENTS_OK,     /* at least one byte */
    CONTENTS_END,    /* the end, where it should be */
    CONTENTS_CUT,    /* the end of the file inside compressed data */
    CONTENTS_FAILED, /* cannot be read or decompressed: see why */
};

struct contents;

struct contents_ops {
    enum contents_result (*read)(struct contents *contents, uint8_t *buf, size_t cap,
                                 size_t *ret_n);
    void (*free)(struct contents *contents);
};

struct contents {
    const struct contents_ops *ops;
    const char *name; /* "gzip", "zstd", or "" */
    char why[96];     /* after CONTENTS_FAILED */
};

/* The file as it is stored. Owned by whoever opened it; outlives the contents made of it. */
struct contents_input {
    int fd;
    uint8_t magic[4]; /* first bytes, read to recognise the format and given out again */
    unsigned magic_n, magic_used;
    int error;                /* errno of a failed read; 0: none */
    uint64_t stored;          /* bytes read */
    _Atomic uint64_t *shared; /* the same, added up over files for other threads; or NULL */
};

/* Reads the first bytes of fd. Errors show at the first contents_read(). */
void contents_input_init(struct contents_input *input, int fd, _Atomic uint64_t *shared);

/* NULL: memory. */
struct contents *contents_new(struct contents_input *input);
void contents_free(struct contents *contents);

static inline enum contents_result contents_read(struct contents *contents, uint8_t *buf,
                                                 size_t cap, size_t *ret_n)
{
    return contents->ops->read(contents, buf, cap, ret_n);
}
