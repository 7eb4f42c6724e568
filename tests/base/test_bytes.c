/* Numbers and bytes, written and read back; everything that is not what was written. */
#include "base/bytes.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

START_TEST(numbers_come_back)
{
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const size_t lengths[] = {1, 1, 1, 2, 2, 3, 5, 10}; /* of LEB128: 7 bits a byte */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct bytes_out out = {0};
        bytes_put_u64(&out, numbers[i]);
        ck_assert_uint_eq(out.n, lengths[i]);
        bytes_put_le(&out, numbers[i], 8);
        struct bytes_in in = {out.bytes, out.bytes + out.n, false};
        ck_assert_uint_eq(bytes_take_u64(&in, UINT64_MAX), numbers[i]);
        ck_assert_uint_eq(bytes_take_le(&in, 8), numbers[i]);
        ck_assert(!in.failed);
        ck_assert_uint_eq(bytes_left(&in), 0);
        free(out.bytes);
    }
}
END_TEST

static bool takes(const char *bytes, size_t n, uint64_t most)
{
    struct bytes_in in = {(const uint8_t *)bytes, (const uint8_t *)bytes + n, false};
    (void)bytes_take_u64(&in, most);
    return !in.failed;
}

START_TEST(what_is_wrong_fails)
{
    ck_assert(takes("\x80\x01", 2, 128));
    ck_assert(!takes("\x80\x01", 2, 127)); /* more than asked for */
    ck_assert(!takes("\x80", 1, 128));     /* cut */
    ck_assert(!takes("\x80\x00", 2, 128)); /* 0 in two bytes */
    ck_assert(takes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX));
    ck_assert(!takes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, UINT64_MAX));
    struct bytes_in in = {(const uint8_t *)"abc", (const uint8_t *)"abc" + 3, false};
    ck_assert_ptr_null(bytes_take(&in, 4));
    ck_assert_ptr_null(bytes_take(&in, 1)); /* it sticks */
    struct bytes_out out = {.most = 3};
    bytes_put(&out, "abc", 3);
    ck_assert(!out.failed);
    bytes_put(&out, "d", 1);
    ck_assert(out.failed);
    free(out.bytes);
}
END_TEST

struct drained {
    size_t n, most;
};

static bool drain(void *context, const uint8_t *bytes, size_t n)
{
    struct drained *drained = context;
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(bytes[i], (drained->n + i) % 251);
    drained->n += n;
    return drained->n <= drained->most;
}

START_TEST(a_drain_gets_it_all)
{
    enum { TOTAL = 5000000 };
    struct drained drained = {.most = TOTAL};
    struct bytes_out out = {.drain = drain, .context = &drained};
    for (size_t i = 0; i < TOTAL; i++)
        bytes_put_le(&out, i % 251, 1);
    ck_assert(bytes_drain(&out));
    ck_assert_uint_eq(drained.n, TOTAL);
    ck_assert_uint_le(out.cap, 4 << 20); /* it does not hold what has gone */

    drained = (struct drained){.most = 1};
    bytes_put(&out, "\0\1", 2);
    ck_assert(!bytes_drain(&out));
    bytes_put(&out, "\2", 1);
    ck_assert(!bytes_drain(&out));
    ck_assert_uint_eq(drained.n, 2);
    free(out.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tests = tcase_create("bytes");
    tcase_add_test(tests, numbers_come_back);
    tcase_add_test(tests, what_is_wrong_fails);
    tcase_add_test(tests, a_drain_gets_it_all);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
