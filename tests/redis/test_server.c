/* Batches and transactions on a real Redis server. */
#include "harness.h"
#include "redis/server.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const plain[] = {"--save", "", "--appendonly", "no", NULL};
static struct server server;
static struct redis *redis;
static struct redis_batch *batch;
static struct redis_replies replies;
static struct err err;

static void setup(void)
{
    server_start(&server, false, plain);
    redis = server_client(&server, SERVER_WAIT_MS);
    batch = redis_batch_new();
    replies = (struct redis_replies){0};
}

static void teardown(void)
{
    redis_replies_free(&replies);
    redis_batch_free(batch);
    redis_free(redis);
    server_stop(&server);
}

static void assert_status(enum redis_status got, enum redis_status wanted)
{
    ck_assert_msg(got == wanted, "status %d, not %d: %s: %s", (int)got, (int)wanted, err.origin,
                  err.text);
}

START_TEST(replies_come_in_the_order_of_the_commands)
{
    redis_batch_add(batch, "SET", "a", "1", NULL);
    redis_batch_add(batch, "INCR", "a", NULL);
    redis_batch_add(batch, "GET", "nothing", NULL);
    redis_batch_command(batch, "RPUSH");
    redis_batch_arg(batch, "list");
    redis_batch_arg_bytes(batch, "x\0\r\ny", 5);
    redis_batch_arg_u64(batch, UINT64_MAX);
    redis_batch_arg(batch, "");
    redis_batch_add(batch, "LRANGE", "list", "0", "-1", NULL);
    assert_status(redis_run(redis, "a", batch, NULL, &replies, &err), REDIS_DONE);
    ck_assert_uint_eq(replies.n, 5);
    ck_assert_int_eq(replies.items[0].kind, REDIS_STATUS);
    ck_assert_str_eq(replies.items[0].text, "OK");
    ck_assert_int_eq(replies.items[1].kind, REDIS_NUMBER);
    ck_assert_int_eq(replies.items[1].number, 2);
    ck_assert_int_eq(replies.items[2].kind, REDIS_NIL);
    ck_assert_int_eq(replies.items[3].number, 3);
    ck_assert_int_eq(replies.items[4].kind, REDIS_LIST);
    ck_assert_uint_eq(replies.items[4].len, 3);
    ck_assert_uint_eq(replies.items[4].items[0].len, 5);
    ck_assert_mem_eq(replies.items[4].items[0].text, "x\0\r\ny", 6);
    ck_assert_str_eq(replies.items[4].items[1].text, "18446744073709551615");
    ck_assert_str_eq(replies.items[4].items[2].text, "");
}
END_TEST

START_TEST(an_error_is_told_without_the_arguments)
{
    redis_batch_add(batch, "SET", "a", "secret-argument", NULL);
    redis_batch_add(batch, "LPUSH", "a", "secret-argument", NULL);
    redis_batch_add(batch, "SET", "b", "1", NULL);
    assert_status(redis_run(redis, "a", batch, NULL, &replies, &err), REDIS_WRONG);
    ck_assert_str_eq(err.origin, server.url);
    ck_assert_str_eq(err.text, "LPUSH: WRONGTYPE Operation against a key holding the wrong "
                               "kind of value");
    ck_assert_uint_eq(replies.n, 0);
    ck_assert_str_eq(server_say(&server, "GET", "b", NULL), "1");

    redis_batch_clear(batch);
    redis_batch_add(batch, "NOSUCH", "secret-argument", NULL);
    assert_status(redis_run(redis, "", batch, NULL, NULL, &err), REDIS_WRONG);
    ck_assert_str_eq(err.text, "NOSUCH: ERR unknown command 'NOSUCH'");
}
END_TEST

START_TEST(an_allowed_error_stays_in_the_replies)
{
    redis_batch_add(batch, "XADD", "s", "60000-0", "packets", "1", NULL);
    redis_batch_add(batch, "XADD", "s", "60000-0", "packets", "1", NULL);
    static const char allowed[] = "ERR The ID specified in XADD is equal or smaller";
    assert_status(redis_run(redis, "s", batch, allowed, &replies, &err), REDIS_DONE);
    ck_assert_int_eq(replies.items[0].kind, REDIS_TEXT);
    ck_assert_int_eq(replies.items[1].kind, REDIS_ERROR);
    redis_replies_free(&replies);
    assert_status(redis_transaction(redis, "owner", NULL, batch, allowed, &replies, &err),
                  REDIS_DONE);
    ck_assert_uint_eq(replies.n, 2);
    ck_assert_int_eq(replies.items[1].kind, REDIS_ERROR);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err),
                  REDIS_WRONG);
    ck_assert_str_eq(server_say(&server, "XLEN", "s", NULL), "1");
}
END_TEST

