/* What the kinds of byte streams share: reading the stored file, and saying why not. */
#pragma once

#include "source/bytes.h"

#include <sys/types.h>

enum { BYTES_INPUT_CAP = 128 * 1024 }; /* stored bytes a decompressor takes at a time */

/* read(2) that waits and retries: bytes read, 0 at the end, -1 with input->error. */
ssize_t bytes_input_read(struct bytes_input *input, uint8_t *buf, size_t cap);

/* Sets why and returns BYTES_FAILED. */
enum bytes_result bytes_fail(struct bytes *bytes, const char *why);
enum bytes_result bytes_fail_errno(struct bytes *bytes, int error);

struct bytes *bytes_new_gzip(struct bytes_input *input);
struct bytes *bytes_new_zstd(struct bytes_input *input);
