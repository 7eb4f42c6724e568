/* Commands in batches of bounded size, for keys under names that expire.
 *
 *   stage_key("top:tcp:1h")      UNLINK ns:{S}:stage:I:top:tcp:1h
 *   stage_member() x 256   -->   ZADD   ns:{S}:stage:I:top:tcp:1h 981 23 ...
 *                                EXPIRE ns:{S}:stage:I:top:tcp:1h 3600
 *   stage_member() ...           ZADD   ...
 *                                EXPIRE ns:{S}:stage:I:top:tcp:1h 3600
 *
 * UNLINK is for what an earlier attempt of the same writer left. EXPIRE comes after the first
 * command, so that a writer that dies leaves nothing for ever (but one key when it dies between
 * the two: the sensor's next run sweeps it away), and after the last one of the key and of a
 * batch: a later writer's sweep may have taken the half-made key in between. */
#include "publish/publish.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void remember(struct publisher *publisher)
{
    if (publisher->staged_n == publisher->staged_cap) {
        size_t cap = publisher->staged_cap ? 2 * publisher->staged_cap : 256;
        struct staged_key *grown = realloc(publisher->staged, cap * sizeof *grown);
        if (!grown) {
            publisher_refuse(publisher, "out of memory");
            return;
        }
        publisher->staged = grown;
        publisher->staged_cap = cap;
    }
    /* The final name: that of the sensor, without the staging part. */
    char final[KEY_CAP];
    int n = snprintf(final, sizeof final, "%s%s", publisher->keys.prefix,
                     publisher->key.name + strlen(publisher->keys.stage));
    struct name name = name_new(final, (size_t)n);
    if (!name.text) {
        publisher_refuse(publisher, "out of memory");
        return;
    }
    publisher->staged[publisher->staged_n++] =
        (struct staged_key){.name = name, .expire_s = publisher->key.expire_s};
}

/* Of what may take several commands. */
static const char *count_of(const char *command)
{
    return strcmp(command, "ZADD") == 0   ? "ZCARD"
           : strcmp(command, "XADD") == 0 ? "XLEN"
                                          : NULL;
}

/* After the last command that wrote the key. */
static void expire(struct publisher *publisher)
{
    if (!publisher->key.begun || publisher->key.expiring)
        return;
    redis_batch_command(publisher->batch, "EXPIRE");
    redis_batch_arg(publisher->batch, publisher->key.name);
    redis_batch_arg_u64(publisher->batch, PUBLISH_STAGED_S);
    publisher->key.expiring = true;
}

void stage_key(struct publisher *publisher, unsigned expire_s, const char *format, ...)
{
    expire(publisher);
    size_t start = strlen(publisher->keys.stage);
    memcpy(publisher->key.name, publisher->keys.stage, start);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(publisher->key.name + start, KEY_CAP - start, format, args);
    va_end(args);
    assert(n > 0 && (size_t)n < KEY_CAP - start);
    publisher->key.expire_s = expire_s;
    publisher->key.begun = publisher->key.expiring = false;
    publisher->key.open = 0;
    publisher->key.items = 0;
}

void stage_command(struct publisher *publisher, const char *name)
{
    if (!publisher->key.begun)
        redis_batch_add(publisher->batch, "UNLINK", publisher->key.name, NULL);
    redis_batch_command(publisher->batch, name);
    redis_batch_arg(publisher->batch, publisher->key.name);
    publisher->key.count = count_of(name);
    publisher->key.items +=
        publisher->key.open == 0; /* those of an open one are counted singly */
}

void stage_command_end(struct publisher *publisher)
{
    struct redis_batch *batch = publisher->batch;
    publisher->key.expiring = false;
    if (!publisher->key.begun) {
        publisher->key.begun = true;
        expire(publisher);
        remember(publisher);
    }
    /* Without memory the last is another key, and nothing is sent any more. */
    if (publisher->staged_n) {
        struct staged_key *key = &publisher->staged[publisher->staged_n - 1];
        key->count = publisher->key.count;
        key->items = publisher->key.items;
    }
    if (redis_batch_bytes(batch) >= PUBLISH_BYTES ||
        redis_batch_count(batch) >= PUBLISH_COMMANDS)
        stage_send(publisher);
}

void stage_send(struct publisher *publisher)
{
    expire(publisher);
    publisher_run(publisher, NULL, NULL);
}

void stage_set(struct publisher *publisher, const void *bytes, size_t n)
{
    stage_command(publisher, "SET");
    redis_batch_arg_bytes(publisher->batch, bytes, n);
    stage_command_end(publisher);
}

static void item(struct publisher *publisher, const char *command)
{
    if (publisher->key.open == PUBLISH_ITEMS)
        stage_items_end(publisher);
    if (publisher->key.open++ == 0)
        stage_command(publisher, command);
    publisher->key.items++;
}

void stage_member(struct publisher *publisher, const char *member, uint64_t score)
{
    item(publisher, "ZADD");
    redis_batch_arg_u64(publisher->batch, score);
    redis_batch_arg(publisher->batch, member);
}

void stage_field(struct publisher *publisher, const char *field, const char *value)
{
    item(publisher, "HSET");
    redis_batch_arg(publisher->batch, field);
    redis_batch_arg(publisher->batch, value);
}

void stage_field_u64(struct publisher *publisher, const char *field, uint64_t value)
{
    item(publisher, "HSET");
    redis_batch_arg(publisher->batch, field);
    redis_batch_arg_u64(publisher->batch, value);
}

void stage_items_end(struct publisher *publisher)
{
    if (publisher->key.open)
        stage_command_end(publisher);
    publisher->key.open = 0;
}
