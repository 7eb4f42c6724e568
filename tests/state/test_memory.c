/* The allocator of large arrays against a naive twin: what an array holds survives growth, its
 * new part is zero, and no two arrays overlap, whatever is grown and freed between. */
#include "harness.h"
#include "state/memory.h"

#include <string.h>
#include <sys/mman.h>

enum { ARRAYS = 24, STEPS = 40, LARGEST = 3 << 20 };

struct array {
    uint8_t *base;
    size_t bytes;
    uint8_t mark; /* every byte that was written */
};

static void holds_mark(const struct array *array)
{
    for (size_t i = 0; i < array->bytes; i += 61)
        ck_assert_uint_eq(array->base[i], array->mark);
    if (array->bytes)
        ck_assert_uint_eq(array->base[array->bytes - 1], array->mark);
}

/* Most are small; some have a span of 2 MiB, or more, for themselves. */
static size_t some_size(struct random *random)
{
    return 1 + random_below(random, (size_t)LARGEST >> random_below(random, 16));
}

static void grow(struct memory *memory, struct array *array, size_t more)
{
    uint8_t *base = memory_grow(memory, array->base, array->bytes, array->bytes + more);
    ck_assert_ptr_nonnull(base);
    array->base = base;
    holds_mark(array);
    for (size_t i = array->bytes; i < array->bytes + more; i += 61)
        ck_assert_uint_eq(base[i], 0);
    ck_assert_uint_eq(base[array->bytes + more - 1], 0);
    memset(base + array->bytes, array->mark, more);
    array->bytes += more;
}

static void run(struct memory *memory, struct random *random)
{
    struct array arrays[ARRAYS] = {0};
    for (unsigned step = 0; step < STEPS; step++) {
        struct array *array = &arrays[random_below(random, ARRAYS)];
        holds_mark(array);
        if (array->bytes > 0 && random_below(random, 3) == 0) {
            memory_free(memory, array->base, array->bytes);
            *array = (struct array){0};
        } else if (array->bytes < 2 * LARGEST) {
            if (array->bytes == 0)
                array->mark = (uint8_t)(1 + random_below(random, 255));
            grow(memory, array, some_size(random));
        }
    }
    for (unsigned i = 0; i < ARRAYS; i++) {
        holds_mark(&arrays[i]);
        memory_free(memory, arrays[i].base, arrays[i].bytes);
    }
}

START_TEST(arrays_keep_what_they_hold)
{
    struct random random = random_seeded("arrays_keep_what_they_hold");
    struct memory *memory = memory_new();
    ck_assert_ptr_nonnull(memory);
    run(memory, &random);
    run(memory, &random); /* on what the first run gave back */
    memory_drop(memory);
}
END_TEST

START_TEST(an_eighth_of_what_is_in_use_is_cleared_ahead)
{
    enum { BYTES = 3 << 19, SPANS = 16 }; /* one array of this size a span */
    struct memory *memory = memory_new();
    struct array arrays[SPANS + 2] = {0};
    for (unsigned i = 0; i < SPANS; i++) {
        ck_assert_msg(i >= 8 || !memory_prepare(memory), "%u spans in use", i);
        arrays[i].mark = (uint8_t)(i + 1);
        grow(memory, &arrays[i], BYTES);
    }
    unsigned cleared = 0;
    while (cleared <= SPANS && memory_prepare(memory))
        cleared++;
    ck_assert_uint_eq(cleared, SPANS / 8);
    for (unsigned i = SPANS; i < SPANS + 2; i++) { /* they serve the next arrays */
        arrays[i].mark = (uint8_t)(i + 1);
        grow(memory, &arrays[i], BYTES);
    }
    ck_assert(memory_prepare(memory));
    for (unsigned i = 0; i < SPANS + 2; i++) {
        holds_mark(&arrays[i]);
        memory_free(memory, arrays[i].base, arrays[i].bytes);
    }
    memory_drop(memory); /* with one that nobody took: a leak if it were forgotten */
}
END_TEST

START_TEST(without_a_memory_every_array_is_a_mapping)
{
    struct random random = random_seeded("without_a_memory_every_array_is_a_mapping");
    run(NULL, &random);
}
END_TEST

START_TEST(the_last_holder_ends_it)
{
    struct memory *memory = memory_new();
    ck_assert_ptr_eq(memory_hold(memory), memory);
    struct array array = {.mark = 7};
    grow(memory, &array, 100);
    memory_drop(memory);
    holds_mark(&array);
    grow(memory, &array, 5000);
    memory_free(memory, array.base, array.bytes);
    memory_drop(memory);
    memory_drop(NULL);
}
END_TEST

static size_t pages_held(uint8_t *base, size_t bytes)
{
    static unsigned char held[LARGEST * 4 / 4096];
    size_t pages = bytes / 4096, n = 0;
    ck_assert_uint_le(pages, sizeof held);
    ck_assert_int_eq(mincore(base, bytes, held), 0);
    for (size_t i = 0; i < pages; i++)
        n += held[i] & 1;
    return n;
}

/* From a span, and from a mapping of its own that has moved before. */
START_TEST(what_a_large_array_grew_by_is_not_held_before_its_use)
{
    enum { MIB = 1 << 20 };
    struct memory *memory = memory_new();
    uint8_t *base = NULL;
    size_t bytes = 0;
    for (size_t grown = MIB; grown <= (size_t)8 * MIB; grown *= 2) {
        base = memory_grow(memory, base, bytes, grown);
        ck_assert_ptr_nonnull(base);
        base[bytes] = 1;
        if (bytes >= (size_t)2 * MIB)
            ck_assert_uint_eq(pages_held(base + bytes, grown - bytes), 1);
        memset(base + bytes, 1, grown - bytes);
        bytes = grown;
    }
    memory_free(memory, base, bytes);
    memory_drop(memory);
}
END_TEST

START_TEST(a_size_that_cannot_be_is_refused)
{
    struct memory *memory = memory_new();
    struct array array = {.mark = 9};
    grow(memory, &array, 1000);
    ck_assert_ptr_null(memory_grow(memory, array.base, array.bytes, (size_t)1 << 60));
    holds_mark(&array);
    memory_free(memory, array.base, array.bytes);
    memory_drop(memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, arrays_keep_what_they_hold);
    tcase_add_test(tests, an_eighth_of_what_is_in_use_is_cleared_ahead);
    tcase_add_test(tests, without_a_memory_every_array_is_a_mapping);
    tcase_add_test(tests, the_last_holder_ends_it);
    tcase_add_test(tests, what_a_large_array_grew_by_is_not_held_before_its_use);
    tcase_add_test(tests, a_size_that_cannot_be_is_refused);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
