/* A file that is there whole or not at all: written beside, synced, then renamed; with a header
 * and a checksum. What is in it is for who reads it to check: it is hostile input all the same.
 *
 *   "nsspool" 0 | version:4 | length:8 | crc32 of the content:4 | content */
#pragma once

#include "base/bytes.h"

#include <nightscope/error.h>

enum { SPOOL_BYTES_MAX = 1 << 30, SPOOL_VERSION = 1 };

/* -1 with *err: the file is as it was before. */
int spool_write(const char *path, const struct bytes_out *content, struct err *err);
/* 0, with *ret_bytes to be freed; 1: there is no such file; -1 with *err. */
int spool_read(const char *path, uint8_t **ret_bytes, size_t *ret_n, struct err *err);
