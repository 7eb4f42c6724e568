/* Every way in which a real server says no, or goes away; and that passwords stay out of it. */
#include "harness.h"
#include "redis/server.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static const char *const plain[] = {"--save", "", "--appendonly", "no", NULL};
static struct server server;
static struct redis *redis;
static struct redis_batch *batch;
static struct err err;

static void setup(void)
{
    server_start(&server, false, plain);
    redis = server_client(&server, SERVER_WAIT_MS);
    batch = redis_batch_new();
    redis_batch_add(batch, "SET", "a", "1", NULL);
}

static void teardown(void)
{
    redis_batch_free(batch);
    redis_free(redis);
    server_stop(&server);
}

static void assert_status(enum redis_status got, enum redis_status wanted)
{
    ck_assert_msg(got == wanted, "status %d, not %d: %s: %s", (int)got, (int)wanted, err.origin,
                  err.text);
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_null(strstr(err.origin, "hunter2"));
}

static void assert_says(const char *begin)
{
    ck_assert_msg(strncmp(err.text, begin, strlen(begin)) == 0, "\"%s\" is not \"%s...\"",
                  err.text, begin);
}

/* As a batch and as a transaction. */
static void assert_both(enum redis_status wanted, const char *says)
{
    assert_status(redis_run(redis, "a", batch, NULL, NULL, &err), wanted);
    assert_says(says);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err), wanted);
    assert_says(says);
}

static void assert_works(void)
{
    assert_status(redis_run(redis, "a", batch, NULL, NULL, &err), REDIS_DONE);
    assert_status(redis_transaction(redis, "owner", NULL, batch, NULL, NULL, &err), REDIS_DONE);
}

static struct redis *client_as(const char *user, const char *password, unsigned db)
{
    struct redis_config config;
    ck_assert_int_eq(redis_url_parse(server.url, &config, &err), 0);
    if (password)
        ck_assert_int_eq(redis_credentials(&config, NULL, user, password, &err), 0);
    config.db = db;
    return redis_new(&config);
}

START_TEST(full_memory_is_busy)
{
    (void)server_say(&server, "CONFIG", "SET", "maxmemory", "1", NULL);
    assert_both(REDIS_BUSY, "SET: OOM command not allowed");
    ck_assert_str_eq(server_say(&server, "EXISTS", "a", NULL), "0");
    (void)server_say(&server, "CONFIG", "SET", "maxmemory", "0", NULL);
    assert_works();
}
END_TEST

START_TEST(a_replica_is_busy)
{
    (void)server_say(&server, "REPLICAOF", "127.0.0.1", "1", NULL);
    assert_both(REDIS_BUSY, "SET: READONLY");
    (void)server_say(&server, "CONFIG", "SET", "replica-serve-stale-data", "no", NULL);
    struct redis_batch *get = redis_batch_new();
    redis_batch_add(get, "GET", "a", NULL);
    assert_status(redis_run(redis, "a", get, NULL, NULL, &err), REDIS_BUSY);
    assert_says("GET: MASTERDOWN");
    redis_batch_free(get);
    (void)server_say(&server, "REPLICAOF", "NO", "ONE", NULL);
    assert_works();
}
END_TEST

START_TEST(a_failed_snapshot_is_busy)
{
    char file[96];
    (void)snprintf(file, sizeof file, "%s/dump.rdb", server.dir);
    ck_assert_int_eq(mkdir(file, 0700), 0); /* where the snapshot should go */
    (void)server_say(&server, "CONFIG", "SET", "save", "3600 1", NULL);
    (void)server_say(&server, "SET", "x", "1", NULL);
    (void)server_say(&server, "BGSAVE", NULL);
    for (int64_t start = clock_ms(); !strstr(server_say(&server, "INFO", "persistence", NULL),
                                             "rdb_last_bgsave_status:err");)
        wait_a_moment(start, "the snapshot fails");
    assert_both(REDIS_BUSY, "SET: MISCONF");
    (void)server_say(&server, "CONFIG", "SET", "save", "", NULL);
    assert_works();
}
END_TEST

