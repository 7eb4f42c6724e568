/* A real cluster: three masters, three replicas. Redirections, failovers, a slot on its way,
 * and the death of a master while transactions run. */
#include "harness.h"
#include "redis/server.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SERVERS = 6, SENSORS = 3, WRITES = 200, FAILOVER_MS = 6000 };

/* Slots 2515, 7365, 15495: of the first, second and third master. */
static const char *const tags[SENSORS] = {"hash_tag", "c", "a"};

static struct server servers[SERVERS];
static struct redis *redis;
static struct redis_batch *batch;
static struct redis_replies replies;
static struct err err;

static void node_options(const char *options[], char port[static 8])
{
    static const char *const always[] = {
        "--save",
        "",
        "--appendonly",
        "no",
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "3000", /* a slow machine must not fail over by itself */
        "--cluster-replica-validity-factor",
        "0",
        "--repl-diskless-sync-delay",
        "0",
        "--cluster-require-full-coverage",
        "no",
        "--cluster-port",
    };
    memcpy(options, always, sizeof always);
    (void)snprintf(port, 8, "%u", (unsigned)free_port());
    options[sizeof always / sizeof always[0]] = port;
    options[sizeof always / sizeof always[0] + 1] = NULL;
}

static bool says(const struct server *server, const char *section, const char *word)
{
    return strstr(strcmp(section, "CLUSTER") == 0 ? server_say(server, "CLUSTER", "INFO", NULL)
                                                  : server_say(server, "INFO", section, NULL),
                  word) != NULL;
}

static void wait_for(size_t server, const char *section, const char *word)
{
    for (int64_t start = clock_ms(); !says(&servers[server], section, word);)
        wait_a_moment(start, word);
}

/* A failover by hand is only begun by "OK": the replica gives it up after 5 s when its master
 * or the voters were too slow, and is asked again. */
static void ask_failover(size_t replica)
{
    ck_assert_str_eq(server_say(&servers[replica], "CLUSTER", "FAILOVER", NULL), "OK");
}

static void wait_for_failover(size_t replica)
{
    int64_t start = clock_ms(), asked = start;
    for (; !says(&servers[replica], "replication", "role:master");) {
        wait_a_moment(start, "the replica is the master");
        if (clock_ms() - asked <= FAILOVER_MS)
            continue;
        asked = clock_ms();
        ask_failover(replica);
    }
}

static void start_cluster(void)
{
    char command[512] = "redis-cli --cluster create";
    for (size_t i = 0; i < SERVERS; i++) {
        const char *options[32];
        char port[8];
        node_options(options, port);
        server_start(&servers[i], true, options);
        (void)snprintf(command + strlen(command), sizeof command - strlen(command),
                       " 127.0.0.1:%u", (unsigned)servers[i].port);
    }
    (void)snprintf(command + strlen(command), sizeof command - strlen(command),
                   " --cluster-replicas 1 --cluster-yes >'%s/create.log' 2>&1", servers[0].dir);
    ck_assert_int_eq(system(command), 0);
    for (size_t i = 0; i < SERVERS; i++)
        wait_for(i, "CLUSTER", "cluster_state:ok");
    for (size_t i = SENSORS; i < SERVERS; i++)
        wait_for(i, "replication", "master_link_status:up");
}

static void setup(void)
{
    start_cluster();
    redis = server_client(&servers[0], 5000);
    batch = redis_batch_new();
    replies = (struct redis_replies){0};
}

static void teardown(void)
{
    redis_replies_free(&replies);
    redis_batch_free(batch);
    redis_free(redis);
    for (size_t i = 0; i < SERVERS; i++)
        server_stop(&servers[i]);
}

static void assert_status(enum redis_status got, enum redis_status wanted)
{
    ck_assert_msg(got == wanted, "status %d, not %d: %s: %s", (int)got, (int)wanted, err.origin,
                  err.text);
}

static const char *key_of(const char *tag, const char *name)
{
    static char keys[4][64];
    static size_t next;
    char *key = keys[next++ % 4];
    (void)snprintf(key, 64, "ns:{%s}:%s", tag, name);
    return key;
}

