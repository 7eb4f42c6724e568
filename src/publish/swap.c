/* One transaction gives all staged keys their names, and removes those that readers know and
 * the publication lacks: a reader sees the state before or the one after. Old keys are unlinked
 * first, since RENAME frees what it replaces at once, however large. */
#include "publish/publish.h"

#include <assert.h>
#include <stdio.h>

static const char *staged_name(const struct publisher *publisher, const struct staged_key *key,
                               char buf[static KEY_CAP])
{
    int n = snprintf(buf, KEY_CAP, "%s%s", publisher->keys.stage,
                     key->name.text + publisher->keys.prefix_len);
    assert(n > 0 && n < KEY_CAP);
    return buf;
}

/* Dropped by the server, or swept away by a later writer. */
static void miss(struct publisher *publisher)
{
    if (publisher->status != REDIS_DONE)
        return;
    publish_owner_lost(publisher);
    if (publisher->status == REDIS_BUSY)
        (void)err_set(publisher->err, publisher->keys.stage, 0, 0,
                      "the server dropped a staged key: is it short of memory?");
}

/* The keys' hour begins anew, and all of them are there: RENAME of one that is not would fail
 * in the middle of the transaction, and Redis undoes nothing. Each has all of its items: one
 * that vanished between two of its commands began anew with the second. */
void swap_seal(struct publisher *publisher)
{
    char name[KEY_CAP];
    size_t n;
    for (size_t first = 0; first < publisher->staged_n; first += n) {
        const struct staged_key *keys = &publisher->staged[first];
        for (n = 0; n < PUBLISH_ITEMS && first + n < publisher->staged_n; n++) {
            (void)staged_name(publisher, &keys[n], name);
            redis_batch_command(publisher->batch, "EXPIRE");
            redis_batch_arg(publisher->batch, name);
            redis_batch_arg_u64(publisher->batch, PUBLISH_STAGED_S);
            redis_batch_add(publisher->batch, keys[n].count ? keys[n].count : "EXISTS", name,
                            NULL);
        }
        struct redis_replies replies = {0};
        publisher_run(publisher, NULL, &replies);
        for (size_t i = 0; 2 * i + 1 < replies.n; i++)
            if (replies.items[2 * i].number != 1 ||
                replies.items[2 * i + 1].number != (int64_t)(keys[i].count ? keys[i].items : 1))
                miss(publisher);
        redis_replies_free(&replies);
    }
}

/* One that vanished since: the state is neither the one before nor the one after, and another
 * attempt has to make it that. */
static void check_renamed(struct publisher *publisher, const struct redis_replies *replies)
{
    for (size_t i = 0; i < replies->n; i++)
        if (replies->items[i].kind == REDIS_ERROR)
            miss(publisher);
}

static void unlink_name(struct redis_batch *batch, const struct name *name, size_t i)
{
    if (i % PUBLISH_ITEMS == 0)
        redis_batch_command(batch, "UNLINK");
    redis_batch_arg_bytes(batch, name->text, name->len);
}

void swap_add(struct publisher *publisher, const struct names *gone)
{
    struct redis_batch *batch = publisher->batch;
    for (size_t i = 0; i < gone->n; i++)
        unlink_name(batch, &gone->items[i], i);
    for (size_t i = 0; i < publisher->staged_n; i++)
        unlink_name(batch, &publisher->staged[i].name, i);
    char name[KEY_CAP];
    for (size_t i = 0; i < publisher->staged_n; i++) {
        const struct staged_key *key = &publisher->staged[i];
        redis_batch_add(batch, "RENAME", staged_name(publisher, key, name), key->name.text,
                        NULL);
        redis_batch_command(batch, key->expire_s ? "EXPIRE" : "PERSIST");
        redis_batch_arg(batch, key->name.text);
        if (key->expire_s)
            redis_batch_arg_u64(batch, key->expire_s);
    }
}

void publish_swap(struct publisher *publisher)
{
    struct names gone = {0};
    sweep_list(publisher, &gone);
    swap_seal(publisher);
    swap_add(publisher, &gone);
    struct redis_replies replies = {0};
    publisher_transact(publisher, "ERR no such key", &replies);
    check_renamed(publisher, &replies);
    redis_replies_free(&replies);
    names_fini(&gone);
}
