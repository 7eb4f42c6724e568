/* Reading replies of Redis, of which nothing is believed: what is not as documented counts as
 * not there. */
#pragma once

#include <nightscope/redis.h>

/* A count: digits, or the number of a score. False: none. */
bool reply_number(const struct redis_reply *reply, uint64_t *ret_number);
/* The value of a field in a flat list of names and values; NULL: not there, or no text. */
const struct redis_reply *reply_field(const struct redis_reply *list, const char *name);
/* The same as a number; 0 when it is none. */
uint64_t reply_count(const struct redis_reply *list, const char *name);
/* The same as a text without NULs; "" when there is none. */
const char *reply_text(const struct redis_reply *list, const char *name);
/* Milliseconds of a stream's id, MS-N. False: no such id. */
bool reply_id_ms(const struct redis_reply *id, uint64_t *ret_ms);
/* A list whose items come in pairs; NULL for anything else. */
const struct redis_reply *reply_pairs(const struct redis_reply *reply);
