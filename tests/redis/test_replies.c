/* Bytes to reply trees, their limits; what error replies mean and how they are told; what nodes
 * of a cluster say. No server: the parser is fed here. */
#include "harness.h"
#include "redis/answer.h"
#include "redis/cluster_map.h"
#include "redis/greeting.h"
#include "redis/replies.h"

#include <hiredis.h>
#include <string.h>

static struct reply_memory *memory;
static redisReader *reader;
static struct err err;

static void setup(void)
{
    memory = reply_memory_new(1);
    reader = redisReaderCreate();
    reply_reader_use(reader, memory);
    memory->root = memory->roots;
}

static void teardown(void)
{
    redisReaderFree(reader);
    reply_memory_free(memory);
}

/* Feeds and parses one reply. */
static enum reply_state parse(const char *bytes, size_t n)
{
    teardown();
    setup();
    ck_assert_int_eq(redisReaderFeed(reader, bytes, n), REDIS_OK);
    return reply_reader_next(reader, "server", &err);
}

static const struct redis_reply *parsed(const char *text)
{
    ck_assert_int_eq(parse(text, strlen(text)), REPLY_READY);
    return memory->roots;
}

START_TEST(every_kind_of_reply)
{
    ck_assert_int_eq(parsed("$-1\r\n")->kind, REDIS_NIL);
    ck_assert_int_eq(parsed("*-1\r\n")->kind, REDIS_NIL);
    const struct redis_reply *reply = parsed("$0\r\n\r\n");
    ck_assert_int_eq(reply->kind, REDIS_TEXT);
    ck_assert_uint_eq(reply->len, 0);
    ck_assert_str_eq(reply->text, "");
    ck_assert_int_eq(parsed(":-9223372036854775808\r\n")->number, INT64_MIN);
    reply = parsed("+OK\r\n");
    ck_assert_int_eq(reply->kind, REDIS_STATUS);
    ck_assert_str_eq(reply->text, "OK");
    reply = parsed("-ERR no\r\n");
    ck_assert_int_eq(reply->kind, REDIS_ERROR);
    ck_assert_str_eq(reply->text, "ERR no");
    reply = parsed("*3\r\n*2\r\n:1\r\n$2\r\nOK\r\n*0\r\n-x\r\n");
    ck_assert_int_eq(reply->kind, REDIS_LIST);
    ck_assert_uint_eq(reply->len, 3);
    ck_assert_uint_eq(reply->items[0].len, 2);
    ck_assert_int_eq(reply->items[0].items[0].number, 1);
    ck_assert_int_eq(reply->items[0].items[1].kind, REDIS_TEXT);
    ck_assert_str_eq(reply->items[0].items[1].text, "OK");
    ck_assert_int_eq(reply->items[1].kind, REDIS_LIST);
    ck_assert_uint_eq(reply->items[1].len, 0);
    ck_assert_int_eq(reply->items[2].kind, REDIS_ERROR);
}
END_TEST

START_TEST(nonsense_is_wrong)
{
    static const char *const rows[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "$-2\r\n",
        "*-2\r\n",
        ":1x\r\n",
        ":\r\n",
        "$99999999999999999999999\r\n",
        "$x\r\n",
        "*x\r\n",
        "\x16\x03\x01",
        "*2147483648\r\n",
        "*1\r\n?\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        err.text[0] = '\0';
        ck_assert_msg(parse(rows[i], strlen(rows[i])) == REPLY_WRONG, "%s", rows[i]);
        ck_assert_str_eq(err.origin, "server");
        ck_assert_ptr_nonnull(strstr(err.text, "not a reply of Redis: "));
    }
}
END_TEST

START_TEST(a_cut_reply_waits_for_more)
{
    static const char whole[] = "*3\r\n$5\r\na\r\nbc\r\n*1\r\n:77\r\n-ERR x\r\n";
    for (size_t n = 0; n < sizeof whole - 1; n++)
        ck_assert_msg(parse(whole, n) == REPLY_MORE, "%zu", n);
    ck_assert_int_eq(parse(whole, sizeof whole - 1), REPLY_READY);
}
END_TEST

