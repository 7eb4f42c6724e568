/* AUTH, SELECT, CLIENT SETNAME and INFO, in one round trip. Where INFO is not permitted, HELLO
 * (which everyone may say, since Redis 6) tells whether it is a cluster. */
#include "redis/greeting.h"

#include "redis/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GREETING_MAX = 4 };

bool greeting_info_field(const struct redis_reply *info, const char *field, char *ret_value,
                         size_t cap)
{
    if (info->kind != REDIS_TEXT)
        return false;
    size_t field_n = strlen(field);
    const char *at = info->text, *end = info->text + info->len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        const char *next = at + n + (stop ? 1 : 0);
        if (n && at[n - 1] == '\r')
            n--;
        if (n > field_n && at[field_n] == ':' && memcmp(at, field, field_n) == 0) {
            const char *value = at + field_n + 1;
            size_t value_n = n - field_n - 1;
            if (value_n == 0 || value_n >= cap)
                return false;
            for (size_t i = 0; i < value_n; i++)
                if (value[i] <= ' ' || value[i] > '~')
                    return false;
            memcpy(ret_value, value, value_n);
            ret_value[value_n] = '\0';
            return true;
        }
        at = next;
    }
    return false;
}

static void learn(struct connection *connection, const struct redis_reply *info)
{
    char run_id[CONNECTION_RUN_ID_CAP], mode[16];
    connection->is_cluster = (greeting_info_field(info, "redis_mode", mode, sizeof mode) ||
                              greeting_info_field(info, "server_mode", mode, sizeof mode)) &&
                             strcmp(mode, "cluster") == 0;
    if (greeting_info_field(info, "run_id", run_id, sizeof run_id))
        memcpy(connection->run_id, run_id, sizeof run_id);
    else /* any connection may be to a server that has started anew */
        (void)snprintf(connection->run_id, sizeof connection->run_id, "connection-%" PRIu64,
                       connection->connects);
}

/* The list of HELLO: "mode", "cluster", among other pairs. */
static bool hello_is_cluster(const struct redis_reply *hello)
{
    if (hello->kind != REDIS_LIST)
        return false;
    for (size_t i = 0; i + 1 < hello->len; i += 2) {
        const struct redis_reply *name = &hello->items[i], *value = &hello->items[i + 1];
        if (name->kind == REDIS_TEXT && strcmp(name->text, "mode") == 0)
            return value->kind == REDIS_TEXT && strcmp(value->text, "cluster") == 0;
    }
    return false;
}

static enum redis_status say_hello(struct connection *connection, struct err *err)
{
    struct redis_batch *batch = redis_batch_new();
    struct reply_memory *memory = reply_memory_new(1);
    enum redis_status status = REDIS_LOST;
    if (batch && memory)
        redis_batch_add(batch, "HELLO", NULL);
    if (!batch || !memory || batch->refused) {
        (void)err_set(err, connection->origin, 0, 0, "out of memory");
    } else {
        struct exchange exchange = {batch_command_bytes(batch, 0), memory->roots};
        status = connection_exchange(connection, &exchange, 1, memory, err);
        if (status == REDIS_DONE)
            connection->is_cluster = hello_is_cluster(memory->roots);
    }
    redis_batch_free(batch);
    reply_memory_free(memory);
    return status;
}

static void compose(struct redis_batch *batch, const struct redis_config *config)
{
    char db[16];
    if (config->password[0] && config->user[0])
        redis_batch_add(batch, "AUTH", config->user, config->password, NULL);
    else if (config->password[0])
        redis_batch_add(batch, "AUTH", config->password, NULL);
    if (config->db) {
        (void)snprintf(db, sizeof db, "%u", config->db);
        redis_batch_add(batch, "SELECT", db, NULL);
    }
    redis_batch_add(batch, "CLIENT", "SETNAME", "nightscope", NULL);
    redis_batch_add(batch, "INFO", "server", NULL);
}

/* The first error that matters. CLIENT SETNAME may be refused; so may INFO be, for want of
 * permission or because a proxy does not know it. */
static enum redis_status judge(const struct connection *connection,
                               const struct exchange *exchanges, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct redis_reply *reply = exchanges[i].reply;
        if (reply->kind != REDIS_ERROR)
            continue;
        enum redis_status status = answer_status(reply);
        bool optional =
            i + 2 >= n && (status == REDIS_WRONG || answer_begins(reply, "NOPERM "));
        if (optional)
            continue;
        answer_tell(connection->origin, batch_command_name(exchanges[i].command), reply,
                    connection->config->password, err);
        return status;
    }
    return REDIS_DONE;
}

enum redis_status greeting_run(struct connection *connection, struct err *err)
{
    struct redis_batch *batch = redis_batch_new();
    struct reply_memory *memory = reply_memory_new(GREETING_MAX);
    enum redis_status status = REDIS_LOST;
    if (!batch || !memory) {
        (void)err_set(err, connection->origin, 0, 0, "out of memory");
        goto out;
    }
    compose(batch, connection->config);
    if (batch->refused) {
        (void)err_set(err, connection->origin, 0, 0, "out of memory");
        goto out;
    }
    struct exchange exchanges[GREETING_MAX];
    size_t n = batch->count;
    const struct redis_reply *info = &memory->roots[n - 1];
    for (size_t i = 0; i < n; i++)
        exchanges[i] = (struct exchange){batch_command_bytes(batch, i), &memory->roots[i]};
    status = connection_exchange(connection, exchanges, n, memory, err);
    if (status == REDIS_WRONG)
        goto out;
    /* A server that has no room for one more client says so and hangs up. */
    enum redis_status answered = judge(connection, exchanges, n, err);
    if (answered != REDIS_DONE)
        status = answered;
    if (status == REDIS_DONE) {
        learn(connection, info);
        if (info->kind == REDIS_ERROR)
            status = say_hello(connection, err);
    }
out:
    if (batch && batch->bytes)
        explicit_bzero(batch->bytes, batch->cap); /* the password */
    redis_batch_free(batch);
    reply_memory_free(memory);
    return status;
}
