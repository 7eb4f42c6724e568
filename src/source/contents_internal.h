/* What the kinds of byte streams share: reading the stored file, and saying why not. */
#pragma once

#include "source/contents.h"

#include <sys/types.h>

enum { CONTENTS_INPUT_CAP = 128 * 1024 }; /* stored bytes a decompressor takes at a time */

/* read(2) that waits and retries: bytes read, 0 at the end, -1 with input->error. */
ssize_t contents_input_read(struct contents_input *input, uint8_t *buf, size_t cap);

/* Sets why and returns CONTENTS_FAILED. */
enum contents_result contents_fail(struct contents *contents, const char *why);
enum contents_result contents_fail_errno(struct contents *contents, int error);

struct contents *contents_new_gzip(struct contents_input *input);
struct contents *contents_new_zstd(struct contents_input *input);
