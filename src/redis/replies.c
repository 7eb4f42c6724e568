/* Reply trees: hiredis's parser calls back for each object; these callbacks build it in chunks
 * of memory, count, and refuse what is beyond the limits. */
#include "redis/replies.h"

#include <assert.h>
#include <hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16 << 10, ALIGN = 8 };

struct reply_chunk {
    struct reply_chunk *next;
    size_t used, cap;
    _Alignas(ALIGN) char bytes[];
};
static_assert(_Alignof(struct redis_reply) <= ALIGN, "replies fit the chunks");

struct reply_memory *reply_memory_new(size_t roots)
{
    struct reply_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->roots = calloc(roots + 1, sizeof *memory->roots);
    if (memory->roots)
        return memory;
    free(memory);
    return NULL;
}

void reply_memory_free(struct reply_memory *memory)
{
    if (!memory)
        return;
    for (struct reply_chunk *chunk = memory->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(memory->roots);
    free(memory);
}

void *reply_memory_alloc(struct reply_memory *memory, size_t n)
{
    if (n > REDIS_REPLIES_BYTES_MAX - memory->bytes) {
        memory->limit = "more bytes than are taken";
        return NULL;
    }
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    struct reply_chunk *chunk = memory->chunks;
    if (!chunk || n > chunk->cap - chunk->used) {
        size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + cap);
        if (!chunk)
            return NULL;
        chunk->cap = cap;
        if (n > CHUNK_BYTES / 2 && memory->chunks) { /* the one in use still has room */
            chunk->next = memory->chunks->next;
            memory->chunks->next = chunk;
        } else {
            chunk->next = memory->chunks;
            memory->chunks = chunk;
        }
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += n;
    memory->bytes += n < REDIS_REPLIES_BYTES_MAX - memory->bytes
                         ? n
                         : REDIS_REPLIES_BYTES_MAX - memory->bytes;
    return at;
}

/* Where the object of a task goes: into its list, or it is the reply itself. */
static struct redis_reply *place(const redisReadTask *task)
{
    struct reply_memory *memory = task->privdata;
    if (!task->parent)
        return memory->root;
    struct redis_reply *list = task->parent->obj;
    return &list->items[task->idx];
}

static void *create_text(const redisReadTask *task, char *bytes, size_t n)
{
    struct reply_memory *memory = task->privdata;
    struct redis_reply *reply = place(task);
    static const char *const usual[] = {"OK", "QUEUED"};
    reply->kind = task->type == REDIS_REPLY_STRING   ? REDIS_TEXT
                  : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                  : task->type == REDIS_REPLY_ERROR  ? REDIS_ERROR
                                                     : REDIS_TEXT;
    reply->len = n;
    for (size_t i = 0; i < 2; i++)
        if (n == strlen(usual[i]) && memcmp(bytes, usual[i], n) == 0) {
            reply->text = usual[i];
            return reply;
        }
    char *text = reply_memory_alloc(memory, n + 1);
    if (!text)
        return NULL;
    memcpy(text, bytes, n);
    reply->text = text;
    return reply;
}

#if HIREDIS_MAJOR >= 1
typedef size_t elements_t;
#else
typedef int elements_t;
#endif

static void *create_list(const redisReadTask *task, elements_t elements)
{
    struct reply_memory *memory = task->privdata;
    struct redis_reply *reply = place(task);
    size_t n = (size_t)elements, depth = 1;
    for (const redisReadTask *up = task->parent; up; up = up->parent)
        depth++;
    if (depth > REDIS_REPLY_DEPTH_MAX) {
        memory->limit = "lists nested deeper than is taken";
        return NULL;
    }
    /* a negative number of them becomes a large one */
    if (n > REDIS_REPLIES_ITEMS_MAX - memory->items) {
        memory->limit = "longer lists than are taken";
        return NULL;
    }
    if (n) {
        reply->items = reply_memory_alloc(memory, n * sizeof *reply->items);
        if (!reply->items)
            return NULL;
    }
    memory->items += n;
    reply->kind = REDIS_LIST;
    reply->len = n;
    return reply;
}

static void *create_number(const redisReadTask *task, long long number)
{
    struct redis_reply *reply = place(task);
    reply->kind = REDIS_NUMBER;
    reply->number = number;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct redis_reply *reply = place(task);
    reply->kind = REDIS_NIL;
    return reply;
}

static void free_object(void *object)
{
    (void)object; /* goes with its memory */
}

#if HIREDIS_MAJOR >= 1
/* Types of RESP3, which is never asked for. */
static void *create_double(const redisReadTask *task, double value, char *text, size_t n)
{
    (void)value;
    return create_text(task, text, n);
}

static void *create_bool(const redisReadTask *task, int value)
{
    return create_number(task, value);
}
#endif

static redisReplyObjectFunctions functions = {
    .createString = create_text,
    .createArray = create_list,
    .createInteger = create_number,
    .createNil = create_nil,
    .freeObject = free_object,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
};

void reply_reader_use(struct redisReader *reader, struct reply_memory *memory)
{
    reader->fn = &functions;
    reader->privdata = memory;
}

enum reply_state reply_reader_next(struct redisReader *reader, const char *origin,
                                   struct err *err)
{
    struct reply_memory *memory = reader->privdata;
    void *object = NULL;
    if (redisReaderGetReply(reader, &object) == REDIS_OK) {
        if (object)
            return REPLY_READY;
        /* What is not parsed yet is one string, or a line without end. */
        if (reader->len <= REDIS_REPLIES_BYTES_MAX)
            return REPLY_MORE;
        memory->limit = "more bytes than are taken";
    } else if (reader->err == REDIS_ERR_OOM && !memory->limit) {
        (void)err_set(err, origin, 0, 0, "out of memory for the reply");
        return REPLY_NO_MEMORY;
    }
    (void)err_set(err, origin, 0, 0, "not a reply of Redis: %s",
                  memory->limit ? memory->limit : reader->errstr);
    return REPLY_WRONG;
}
