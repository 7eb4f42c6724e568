/* The name of a new writer: milliseconds of its start, then something random. Names are in the
 * order of starts, by which a stale writer knows that it is one. A clock that was set back must
 * not make a new writer look stale: what owns the sensor already started before it. */
#include "publish/keys.h"

#include <nightscope/publication.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t LAST_MS = 9999999999999; /* of 13 digits */

static void name(int64_t start_ms, uint64_t random, char ret_name[static INCARNATION_CAP])
{
    start_ms = start_ms < 0 ? 0 : start_ms > LAST_MS ? LAST_MS : start_ms;
    (void)snprintf(ret_name, INCARNATION_CAP, "%013" PRId64 "-%016" PRIx64, start_ms, random);
}

/* Of an owner that is an incarnation; else -1. */
static int64_t start_of(const struct redis_reply *owner)
{
    if (owner->kind != REDIS_TEXT || strlen(owner->text) != owner->len ||
        !keys_is_incarnation(owner->text))
        return -1;
    return (int64_t)strtoll(owner->text, NULL, 10); /* 13 digits, then '-' */
}

enum redis_status redis_incarnation(struct redis *redis, const char *sensor, int64_t now_ms,
                                    uint64_t random, char ret_name[static INCARNATION_CAP],
                                    struct err *err)
{
    struct redis_batch *batch = redis_batch_new();
    struct redis_replies replies = {0};
    struct keys keys;
    enum redis_status status = REDIS_WRONG;
    name(now_ms, random, ret_name);
    if (!batch || !keys_is_sensor(sensor)) {
        (void)err_set(err, NULL, 0, 0, batch ? "not a sensor's name" : "out of memory");
        redis_batch_free(batch);
        return status;
    }
    keys_init(&keys, sensor, ret_name);
    redis_batch_add(batch, "GET", keys.owner, NULL);
    status = redis_run(redis, keys.owner, batch, "WRONGTYPE", &replies, err);
    if (status == REDIS_DONE) {
        int64_t owner_ms = start_of(&replies.items[0]);
        if (owner_ms >= now_ms && owner_ms < LAST_MS)
            name(owner_ms + 1, random, ret_name);
        redis_replies_free(&replies);
    }
    redis_batch_free(batch);
    return status;
}
