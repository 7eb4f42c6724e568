/* The inside of a batch: arguments as they go on the wire, with room before each command for
 * the header that counts them.
 *
 *   ....*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n .....*2\r\n$3\r\nGET\r\n...
 *       ^start                              ^end       ^start
 */
#pragma once

#include <nightscope/redis.h>

struct batch_command {
    size_t start, body, end; /* offsets: header, first argument, what follows the last */
    uint32_t args;
};

struct redis_batch {
    char *bytes;
    size_t n, cap;
    struct batch_command *commands;
    size_t count, commands_cap;
    size_t wire; /* bytes without the gaps */
    bool refused;
};

/* One command as bytes to send. */
struct batch_slice {
    const char *bytes;
    size_t n;
};
#define BATCH_SLICE(literal)                                                                   \
    {                                                                                          \
        literal, sizeof(literal) - 1                                                           \
    }
struct batch_slice batch_command_bytes(const struct redis_batch *batch, size_t index);
/* The name of a command as it goes on the wire, for messages. */
struct batch_slice batch_command_name(struct batch_slice command);
