/* Replies of Redis from any bytes, in parts of any size: what a parse must keep to, and what is
 * made of replies (errors, INFO, redirections, slots of a cluster). The first byte is the size
 * of the parts. */
#include "redis/answer.h"
#include "redis/cluster_map.h"
#include "redis/greeting.h"
#include "redis/replies.h"

#include <hiredis.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

/* Walks all of a tree. Returns its items. */
static size_t walk(const struct redis_reply *reply, unsigned depth)
{
    size_t items = 0;
    expect(depth <= REDIS_REPLY_DEPTH_MAX);
    switch (reply->kind) {
    case REDIS_NIL:
    case REDIS_NUMBER:
        break;
    case REDIS_TEXT:
    case REDIS_STATUS:
    case REDIS_ERROR:
        expect(reply->text[reply->len] == '\0');
        expect(memchr(reply->text, '\0', reply->len + 1) != NULL);
        break;
    case REDIS_LIST:
        for (size_t i = 0; i < reply->len; i++)
            items += 1 + walk(&reply->items[i], depth + 1);
        break;
    }
    return items;
}

static void use(const struct redis_reply *reply, struct cluster_map *map)
{
    static const struct batch_slice name = BATCH_SLICE("GET");
    struct cluster_redirect redirect;
    struct err err;
    char value[64];
    if (reply->kind == REDIS_ERROR) {
        expect(answer_status(reply) != REDIS_DONE);
        answer_tell("server", name, reply, "pw", &err);
        expect(strstr(err.text, "pw") == NULL);
        if (cluster_redirect_read(reply, "host", &redirect))
            expect(redirect.slot < SLOT_COUNT && redirect.to.port && redirect.to.host[0]);
    }
    if (greeting_info_field(reply, "run_id", value, sizeof value))
        expect(value[0] && strlen(value) < sizeof value);
    if (cluster_map_read(reply, "host", map))
        for (size_t slot = 0; slot < SLOT_COUNT; slot++)
            expect(map->slots[slot] == CLUSTER_NO_NODE || map->slots[slot] < map->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cluster_map map;
    if (size == 0)
        return 0;
    size_t part = data[0] ? data[0] : size;
    struct reply_memory *memory = reply_memory_new(1);
    redisReader *reader = redisReaderCreate();
    struct err err;
    enum reply_state state = REPLY_MORE;
    expect(memory && reader);
    reply_reader_use(reader, memory);
    memory->root = memory->roots;
    for (size_t at = 1; at < size && state != REPLY_WRONG; at += part) {
        size_t n = part < size - at ? part : size - at;
        if (redisReaderFeed(reader, (const char *)data + at, n) != REDIS_OK)
            break;
        while ((state = reply_reader_next(reader, "server", &err)) == REPLY_READY) {
            expect(walk(memory->roots, 0) <= memory->items);
            use(memory->roots, &map);
            memset(memory->roots, 0, sizeof memory->roots[0]);
        }
        expect(state != REPLY_NO_MEMORY);
        expect(memory->bytes <= REDIS_REPLIES_BYTES_MAX);
        expect(memory->items <= REDIS_REPLIES_ITEMS_MAX);
    }
    redisReaderFree(reader);
    reply_memory_free(memory);
    return 0;
}