START_TEST(lists_are_bounded_in_depth_and_length)
{
    char nested[64] = "";
    for (unsigned depth = 1; depth <= REDIS_REPLY_DEPTH_MAX; depth++)
        strcat(nested, "*1\r\n");
    strcat(nested, ":1\r\n");
    const struct redis_reply *reply = parsed(nested);
    for (unsigned depth = 1; depth <= REDIS_REPLY_DEPTH_MAX; depth++)
        reply = &reply->items[0];
    ck_assert_int_eq(reply->number, 1);
    memmove(nested + 4, nested, strlen(nested) + 1);
    memcpy(nested, "*1\r\n", 4);
    ck_assert_int_eq(parse(nested, strlen(nested)), REPLY_WRONG);

    static const char *const lengths[] = {"*2097152\r\n", "*2097153\r\n"};
    ck_assert_int_eq(REDIS_REPLIES_ITEMS_MAX, 2097152);
    ck_assert_int_eq(parse(lengths[0], strlen(lengths[0])), REPLY_MORE);
    ck_assert_int_eq(parse(lengths[1], strlen(lengths[1])), REPLY_WRONG);
    ck_assert_str_eq(err.text, "not a reply of Redis: longer lists than are taken");
    ck_assert_uint_lt(memory->bytes, 1000);
    /* A list of long lists, which nothing follows: no more than the limit is set aside. */
    static const char many[] = "*3\r\n*1048570\r\n";
    ck_assert_int_eq(parse(many, sizeof many - 1), REPLY_MORE);
    static char ones[4 * 1048570 + 1];
    for (size_t i = 0; i < 1048570; i++)
        memcpy(ones + 4 * i, ":1\r\n", 4);
    ck_assert_int_eq(redisReaderFeed(reader, ones, sizeof ones - 1), REDIS_OK);
    ck_assert_int_eq(redisReaderFeed(reader, "*1048580\r\n", 10), REDIS_OK);
    ck_assert_int_eq(reply_reader_next(reader, "server", &err), REPLY_WRONG);
    ck_assert_uint_le(memory->items, REDIS_REPLIES_ITEMS_MAX);
}
END_TEST

START_TEST(bytes_are_bounded)
{
    static char part[1 << 20];
    ck_assert_int_eq(parse("*1000\r\n", 7), REPLY_MORE);
    enum reply_state state = REPLY_MORE;
    unsigned parts = 0;
    for (; state == REPLY_MORE && parts < 1000; parts++) {
        ck_assert_int_eq(redisReaderFeed(reader, "$1048576\r\n", 10), REDIS_OK);
        ck_assert_int_eq(redisReaderFeed(reader, part, sizeof part), REDIS_OK);
        ck_assert_int_eq(redisReaderFeed(reader, "\r\n", 2), REDIS_OK);
        state = reply_reader_next(reader, "server", &err);
    }
    ck_assert_int_eq(state, REPLY_WRONG);
    ck_assert_str_eq(err.text, "not a reply of Redis: more bytes than are taken");
    ck_assert_uint_le(parts, (REDIS_REPLIES_BYTES_MAX >> 20) + 1);
    ck_assert_uint_gt(parts, (REDIS_REPLIES_BYTES_MAX >> 20) - 2);
    /* A line or a string that does not end. */
    state = parse("$500000000\r\n", 12);
    for (parts = 0; state == REPLY_MORE && parts < 1000; parts++) {
        ck_assert_int_eq(redisReaderFeed(reader, part, sizeof part), REDIS_OK);
        state = reply_reader_next(reader, "server", &err);
    }
    ck_assert_int_eq(state, REPLY_WRONG);
    ck_assert_uint_le(parts, (REDIS_REPLIES_BYTES_MAX >> 20) + 1);
}
END_TEST