/* The server whose url is the node that holds this key now, as the cluster says. */
static size_t holder(const char *key)
{
    for (int64_t start = clock_ms();; wait_a_moment(start, "the slot has a master")) {
        redis_batch_clear(batch);
        redis_batch_add(batch, "CONFIG", "GET", "port", NULL);
        redis_batch_add(batch, "EXISTS", key, NULL);
        if (redis_run(redis, key, batch, NULL, &replies, &err) != REDIS_DONE)
            continue;
        unsigned port = (unsigned)atoi(replies.items[0].items[1].text);
        redis_replies_free(&replies);
        redis_batch_clear(batch);
        for (size_t i = 0; i < SERVERS; i++)
            if (servers[i].port == port && servers[i].pid &&
                says(&servers[i], "replication", "role:master"))
                return i;
    }
}

START_TEST(commands_go_to_the_node_of_their_key)
{
    size_t holders[SENSORS];
    for (size_t i = 0; i < SENSORS; i++) {
        const char *key = key_of(tags[i], "x");
        redis_batch_clear(batch);
        redis_batch_add(batch, "SET", key, tags[i], NULL);
        redis_batch_add(batch, "GET", key, NULL);
        assert_status(redis_run(redis, key, batch, NULL, &replies, &err), REDIS_DONE);
        ck_assert_str_eq(replies.items[1].text, tags[i]);
        redis_replies_free(&replies);
        ck_assert_uint_eq(strlen(redis_run_id(redis, key)), 40);
        assert_status(
            redis_transaction(redis, key_of(tags[i], "owner"), NULL, batch, NULL, NULL, &err),
            REDIS_DONE);
        holders[i] = holder(key);
    }
    ck_assert(redis_is_cluster(redis));
    ck_assert_uint_ne(holders[0], holders[1]);
    ck_assert_uint_ne(holders[1], holders[2]);
    ck_assert_uint_ne(holders[0], holders[2]);
}
END_TEST

START_TEST(a_wrong_key_is_sent_on)
{
    /* The caller's key says one node, the commands' key another: MOVED. */
    redis_batch_add(batch, "SET", key_of(tags[0], "x"), "1", NULL);
    assert_status(redis_run(redis, key_of(tags[1], "x"), batch, NULL, NULL, &err), REDIS_DONE);
    assert_status(redis_run(redis, "", batch, NULL, NULL, &err), REDIS_DONE);
    redis_batch_add(batch, "MGET", key_of(tags[0], "x"), key_of(tags[1], "x"), NULL);
    assert_status(redis_run(redis, "", batch, NULL, NULL, &err), REDIS_WRONG);
    ck_assert_ptr_nonnull(strstr(err.text, "MGET: CROSSSLOT"));
}
END_TEST

START_TEST(a_database_other_than_0_is_denied)
{
    struct redis_config config;
    ck_assert_int_eq(redis_url_parse(servers[0].url, &config, &err), 0);
    config.db = 1;
    struct redis *other = redis_new(&config);
    assert_status(redis_run(other, "", batch, NULL, NULL, &err), REDIS_DENIED);
    ck_assert_str_eq(err.text, "SELECT: ERR SELECT is not allowed in cluster mode");
    redis_free(other);
}
END_TEST

static void set_slot(size_t at, unsigned slot, const char *state, size_t node)
{
    char number[8], id[64];
    (void)snprintf(number, sizeof number, "%u", slot);
    (void)snprintf(id, sizeof id, "%s", server_say(&servers[node], "CLUSTER", "MYID", NULL));
    ck_assert_str_eq(server_say(&servers[at], "CLUSTER", "SETSLOT", number, state, id, NULL),
                     "OK");
}

