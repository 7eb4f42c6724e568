/* Through a proxy that cuts connections and loses replies, by a seed: a writer that repeats
 * each transaction until it is acknowledged ends with every value there, once. What it repeats
 * is absolute: SET, and XADD with an id. */
#include "harness.h"
#include "redis/server.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITES = 150 };

static const char *const plain[] = {"--save", "", "--appendonly", "no", NULL};
static struct server server, proxied;

/* Starts the proxy before the server; it ends with its standard input. */
static FILE *start_proxy(const char *seed)
{
    char command[512], path[96];
    (void)snprintf(path, sizeof path, "%s/proxy", server.dir);
    (void)snprintf(command, sizeof command,
                   "exec python3 '%s/tests/redis/proxy.py' --listen unix:%s --to %s --seed %s "
                   "--random 20:3000 --kinds cut-up,cut-down,drop-down >%s.log",
                   getenv("NIGHTSCOPE_SOURCE"), path, server.url, seed, path);
    FILE *proxy = popen(command, "we");
    ck_assert_ptr_nonnull(proxy);
    proxied = server;
    (void)snprintf(proxied.url, sizeof proxied.url, "unix:%s", path);
    for (int64_t start = clock_ms(); access(path, F_OK) != 0;)
        wait_a_moment(start, "the proxy listens");
    return proxy;
}

static unsigned write_all(struct redis *redis, struct redis_batch *batch)
{
    static const char allowed[] = "ERR The ID specified in XADD is equal or smaller";
    unsigned lost = 0;
    struct err err;
    for (unsigned i = 1; i <= WRITES; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%u-0", i);
        redis_batch_clear(batch);
        redis_batch_command(batch, "HSET");
        redis_batch_arg(batch, "h");
        redis_batch_arg_u64(batch, i);
        redis_batch_arg_u64(batch, i * i);
        redis_batch_add(batch, "XADD", "s", id, "n", "1", NULL);
        for (int64_t start = clock_ms();;) {
            enum redis_status status =
                redis_transaction(redis, "owner", "me", batch, allowed, NULL, &err);
            if (status == REDIS_DONE)
                break;
            ck_assert_msg(status == REDIS_LOST, "%d: %s", (int)status, err.text);
            lost++;
            wait_a_moment(start, err.text);
        }
    }
    return lost;
}

static void assert_all_is_there(void)
{
    struct redis *redis = server_client(&server, SERVER_WAIT_MS);
    struct redis_batch *batch = redis_batch_new();
    struct redis_replies replies = {0};
    struct err err;
    redis_batch_add(batch, "XRANGE", "s", "-", "+", NULL);
    redis_batch_add(batch, "HLEN", "h", NULL);
    redis_batch_command(batch, "HMGET");
    redis_batch_arg(batch, "h");
    for (unsigned i = 1; i <= WRITES; i++)
        redis_batch_arg_u64(batch, i);
    ck_assert_int_eq(redis_run(redis, "", batch, NULL, &replies, &err), REDIS_DONE);
    ck_assert_uint_eq(replies.items[0].len, WRITES);
    ck_assert_int_eq(replies.items[1].number, WRITES);
    for (unsigned i = 1; i <= WRITES; i++) {
        char id[16], value[16];
        (void)snprintf(id, sizeof id, "%u-0", i);
        (void)snprintf(value, sizeof value, "%u", i * i);
        ck_assert_str_eq(replies.items[0].items[i - 1].items[0].text, id);
        ck_assert_str_eq(replies.items[2].items[i - 1].text, value);
    }
    redis_replies_free(&replies);
    redis_batch_free(batch);
    redis_free(redis);
}

START_TEST(what_is_repeated_until_acknowledged_is_there_once)
{
    struct random random = random_seeded("faults");
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%llu",
                   (unsigned long long)random_below(&random, 1U << 30));
    server_start(&server, false, plain);
    FILE *proxy = start_proxy(seed);
    (void)server_say(&server, "SET", "owner", "me", NULL);
    struct redis *redis = server_client(&proxied, 2000);
    struct redis_batch *batch = redis_batch_new();
    unsigned lost = write_all(redis, batch);
    printf("%u transactions, lost on the way: %u\n", WRITES, lost);
    ck_assert_uint_gt(lost, 10);
    assert_all_is_there();
    redis_batch_free(batch);
    redis_free(redis);
    ck_assert_int_eq(pclose(proxy), 0);
    server_stop(&server);
}
END_TEST

int main(void)
{
    if (!server_is_installed())
        return 77;
    Suite *suite = suite_create("faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, what_is_repeated_until_acknowledged_is_there_once);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