START_TEST(too_few_replicas_are_busy)
{
    (void)server_say(&server, "CONFIG", "SET", "min-replicas-to-write", "1", NULL);
    assert_both(REDIS_BUSY, "SET: NOREPLICAS");
    (void)server_say(&server, "CONFIG", "SET", "min-replicas-to-write", "0", NULL);
    assert_works();
}
END_TEST

START_TEST(a_server_that_loads_is_busy)
{
    static char value[512];
    memset(value, 'v', sizeof value - 1);
    redis_batch_clear(batch);
    for (unsigned i = 0; i < 400; i++) { /* 20 seconds of loading, which are not waited for */
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", i);
        redis_batch_add(batch, "SET", key, value, NULL);
    }
    assert_works();
    ck_assert_str_eq(server_say(&server, "SAVE", NULL), "OK");
    server_kill(&server);
    static const char *const slow[] = {"--save",
                                       "",
                                       "--appendonly",
                                       "no",
                                       "--rdbcompression",
                                       "no",
                                       "--key-load-delay",
                                       "50000",
                                       "--loading-process-events-interval-bytes",
                                       "1024",
                                       NULL};
    server_spawn(&server, slow);
    redis_batch_clear(batch);
    redis_batch_add(batch, "SET", "a", "1", NULL);
    enum redis_status status = REDIS_LOST; /* it does not listen yet */
    for (int64_t start = clock_ms(); status == REDIS_LOST;) {
        wait_a_moment(start, "the server loads");
        status = redis_run(redis, "a", batch, NULL, NULL, &err);
    }
    assert_status(status, REDIS_BUSY);
    assert_says("SET: LOADING");
}
END_TEST

START_TEST(wrong_credentials_are_denied)
{
    (void)server_say(&server, "ACL", "SETUSER", "alice", "on", ">hunter2", "~*", "+@all", NULL);
    struct redis *alice = client_as("alice", "hunter2", 0);
    assert_status(redis_run(alice, "a", batch, NULL, NULL, &err), REDIS_DONE);
    redis_free(alice);
    static const struct {
        const char *user, *password;
    } wrong[] = {{"alice", "hunter22"}, {"bob", "hunter2"}};
    for (size_t i = 0; i < 2; i++) {
        struct redis *other = client_as(wrong[i].user, wrong[i].password, 0);
        assert_status(redis_run(other, "a", batch, NULL, NULL, &err), REDIS_DENIED);
        ck_assert_str_eq(err.text, "AUTH: WRONGPASS invalid username-password pair or user is "
                                   "disabled.");
        redis_free(other);
    }
    struct redis *needless = client_as("", "hunter2", 0); /* the server has no password */
    assert_status(redis_run(needless, "a", batch, NULL, NULL, &err), REDIS_DENIED);
    assert_says("AUTH: ERR AUTH");
    redis_free(needless);
}
END_TEST

START_TEST(no_credentials_are_denied_until_there_are)
{
    (void)server_say(&server, "CONFIG", "SET", "requirepass", "hunter2", NULL);
    assert_both(REDIS_DENIED, "CLIENT: NOAUTH Authentication required.");
    struct redis *right = client_as(NULL, "hunter2", 0);
    assert_status(redis_run(right, "a", batch, NULL, NULL, &err), REDIS_DONE);
    struct redis_batch *open = redis_batch_new();
    redis_batch_add(open, "CONFIG", "SET", "requirepass", "", NULL);
    assert_status(redis_run(right, "", open, NULL, NULL, &err), REDIS_DONE);
    redis_batch_free(open);
    redis_free(right);
    assert_works();
}
END_TEST

