/* Who may write a sensor's keys: the writer whose incarnation "owner" holds. A writer takes the
 * sensor from an earlier one, never from a later one; each of its transactions watches the key,
 * so that those of a writer that lost it fail. */
#include "publish/publish.h"

#include <string.h>

enum { ATTEMPTS = 5 }; /* other writers may be taking the sensor at the same time */

enum holder {
    HOLDER_NONE,
    HOLDER_SELF,
    HOLDER_EARLIER, /* or a text that no writer made */
    HOLDER_LATER,
    HOLDER_STRANGE, /* not a string, or one that cannot be watched by its value */
};

static enum holder holder_of(const struct redis_reply *owner, const char *self)
{
    if (owner->kind == REDIS_NIL)
        return HOLDER_NONE;
    if (owner->kind != REDIS_TEXT || strlen(owner->text) != owner->len)
        return HOLDER_STRANGE;
    int order = strcmp(owner->text, self);
    if (order == 0)
        return HOLDER_SELF;
    return order > 0 && keys_is_incarnation(owner->text) ? HOLDER_LATER : HOLDER_EARLIER;
}

/* REDIS_ABORTED: the key has changed since it was read. */
static enum redis_status take(struct publisher *publisher, enum holder holder,
                              const struct redis_reply *owner)
{
    struct redis_batch *batch = publisher->batch;
    const char *key = publisher->keys.owner;
    redis_batch_clear(batch);
    redis_batch_add(batch, "SET", key, publisher->publication->incarnation, NULL);
    if (holder == HOLDER_STRANGE)
        return redis_run(publisher->redis, key, batch, NULL, NULL, publisher->err);
    return redis_transaction(publisher->redis, key, holder == HOLDER_NONE ? NULL : owner->text,
                             batch, NULL, NULL, publisher->err);
}

/* Reads the key, and takes it where that may be. True: it was ours already. */
static bool attempt(struct publisher *publisher)
{
    struct redis_replies replies = {0};
    redis_batch_clear(publisher->batch);
    redis_batch_add(publisher->batch, "GET", publisher->keys.owner, NULL);
    publisher_run(publisher, "WRONGTYPE", &replies);
    if (publisher->status != REDIS_DONE)
        return false;
    const struct redis_reply *owner = &replies.items[0];
    enum holder holder = holder_of(owner, publisher->publication->incarnation);
    if (holder == HOLDER_LATER) {
        (void)err_set(publisher->err, publisher->keys.owner, 0, 0,
                      "sensor \"%s\" belongs to %s, which started later; delete the key if "
                      "that writer is gone for good",
                      publisher->publication->sensor, owner->text);
        publisher_fail(publisher, REDIS_ABORTED);
    } else if (holder != HOLDER_SELF) {
        enum redis_status status = take(publisher, holder, owner);
        if (status != REDIS_ABORTED)
            publisher_fail(publisher, status);
    }
    redis_replies_free(&replies);
    redis_batch_clear(publisher->batch);
    return holder == HOLDER_SELF;
}

void publish_owner(struct publisher *publisher)
{
    for (unsigned i = 0; i < ATTEMPTS && publisher->status == REDIS_DONE; i++)
        if (attempt(publisher))
            return;
    if (publisher->status == REDIS_DONE)
        (void)err_set(publisher->err, publisher->keys.owner, 0, 0,
                      "several writers take this sensor at the same time");
    publisher_fail(publisher, REDIS_ABORTED);
}

void publish_owner_lost(struct publisher *publisher)
{
    struct redis_replies replies = {0};
    struct redis_batch *batch = redis_batch_new();
    if (!batch) {
        (void)err_set(publisher->err, publisher->keys.owner, 0, 0, "out of memory");
        publisher->status = REDIS_BUSY;
        return;
    }
    redis_batch_add(batch, "GET", publisher->keys.owner, NULL);
    publisher->status = redis_run(publisher->redis, publisher->keys.owner, batch, "WRONGTYPE",
                                  &replies, publisher->err);
    redis_batch_free(batch);
    if (publisher->status != REDIS_DONE)
        return; /* who has it is not known: nobody gives a sensor up for that */
    enum holder holder = holder_of(&replies.items[0], publisher->publication->incarnation);
    redis_replies_free(&replies);
    publisher->status = holder == HOLDER_LATER ? REDIS_ABORTED : REDIS_BUSY;
    (void)err_set(publisher->err, publisher->keys.owner, 0, 0,
                  holder == HOLDER_LATER
                      ? "another writer has taken this sensor over"
                      : "somebody has changed or removed this sensor's keys");
}
