/* Building commands (RESP2 requests: a list of byte strings). */
#include "redis/batch.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 13, /* "*4294967295\r\n" */
    NUMBER_MAX = 24, /* "$18446744073709551615\r\n", or that many digits */
};

struct redis_batch *redis_batch_new(void)
{
    return calloc(1, sizeof(struct redis_batch));
}

void redis_batch_free(struct redis_batch *batch)
{
    if (!batch)
        return;
    free(batch->bytes);
    free(batch->commands);
    free(batch);
}

void redis_batch_clear(struct redis_batch *batch)
{
    batch->n = batch->count = batch->wire = 0;
    batch->refused = false;
}

/* Room for `more` bytes; false marks the batch. */
static bool reserve(struct redis_batch *batch, size_t more)
{
    if (batch->refused)
        return false;
    if (more > REDIS_BATCH_BYTES_MAX - batch->n) {
        batch->refused = true;
        return false;
    }
    if (batch->n + more <= batch->cap)
        return true;
    size_t cap = batch->cap ? batch->cap : 4096;
    while (cap < batch->n + more)
        cap *= 2;
    char *grown = realloc(batch->bytes, cap);
    if (!grown) {
        batch->refused = true;
        return false;
    }
    batch->bytes = grown;
    batch->cap = cap;
    return true;
}

/* Writes the header against the first argument. */
static void count_args(struct redis_batch *batch, struct batch_command *command)
{
    char *at = batch->bytes + command->body, *end = at;
    uint32_t args = command->args;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = (char)('0' + args % 10);
        args /= 10;
    } while (args);
    *--at = '*';
    command->start = command->body - (size_t)(end - at);
}

void redis_batch_arg_bytes(struct redis_batch *batch, const void *bytes, size_t n)
{
    if (batch->refused)
        return;
    assert(batch->count > 0);
    if (n > REDIS_BATCH_BYTES_MAX || !reserve(batch, NUMBER_MAX + n + 2)) {
        batch->refused = true;
        return;
    }
    struct batch_command *command = &batch->commands[batch->count - 1];
    batch->wire -= command->end - command->start;
    int header = snprintf(batch->bytes + batch->n, NUMBER_MAX, "$%zu\r\n", n);
    batch->n += (size_t)header;
    if (n)
        memcpy(batch->bytes + batch->n, bytes, n);
    batch->n += n;
    memcpy(batch->bytes + batch->n, "\r\n", 2);
    batch->n += 2;
    command->args++;
    command->end = batch->n;
    count_args(batch, command);
    batch->wire += command->end - command->start;
}

void redis_batch_arg(struct redis_batch *batch, const char *text)
{
    redis_batch_arg_bytes(batch, text, strlen(text));
}

void redis_batch_arg_u64(struct redis_batch *batch, uint64_t number)
{
    char digits[NUMBER_MAX], *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    redis_batch_arg_bytes(batch, at, (size_t)(digits + sizeof digits - at));
}

void redis_batch_command(struct redis_batch *batch, const char *name)
{
    if (!reserve(batch, HEADER_MAX))
        return;
    if (batch->count == batch->commands_cap) {
        size_t cap = batch->commands_cap ? 2 * batch->commands_cap : 64;
        struct batch_command *grown = realloc(batch->commands, cap * sizeof *grown);
        if (!grown) {
            batch->refused = true;
            return;
        }
        batch->commands = grown;
        batch->commands_cap = cap;
    }
    batch->n += HEADER_MAX;
    batch->commands[batch->count++] =
        (struct batch_command){.start = batch->n, .body = batch->n, .end = batch->n};
    redis_batch_arg(batch, name);
}

void redis_batch_add(struct redis_batch *batch, const char *name, ...)
{
    redis_batch_command(batch, name);
    va_list args;
    va_start(args, name);
    for (const char *arg; (arg = va_arg(args, const char *));)
        redis_batch_arg(batch, arg);
    va_end(args);
}

size_t redis_batch_count(const struct redis_batch *batch)
{
    return batch->count;
}

size_t redis_batch_bytes(const struct redis_batch *batch)
{
    return batch->wire;
}

struct batch_slice batch_command_bytes(const struct redis_batch *batch, size_t index)
{
    const struct batch_command *command = &batch->commands[index];
    return (struct batch_slice){batch->bytes + command->start, command->end - command->start};
}

struct batch_slice batch_command_name(struct batch_slice command)
{
    const char *end = command.bytes + command.n;
    const char *at = memchr(command.bytes, '$', command.n); /* of "*2\r\n$3\r\nGET\r\n" */
    at = at ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    const char *stop = at ? memchr(at, '\r', (size_t)(end - at)) : NULL;
    assert(stop);
    return (struct batch_slice){at + 1, (size_t)(stop - at - 1)};
}