START_TEST(a_slot_on_its_way_is_followed)
{
    const char *tag = tags[1];
    unsigned slot = redis_slot(key_of(tag, ""));
    redis_batch_add(batch, "SET", key_of(tag, "old"), "1", NULL);
    assert_status(redis_run(redis, key_of(tag, "old"), batch, NULL, NULL, &err), REDIS_DONE);
    size_t from = holder(key_of(tag, "old")), to = holder(key_of(tags[0], "x"));
    set_slot(to, slot, "IMPORTING", from);
    set_slot(from, slot, "MIGRATING", to);

    /* The old key is here, the new one there: each command finds its own. */
    redis_batch_add(batch, "INCR", key_of(tag, "old"), NULL);
    redis_batch_add(batch, "INCRBY", key_of(tag, "new"), "7", NULL);
    redis_batch_add(batch, "INCR", key_of(tag, "old"), NULL);
    redis_batch_add(batch, "INCR", key_of(tag, "new"), NULL);
    assert_status(redis_run(redis, key_of(tag, ""), batch, NULL, &replies, &err), REDIS_DONE);
    ck_assert_int_eq(replies.items[2].number, 3);
    ck_assert_int_eq(replies.items[3].number, 8);
    redis_replies_free(&replies);

    /* A transaction of one new key goes there; one over both must wait. */
    redis_batch_clear(batch);
    redis_batch_add(batch, "INCR", key_of(tag, "new"), NULL);
    assert_status(
        redis_transaction(redis, key_of(tag, "new"), "8", batch, NULL, &replies, &err),
        REDIS_DONE);
    ck_assert_int_eq(replies.items[0].number, 9);
    redis_replies_free(&replies);
    redis_batch_add(batch, "INCR", key_of(tag, "old"), NULL);
    assert_status(redis_transaction(redis, key_of(tag, "new"), "9", batch, NULL, NULL, &err),
                  REDIS_BUSY);
    ck_assert_ptr_nonnull(strstr(err.text, "TRYAGAIN"));

    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)servers[to].port);
    struct redis_batch *move = redis_batch_new();
    redis_batch_add(move, "MIGRATE", "127.0.0.1", port, key_of(tag, "old"), "0", "5000", NULL);
    assert_status(redis_run(redis, key_of(tag, "old"), move, NULL, NULL, &err), REDIS_DONE);
    redis_batch_free(move);
    set_slot(to, slot, "NODE", to);
    set_slot(from, slot, "NODE", to);
    assert_status(
        redis_transaction(redis, key_of(tag, "new"), "9", batch, NULL, &replies, &err),
        REDIS_DONE);
    ck_assert_int_eq(replies.items[0].number, 10);
    ck_assert_int_eq(replies.items[1].number, 4);
    redis_replies_free(&replies);
    ck_assert_uint_eq(holder(key_of(tag, "old")), to);
}
END_TEST

/* A writer of absolute values: all of them again when the server is another one. */
struct writer {
    const char *tag;
    unsigned values[WRITES]; /* what each key should hold; 0: not written yet */
    char run_id[64];
    unsigned resends, failures;
};

static void compose(const struct writer *writer, size_t from, size_t to)
{
    redis_batch_clear(batch);
    for (size_t i = from; i < to; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "v%zu", i);
        redis_batch_command(batch, "SET");
        redis_batch_arg(batch, key_of(writer->tag, name));
        redis_batch_arg_u64(batch, writer->values[i]);
    }
}

/* Until it is acknowledged; every other status is counted. */
static void transact(struct writer *writer)
{
    const char *owner = key_of(writer->tag, "owner");
    for (int64_t start = clock_ms();;) {
        enum redis_status status =
            redis_transaction(redis, owner, NULL, batch, NULL, NULL, &err);
        if (status == REDIS_DONE)
            return;
        ck_assert_msg(status == REDIS_LOST || status == REDIS_BUSY, "%d: %s", (int)status,
                      err.text);
        writer->failures++;
        wait_a_moment(start, err.text);
    }
}

static void write_value(struct writer *writer, size_t i, unsigned value)
{
    writer->values[i] = value;
    compose(writer, i, i + 1);
    transact(writer);
    const char *key = key_of(writer->tag, "owner");
    while (strcmp(redis_run_id(redis, key), writer->run_id) != 0) {
        (void)snprintf(writer->run_id, sizeof writer->run_id, "%s", redis_run_id(redis, key));
        compose(writer, 0, i + 1);
        transact(writer);
        writer->resends++;
    }
}