static struct redis_reply error_of(const char *text)
{
    return (struct redis_reply){.kind = REDIS_ERROR, .text = text, .len = strlen(text)};
}

START_TEST(errors_are_told_apart)
{
    static const struct {
        const char *text;
        enum redis_status status;
    } rows[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_BUSY},
        {"BUSY Redis is busy running a script.", REDIS_BUSY},
        {"CLUSTERDOWN Hash slot not served", REDIS_BUSY},
        {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_BUSY},
        {"ERR max number of clients reached", REDIS_BUSY},
        {"NOPERM this user has no permissions", REDIS_DENIED},
        {"DENIED Redis is running in protected mode", REDIS_DENIED},
        {"ERR invalid password", REDIS_DENIED},
        {"ERR DB index is out of range", REDIS_DENIED},
        {"OOMX something else", REDIS_WRONG},
        {"ERR syntax error", REDIS_WRONG},
        {"WRONGTYPE Operation against a key", REDIS_WRONG},
        {"EXECABORT Transaction discarded", REDIS_WRONG},
        {"", REDIS_WRONG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_reply error = error_of(rows[i].text);
        ck_assert_msg(answer_status(&error) == rows[i].status, "%s", rows[i].text);
    }
    struct redis_reply error = error_of("ERR some text");
    ck_assert(answer_is_allowed(&error, "ERR some"));
    ck_assert(!answer_is_allowed(&error, "ERR other"));
    ck_assert(!answer_is_allowed(&error, NULL));
}
END_TEST

START_TEST(errors_are_told_without_secrets)
{
    static const struct batch_slice name = BATCH_SLICE("AUTH");
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"ERR unknown command `AUTH`, with args beginning with: `alice`, `hunter2`, ",
         "AUTH: ERR unknown command `AUTH`"},
        {"ERR hunter2 is wrong", "AUTH: ERR *** is wrong"},
        {"hunter2", "AUTH: ***"},
        {"hunter2hunter2 hunter", "AUTH: ****** hunter"},
        {"ERR \x1b[31m", "AUTH: ERR \\x1b[31m"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_reply error = error_of(rows[i].text);
        answer_tell("server", name, &error, "hunter2", &err);
        ck_assert_str_eq(err.text, rows[i].told);
    }
    /* At any place, also where the text is cut. */
    char text[700];
    for (size_t at = 0; at < 650; at++) {
        memset(text, 'x', sizeof text);
        memcpy(text + at, "hunter2", 8);
        struct redis_reply error = error_of(text);
        answer_tell("server", name, &error, "hunter2", &err);
        ck_assert_ptr_null(strstr(err.text, "h"));
    }
    struct redis_reply error = error_of("ERR x");
    answer_tell("server", name, &error, "", &err); /* no password: nothing to hide */
    ck_assert_str_eq(err.text, "AUTH: ERR x");
}
END_TEST