START_TEST(a_transaction_needs_the_watched_value)
{
    redis_batch_add(batch, "SET", "x", "1", NULL);
    redis_batch_add(batch, "INCR", "n", NULL);
    assert_status(redis_transaction(redis, "owner", "me", batch, NULL, NULL, &err),
                  REDIS_ABORTED);
    ck_assert_str_eq(server_say(&server, "EXISTS", "x", "n", NULL), "0");
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err), REDIS_DONE);
    (void)server_say(&server, "SET", "owner", "me", NULL);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err),
                  REDIS_ABORTED);
    assert_status(redis_transaction(redis, "owner", "m", batch, NULL, NULL, &err),
                  REDIS_ABORTED);
    assert_status(redis_transaction(redis, "owner", "me", batch, NULL, &replies, &err),
                  REDIS_DONE);
    ck_assert_uint_eq(replies.n, 2);
    ck_assert_int_eq(replies.items[1].number, 2);
    /* Nothing stays watched, and a batch is still possible. */
    (void)server_say(&server, "SET", "owner", "you", NULL);
    assert_status(redis_run(redis, "x", batch, NULL, NULL, &err), REDIS_DONE);
    ck_assert_str_eq(server_say(&server, "GET", "n", NULL), "3");
}
END_TEST

START_TEST(a_refused_command_undoes_the_transaction)
{
    redis_batch_add(batch, "SET", "x", "1", NULL);
    redis_batch_add(batch, "SET", "x", NULL);
    redis_batch_add(batch, "SET", "y", "1", NULL);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err),
                  REDIS_WRONG);
    ck_assert_str_eq(err.text, "SET: ERR wrong number of arguments for 'set' command");
    ck_assert_str_eq(server_say(&server, "EXISTS", "x", "y", NULL), "0");
}
END_TEST

START_TEST(an_empty_batch_connects_and_is_done)
{
    assert_status(redis_run(redis, "", batch, NULL, &replies, &err), REDIS_DONE);
    ck_assert_uint_eq(replies.n, 0);
    ck_assert_uint_eq(strlen(redis_run_id(redis, "")), 40);
    redis_replies_free(&replies);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, &replies, &err),
                  REDIS_DONE);
    assert_status(redis_transaction(redis, "owner", "x", batch, NULL, NULL, &err),
                  REDIS_ABORTED);
}
END_TEST

START_TEST(a_restart_shows_in_the_run_id)
{
    ck_assert_str_eq(redis_run_id(redis, "a"), "");
    redis_batch_add(batch, "SET", "a", "1", NULL);
    assert_status(redis_run(redis, "a", batch, NULL, NULL, &err), REDIS_DONE);
    char before[64];
    (void)snprintf(before, sizeof before, "%s", redis_run_id(redis, "a"));
    ck_assert_uint_eq(strlen(before), 40);
    ck_assert(!redis_is_cluster(redis));
    server_kill(&server);
    assert_status(redis_run(redis, "a", batch, NULL, NULL, &err), REDIS_LOST);
    ck_assert_str_eq(redis_run_id(redis, "a"), before);
    server_restart(&server, plain);
    assert_status(redis_run(redis, "a", batch, NULL, NULL, &err), REDIS_DONE);
    ck_assert_uint_eq(strlen(redis_run_id(redis, "a")), 40);
    ck_assert_str_ne(redis_run_id(redis, "a"), before);
}
END_TEST

START_TEST(a_batch_of_50_mb_does_not_jam)
{
    static char value[1000];
    memset(value, 'v', sizeof value - 1);
    for (unsigned i = 0; i < 50000; i++) {
        redis_batch_command(batch, "ECHO"); /* as many bytes come back */
        redis_batch_arg(batch, value);
    }
    ck_assert_uint_gt(redis_batch_bytes(batch), 50000000);
    assert_status(redis_run(redis, "", batch, NULL, &replies, &err), REDIS_DONE);
    ck_assert_uint_eq(replies.n, 50000);
    for (size_t i = 0; i < replies.n; i++)
        ck_assert_uint_eq(replies.items[i].len, sizeof value - 1);
}
END_TEST

int main(void)
{
    if (!server_is_installed())
        return 77;
    Suite *suite = suite_create("server");
    TCase *tests = tcase_create("server");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, replies_come_in_the_order_of_the_commands);
    tcase_add_test(tests, an_error_is_told_without_the_arguments);
    tcase_add_test(tests, an_allowed_error_stays_in_the_replies);
    tcase_add_test(tests, a_transaction_needs_the_watched_value);
    tcase_add_test(tests, a_refused_command_undoes_the_transaction);
    tcase_add_test(tests, an_empty_batch_connects_and_is_done);
    tcase_add_test(tests, a_restart_shows_in_the_run_id);
    tcase_add_test(tests, a_batch_of_50_mb_does_not_jam);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