START_TEST(a_user_without_rights_is_denied_but_may_do_without_info)
{
    (void)server_say(&server, "ACL", "SETUSER", "writer", "on", ">hunter2", "~ns:*", "-@all",
                     "+set", "+get", "+watch", "+multi", "+exec", NULL);
    struct redis *writer = client_as("writer", "hunter2", 0);
    assert_status(redis_run(writer, "a", batch, NULL, NULL, &err), REDIS_DENIED);
    assert_says("SET: NOPERM");
    redis_batch_clear(batch);
    redis_batch_add(batch, "SET", "ns:{S}:a", "1", NULL);
    assert_status(redis_run(writer, "ns:{S}:a", batch, NULL, NULL, &err), REDIS_DONE);
    assert_status(redis_transaction(writer, "ns:{S}:owner", NULL, batch, NULL, NULL, &err),
                  REDIS_DONE);
    ck_assert(!redis_is_cluster(writer));
    /* Every connection is to what may be another server. */
    ck_assert_str_eq(redis_run_id(writer, "a"), "connection-1");
    (void)server_say(&server, "CLIENT", "KILL", "TYPE", "normal", NULL);
    assert_status(redis_run(writer, "ns:{S}:a", batch, NULL, NULL, &err), REDIS_DONE);
    ck_assert_str_eq(redis_run_id(writer, "a"), "connection-2");
    redis_free(writer);

    /* MULTI refused: nothing of the transaction is done. */
    (void)server_say(&server, "ACL", "SETUSER", "plain", "on", ">hunter2", "~*", "-@all",
                     "+set", "+get", "+watch", NULL);
    struct redis *simple = client_as("plain", "hunter2", 0);
    redis_batch_clear(batch);
    redis_batch_add(batch, "SET", "not-atomic", "1", NULL);
    assert_status(redis_transaction(simple, "owner", NULL, batch, NULL, NULL, &err),
                  REDIS_DENIED);
    assert_says("MULTI: NOPERM");
    redis_free(simple);
    ck_assert_str_eq(server_say(&server, "EXISTS", "not-atomic", NULL), "0");
}
END_TEST

START_TEST(a_database_that_is_not_there_is_denied)
{
    struct redis *other = client_as(NULL, NULL, 3);
    assert_status(redis_run(other, "a", batch, NULL, NULL, &err), REDIS_DONE);
    redis_free(other);
    ck_assert_str_eq(server_say(&server, "EXISTS", "a", NULL), "0"); /* in database 0 */
    other = client_as(NULL, NULL, 99);
    assert_status(redis_run(other, "a", batch, NULL, NULL, &err), REDIS_DENIED);
    ck_assert_str_eq(err.text, "SELECT: ERR DB index is out of range");
    redis_free(other);
}
END_TEST

START_TEST(tls_or_the_lack_of_it_is_told)
{
    struct redis_config config;
    ck_assert_int_eq(redis_url_parse("rediss://127.0.0.1:1", &config, &err), 0);
    struct redis *other = redis_new(&config);
    if (HAS_TLS) {
        assert_status(redis_run(other, "a", batch, NULL, NULL, &err), REDIS_LOST);
        assert_says("cannot connect");
        redis_free(other);
        return;
    }
    assert_status(redis_run(other, "a", batch, NULL, NULL, &err), REDIS_DENIED);
    assert_says("this build has no TLS");
    redis_free(other);
}
END_TEST

START_TEST(a_lost_idle_connection_is_made_anew)
{
    assert_works();
    ck_assert_int_ge(atoi(server_say(&server, "CLIENT", "KILL", "TYPE", "normal", NULL)), 1);
    assert_works();
}
END_TEST

START_TEST(the_connection_has_a_name)
{
    assert_works();
    ck_assert_ptr_nonnull(
        strstr(server_say(&server, "CLIENT", "LIST", NULL), "name=nightscope"));
}
END_TEST

