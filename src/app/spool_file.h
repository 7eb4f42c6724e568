/* A file that is there whole or not at all: written beside, synced, then renamed; with a header
 * and a checksum. What is in it is for who reads it to check: it is hostile input all the same.
 *
 *   "nsspool" 0 | version:4 | length:8 | crc32 of the content:4 | content */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPOOL_BYTES_MAX = 1 << 30, SPOOL_VERSION = 1 };

/* Numbers are LEB128, so that small ones are short. */
struct spool_out {
    uint8_t *bytes;
    size_t n, cap;
    bool failed; /* memory, or too long; everything after is ignored */
};
void spool_put(struct spool_out *out, const void *bytes, size_t n);
void spool_put_u64(struct spool_out *out, uint64_t number);

struct spool_in {
    const uint8_t *at, *end;
    bool failed; /* too short; zeros come from then on */
};
/* NULL when there are fewer. Borrowed. */
const uint8_t *spool_take(struct spool_in *in, uint64_t n);
uint64_t spool_take_u64(struct spool_in *in);

/* -1 with *err: the file is as it was before. */
int spool_write(const char *path, const struct spool_out *content, struct err *err);
/* 0, with *ret_bytes to be freed; 1: there is no such file; -1 with *err. */
int spool_read(const char *path, uint8_t **ret_bytes, size_t *ret_n, struct err *err);
