/* Commands as bytes, and slots of keys. */
#include "harness.h"
#include "redis/batch.h"
#include "redis/slot.h"

#include <string.h>

/* What goes on the wire, as one string. */
static size_t wire(const struct redis_batch *batch, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < redis_batch_count(batch); i++) {
        struct batch_slice command = batch_command_bytes(batch, i);
        ck_assert_uint_le(n + command.n, cap);
        memcpy(out + n, command.bytes, command.n);
        n += command.n;
    }
    return n;
}

START_TEST(commands_are_lists_of_byte_strings)
{
    struct redis_batch *batch = redis_batch_new();
    char got[512];
    redis_batch_add(batch, "GET", "key", NULL);
    redis_batch_command(batch, "SET");
    redis_batch_arg_bytes(batch, "a\0\r\nb", 5);
    redis_batch_arg_u64(batch, 0);
    redis_batch_arg_u64(batch, 10203);
    redis_batch_arg(batch, "");
    static const char expected[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"
                                   "*5\r\n$3\r\nSET\r\n$5\r\na\0\r\nb\r\n$1\r\n0\r\n"
                                   "$5\r\n10203\r\n$0\r\n\r\n";
    size_t n = wire(batch, got, sizeof got);
    ck_assert_uint_eq(n, sizeof expected - 1);
    ck_assert_mem_eq(got, expected, n);
    ck_assert_uint_eq(redis_batch_bytes(batch), n);
    struct batch_slice name = batch_command_name(batch_command_bytes(batch, 1));
    ck_assert_uint_eq(name.n, 3);
    ck_assert_mem_eq(name.bytes, "SET", 3);
    redis_batch_clear(batch);
    ck_assert_uint_eq(redis_batch_count(batch), 0);
    ck_assert_uint_eq(redis_batch_bytes(batch), 0);
    redis_batch_add(batch, "PING", NULL);
    ck_assert_uint_eq(wire(batch, got, sizeof got), 14);
    ck_assert_mem_eq(got, "*1\r\n$4\r\nPING\r\n", 14);
    redis_batch_free(batch);
    redis_batch_free(NULL);
}
END_TEST

START_TEST(the_header_counts_any_number_of_arguments)
{
    struct redis_batch *batch = redis_batch_new();
    for (unsigned commands = 0; commands < 3; commands++) {
        redis_batch_command(batch, "DEL");
        for (unsigned i = 1; i < 100000; i++)
            redis_batch_arg(batch, "k");
    }
    size_t sum = 0;
    for (size_t i = 0; i < 3; i++) {
        struct batch_slice command = batch_command_bytes(batch, i);
        ck_assert_mem_eq(command.bytes, "*100000\r\n$3\r\nDEL\r\n$1\r\nk\r\n", 25);
        ck_assert_mem_eq(command.bytes + command.n - 7, "$1\r\nk\r\n", 7);
        ck_assert_uint_eq(command.n, 9 + 9 + 99999 * 7);
        sum += command.n;
    }
    ck_assert_uint_eq(redis_batch_bytes(batch), sum);
    redis_batch_free(batch);
}
END_TEST

START_TEST(too_many_bytes_mark_the_batch)
{
    struct redis_batch *batch = redis_batch_new();
    redis_batch_add(batch, "SET", "a", NULL);
    redis_batch_arg_bytes(batch, "", (size_t)REDIS_BATCH_BYTES_MAX + 1);
    redis_batch_add(batch, "SET", "b", "1", NULL);
    ck_assert(batch->refused);
    struct redis_config config;
    struct err err;
    ck_assert_int_eq(redis_url_parse("unix:/nonexistent", &config, &err), 0);
    struct redis *redis = redis_new(&config);
    ck_assert_int_eq(redis_run(redis, "", batch, NULL, NULL, &err), REDIS_WRONG);
    ck_assert_str_eq(err.text,
                     "the commands were refused: out of memory, or more than 512 MiB");
    redis_batch_clear(batch);
    ck_assert(!batch->refused);
    redis_batch_free(batch);
    redis_free(redis);
    redis_free(NULL);
}
END_TEST

/* Known answers: CRC-16/XMODEM's check value; CLUSTER KEYSLOT of Redis 7.0 for the keys. */
START_TEST(slots_are_those_of_redis)
{
    ck_assert_uint_eq(slot_crc16("123456789", 9), 0x31C3);
    static const struct {
        const char *key;
        unsigned slot;
    } rows[] = {
        {"123456789", 12739},
        {"foo", 12182},
        {"somekey", 11058},
        {"foo{hash_tag}", 2515},
        {"bar{hash_tag}", 2515},
        {"hash_tag", 2515},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(redis_slot(rows[i].key) == rows[i].slot, "%s: %u", rows[i].key,
                      redis_slot(rows[i].key));
    static const struct {
        const char *key, *hashed;
    } tags[] = {
        {"ns:{S}:owner", "S"},
        {"{user1000}.following", "user1000"},
        {"foo{{bar}}zap", "{bar"},
        {"foo{bar}{zap}", "bar"},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        ck_assert_uint_eq(redis_slot(tags[i].key), redis_slot(tags[i].hashed));
    static const char *const whole[] = {"foo{}{bar}", "foo{bar", "foo}bar{", "{}"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        ck_assert_uint_eq(redis_slot(whole[i]),
                          slot_crc16(whole[i], strlen(whole[i])) % SLOT_COUNT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis batch");
    TCase *tests = tcase_create("redis batch");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, commands_are_lists_of_byte_strings);
    tcase_add_test(tests, the_header_counts_any_number_of_arguments);
    tcase_add_test(tests, too_many_bytes_mark_the_batch);
    tcase_add_test(tests, slots_are_those_of_redis);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