START_TEST(no_server_is_lost)
{
    server_kill(&server);
    assert_both(REDIS_LOST, "cannot connect: Connection refused");
    ck_assert_str_eq(err.origin, server.url);
    server_restart(&server, plain);
    assert_works();
}
END_TEST

/* Another thread that waits until the server holds a blocked client, then does the worst. */
struct worst {
    int signal;
    bool done;
};

static void *do_the_worst(void *argument)
{
    struct worst *worst = argument;
    for (int64_t start = clock_ms(); clock_ms() - start < SERVER_WAIT_MS;) {
        if (strstr(server_say(&server, "INFO", "clients", NULL), "blocked_clients:1")) {
            worst->done = kill(server.pid, worst->signal) == 0;
            break;
        }
    }
    return NULL;
}

static void assert_lost_midway(int signal, const char *says)
{
    struct worst worst = {.signal = signal};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, do_the_worst, &worst), 0);
    redis_batch_clear(batch);
    for (unsigned i = 0; i < 1000; i++)
        redis_batch_add(batch, "INCR", "n", NULL);
    redis_batch_add(batch, "BLPOP", "nothing", "0", NULL);
    redis_batch_add(batch, "INCR", "n", NULL);
    enum redis_status status = redis_run(redis, "n", batch, NULL, NULL, &err);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(worst.done);
    assert_status(status, REDIS_LOST);
    assert_says(says);
}

START_TEST(sigkill_in_a_pipeline_is_lost)
{
    assert_lost_midway(SIGKILL, ""); /* "closed", or "reset" */
    server_kill(&server);
    server_restart(&server, plain);
    ck_assert_str_eq(server_say(&server, "EXISTS", "n", NULL), "0");
}
END_TEST

START_TEST(a_server_that_stops_answering_is_lost_in_time)
{
    redis_free(redis);
    redis = server_client(&server, 500);
    int64_t start = clock_ms();
    assert_lost_midway(SIGSTOP, "no reply in time (500 ms)");
    ck_assert_int_lt(clock_ms() - start, SERVER_WAIT_MS);
    /* It accepts, but does not answer the greeting either. */
    start = clock_ms();
    assert_status(redis_run(redis, "n", batch, NULL, NULL, &err), REDIS_LOST);
    assert_says("no reply in time (500 ms)");
    ck_assert_int_ge(clock_ms() - start, 500);
    ck_assert_int_lt(clock_ms() - start, SERVER_WAIT_MS);
    server_signal(&server, SIGCONT);
    redis_batch_clear(batch);
    redis_batch_add(batch, "GET", "n", NULL);
    while (redis_run(redis, "n", batch, NULL, NULL, &err) != REDIS_DONE)
        wait_a_moment(start, "the server goes on");
}
END_TEST

int main(void)
{
    if (!server_is_installed())
        return 77;
    Suite *suite = suite_create("status");
    TCase *tests = tcase_create("status");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, full_memory_is_busy);
    tcase_add_test(tests, a_replica_is_busy);
    tcase_add_test(tests, a_failed_snapshot_is_busy);
    tcase_add_test(tests, too_few_replicas_are_busy);
    tcase_add_test(tests, a_server_that_loads_is_busy);
    tcase_add_test(tests, wrong_credentials_are_denied);
    tcase_add_test(tests, no_credentials_are_denied_until_there_are);
    tcase_add_test(tests, a_user_without_rights_is_denied_but_may_do_without_info);
    tcase_add_test(tests, a_database_that_is_not_there_is_denied);
    tcase_add_test(tests, tls_or_the_lack_of_it_is_told);
    tcase_add_test(tests, a_lost_idle_connection_is_made_anew);
    tcase_add_test(tests, the_connection_has_a_name);
    tcase_add_test(tests, no_server_is_lost);
    tcase_add_test(tests, sigkill_in_a_pipeline_is_lost);
    tcase_add_test(tests, a_server_that_stops_answering_is_lost_in_time);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
