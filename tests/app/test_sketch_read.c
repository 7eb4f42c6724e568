/* Sketches as Redis stores them: strings made by hand from its format, and broken ones. */
#include "harness.h"
#include "publish/sketch_read.h"

#include <string.h>

static char text[20000];
static uint8_t registers[PROFILE_SKETCH_REGISTERS];

static size_t header(uint8_t encoding)
{
    memset(text, 0, sizeof text);
    memcpy(text, "HYLL", 4);
    text[4] = (char)encoding;
    return 16;
}

static size_t put(size_t at, const char *bytes, size_t n)
{
    memcpy(text + at, bytes, n);
    return at + n;
}

START_TEST(dense_registers_have_six_bits)
{
    size_t n = header(0) + PROFILE_SKETCH_REGISTERS / 4 * 3;
    /* registers 0..3: 1, 51, 2, 48 */
    uint32_t packed = 1U | 51U << 6 | 2U << 12 | 48U << 18;
    (void)put(16, (const char[]){(char)packed, (char)(packed >> 8), (char)(packed >> 16)}, 3);
    text[n - 1] = (char)(7 << 2); /* the last one */
    ck_assert(sketch_read(text, n, registers));
    static const uint8_t first[] = {1, 51, 2, 48, 0};
    ck_assert_mem_eq(registers, first, 5);
    ck_assert_uint_eq(registers[PROFILE_SKETCH_REGISTERS - 1], 7);
    ck_assert(!sketch_read(text, n - 1, registers));
    ck_assert(!sketch_read(text, n + 1, registers));
    text[16] = 63; /* no register is as high */
    ck_assert(!sketch_read(text, n, registers));
    ck_assert_uint_eq(registers[0], 1);
}
END_TEST

START_TEST(sparse_runs_add_up)
{
    /* 5 zeros, two of value 3, 16,374 zeros (XZERO), 3 of value 32 */
    size_t n = put(header(1), (const char[]){4, (char)(0x80 | 2 << 2 | 1)}, 2);
    n = put(n, (const char[]){(char)(0x40 | 16373 >> 8), (char)(16373 & 255)}, 2);
    n = put(n, (const char[]){(char)(0x80 | 31 << 2 | 2)}, 1);
    memset(registers, 0, sizeof registers);
    registers[5] = 9; /* stays: the maximum counts */
    ck_assert(sketch_read(text, n, registers));
    ck_assert_uint_eq(registers[4], 0);
    ck_assert_uint_eq(registers[5], 9);
    ck_assert_uint_eq(registers[6], 3);
    ck_assert_uint_eq(registers[7], 0);
    ck_assert_uint_eq(registers[16381], 32);
    ck_assert_uint_eq(registers[16383], 32);
    uint8_t before[PROFILE_SKETCH_REGISTERS];
    memcpy(before, registers, sizeof before);
    for (size_t cut = 0; cut < n; cut++)
        ck_assert(!sketch_read(text, cut, registers));
    ck_assert(!sketch_read(text, put(n, "\0", 1), registers)); /* a register too many */
    ck_assert_mem_eq(registers, before, sizeof before);
    text[4] = 2;
    ck_assert(!sketch_read(text, n, registers));
    (void)put(0, "HYLX", 4);
    ck_assert(!sketch_read(text, n, registers));
}
END_TEST

START_TEST(what_we_write_comes_back)
{
    struct random random = random_seeded("sketch");
    uint8_t made[PROFILE_SKETCH_REGISTERS], string[PROFILE_SKETCH_BYTES];
    for (unsigned i = 0; i < PROFILE_SKETCH_REGISTERS; i++)
        made[i] = (uint8_t)random_below(&random, 52);
    profile_sketch_encode(made, string);
    memset(registers, 0, sizeof registers);
    ck_assert(sketch_read((const char *)string, sizeof string, registers));
    ck_assert_mem_eq(registers, made, sizeof made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sketch_read");
    TCase *tests = tcase_create("sketch_read");
    tcase_add_test(tests, dense_registers_have_six_bits);
    tcase_add_test(tests, sparse_runs_add_up);
    tcase_add_test(tests, what_we_write_comes_back);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