static void assert_written(struct writer *writer)
{
    for (size_t i = 0; i < WRITES; i++) {
        char name[16], value[16];
        (void)snprintf(name, sizeof name, "v%zu", i);
        (void)snprintf(value, sizeof value, "%u", writer->values[i]);
        redis_batch_clear(batch);
        redis_batch_add(batch, "GET", key_of(writer->tag, name), NULL);
        assert_status(redis_run(redis, key_of(writer->tag, ""), batch, NULL, &replies, &err),
                      REDIS_DONE);
        ck_assert_msg(replies.items[0].kind == REDIS_TEXT &&
                          strcmp(replies.items[0].text, value) == 0,
                      "%s: %s is not %s", writer->tag, name, value);
        redis_replies_free(&replies);
    }
}

static size_t replica_of(size_t master)
{
    char port[32];
    (void)snprintf(port, sizeof port, "master_port:%u\r", (unsigned)servers[master].port);
    for (size_t i = 0; i < SERVERS; i++)
        if (servers[i].pid && says(&servers[i], "replication", port))
            return i;
    ck_abort_msg("no replica");
}

START_TEST(a_failover_by_hand_loses_nothing)
{
    struct writer writers[SENSORS] = {{.tag = tags[0]}, {.tag = tags[1]}, {.tag = tags[2]}};
    size_t replica = SERVERS;
    for (unsigned i = 0; i < WRITES; i++) {
        for (size_t s = 0; s < SENSORS; s++)
            write_value(&writers[s], i, i + 1);
        if (i == WRITES / 4) {
            replica = replica_of(holder(key_of(tags[0], "owner")));
            ask_failover(replica);
        }
        if (i == WRITES / 2)
            wait_for_failover(replica);
    }
    ck_assert_uint_eq(holder(key_of(tags[0], "owner")), replica);
    for (size_t s = 0; s < SENSORS; s++)
        assert_written(&writers[s]);
    ck_assert_uint_eq(writers[0].resends, 2); /* the first server is new too */
    ck_assert_uint_eq(writers[1].resends, 1);
}
END_TEST

START_TEST(the_death_of_a_master_loses_nothing)
{
    struct writer writers[SENSORS] = {{.tag = tags[0]}, {.tag = tags[1]}, {.tag = tags[2]}};
    size_t dead = SERVERS;
    for (unsigned i = 0; i < WRITES; i++) {
        for (size_t s = 0; s < SENSORS; s++)
            write_value(&writers[s], i, i + 1);
        if (i == WRITES / 2) {
            dead = holder(key_of(tags[0], "owner"));
            server_kill(&servers[dead]);
        }
    }
    ck_assert_uint_ne(holder(key_of(tags[0], "owner")), dead);
    for (size_t s = 0; s < SENSORS; s++)
        assert_written(&writers[s]);
    ck_assert_uint_gt(writers[0].failures, 0);
    ck_assert_uint_eq(writers[0].resends, 2);
    ck_assert_uint_eq(writers[1].resends, 1);
    ck_assert_uint_eq(writers[2].resends, 1);
}
END_TEST

START_TEST(the_first_node_may_die)
{
    redis_batch_add(batch, "SET", key_of(tags[1], "x"), "1", NULL);
    assert_status(redis_run(redis, key_of(tags[1], "x"), batch, NULL, NULL, &err), REDIS_DONE);
    server_kill(&servers[0]); /* the one of the configuration */
    size_t still =
        holder(key_of(tags[0], "x")); /* waits for the failover if it was its master */
    ck_assert_uint_ne(still, 0);
    for (size_t i = 0; i < SENSORS; i++)
        ck_assert_uint_ne(holder(key_of(tags[i], "x")), 0);
}
END_TEST

int main(void)
{
    if (!server_is_installed())
        return 77;
    Suite *suite = suite_create("cluster");
    TCase *tests = tcase_create("cluster");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, commands_go_to_the_node_of_their_key);
    tcase_add_test(tests, a_wrong_key_is_sent_on);
    tcase_add_test(tests, a_database_other_than_0_is_denied);
    tcase_add_test(tests, a_slot_on_its_way_is_followed);
    tcase_add_test(tests, a_failover_by_hand_loses_nothing);
    tcase_add_test(tests, the_death_of_a_master_loses_nothing);
    tcase_add_test(tests, the_first_node_may_die);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
