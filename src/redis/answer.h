/* What an error reply means, and how it is told. */
#pragma once

#include "redis/batch.h"

/* Never REDIS_DONE; MOVED and ASK are REDIS_WRONG here. */
enum redis_status answer_status(const struct redis_reply *error);
/* Is this reply an error that begins with `allowed` (NULL: none is)? */
bool answer_is_allowed(const struct redis_reply *reply, const char *allowed);
bool answer_begins(const struct redis_reply *reply, const char *prefix);
/* "SERVER: COMMAND: what it answered"; without arguments that the server repeats, and without
 * the password, whatever the server says. */
void answer_tell(const char *origin, struct batch_slice command,
                 const struct redis_reply *error, const char *password, struct err *err);