START_TEST(fields_of_info_are_found)
{
    static const char info[] =
        "# Server\r\nredis_version:7.0.15\r\nxrun_id:no\r\nrun_id:abc\r\n"
        "empty:\r\nbad:a b\r\nlast:1";
    char value[8];
    struct redis_reply reply = {.kind = REDIS_TEXT, .text = info, .len = sizeof info - 1};
    ck_assert(greeting_info_field(&reply, "redis_version", value, sizeof value));
    ck_assert_str_eq(value, "7.0.15");
    ck_assert(greeting_info_field(&reply, "run_id", value, sizeof value));
    ck_assert_str_eq(value, "abc");
    ck_assert(greeting_info_field(&reply, "last", value, sizeof value));
    static const char *const absent[] = {"run", "empty", "bad", "version", "# Server"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        ck_assert(!greeting_info_field(&reply, absent[i], value, sizeof value));
    ck_assert(!greeting_info_field(&reply, "redis_version", value, 6));
    reply.kind = REDIS_ERROR;
    ck_assert(!greeting_info_field(&reply, "run_id", value, sizeof value));
}
END_TEST

START_TEST(slots_of_a_cluster_are_read)
{
    struct cluster_map *map = malloc(sizeof *map);
    const struct redis_reply *reply =
        parsed("*3\r\n"
               "*4\r\n:0\r\n:5\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n"
               "*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n"
               "*3\r\n:7\r\n:16383\r\n*2\r\n$0\r\n\r\n:7001\r\n"
               "*3\r\n:6\r\n:6\r\n*2\r\n$1\r\n?\r\n:7002\r\n");
    ck_assert(cluster_map_read(reply, "::1", map));
    ck_assert_uint_eq(map->n, 3);
    ck_assert_uint_eq(map->slots[0], 0);
    ck_assert_uint_eq(map->slots[5], 0);
    ck_assert_uint_eq(map->slots[6], CLUSTER_NO_NODE);
    ck_assert_uint_eq(map->slots[7], 2);
    ck_assert_uint_eq(map->slots[16383], 2);
    ck_assert_str_eq(map->places[2].host, "::1");
    ck_assert_uint_eq(map->places[2].port, 7001);
    static const char *const wrong[] = {
        "+OK\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:5\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:65536\r\n",
        "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$3\r\na b\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n:1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:4\r\n*1\r\n$1\r\na\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!cluster_map_read(parsed(wrong[i]), "h", map), "%s", wrong[i]);
    free(map);
}
END_TEST

START_TEST(redirections_are_read)
{
    static const struct {
        const char *text, *host;
        unsigned slot, port;
        bool ask;
    } rows[] = {
        {"MOVED 3999 127.0.0.1:6381", "127.0.0.1", 3999, 6381, false},
        {"ASK 0 ::1:6381", "::1", 0, 6381, true},
        {"MOVED 16383 :7000", "asked", 16383, 7000, false},
        {"MOVED 1 node.example:65535", "node.example", 1, 65535, false},
    };
    struct cluster_redirect redirect;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_reply error = error_of(rows[i].text);
        ck_assert_msg(cluster_redirect_read(&error, "asked", &redirect), "%s", rows[i].text);
        ck_assert_int_eq(redirect.ask, rows[i].ask);
        ck_assert_uint_eq(redirect.slot, rows[i].slot);
        ck_assert_str_eq(redirect.to.host, rows[i].host);
        ck_assert_uint_eq(redirect.to.port, rows[i].port);
    }
    static const char *const wrong[] = {
        "MOVED",           "MOVED 1",         "MOVED 16384 h:1", "MOVED 1 h",    "MOVED 1 h:0",
        "MOVED 1 h:65536", "MOVED 1 h:1 x",   "MOVED 1 h h:1",   "MOVED -1 h:1", "MOVED x h:1",
        "ASKING 1 h:1",    "ERR MOVED 1 h:1", "MOVED 1 h\x1b:1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct redis_reply error = error_of(wrong[i]);
        ck_assert_msg(!cluster_redirect_read(&error, "asked", &redirect), "%s", wrong[i]);
    }
    struct redis_reply text = error_of("MOVED 1 h:1");
    text.kind = REDIS_TEXT; /* a value that someone stored */
    ck_assert(!cluster_redirect_read(&text, "asked", &redirect));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replies");
    TCase *tests = tcase_create("replies");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, every_kind_of_reply);
    tcase_add_test(tests, nonsense_is_wrong);
    tcase_add_test(tests, a_cut_reply_waits_for_more);
    tcase_add_test(tests, lists_are_bounded_in_depth_and_length);
    tcase_add_test(tests, bytes_are_bounded);
    tcase_add_test(tests, errors_are_told_apart);
    tcase_add_test(tests, errors_are_told_without_secrets);
    tcase_add_test(tests, fields_of_info_are_found);
    tcase_add_test(tests, slots_of_a_cluster_are_read);
    tcase_add_test(tests, redirections_are_read);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
