#include "golden.h"

#include "harness.h"

#include <string.h>

enum { GOLDEN_CAP = 1 << 20 };

void golden_check(const char *name, const char *text)
{
    static char expected[GOLDEN_CAP];
    char path[4096];
    const char *root = getenv("NIGHTSCOPE_SOURCE"),
               *regenerate = getenv("NIGHTSCOPE_REGENERATE");
    (void)snprintf(path, sizeof path, "%s/tests/sink/golden/%s", root ? root : ".", name);
    if (regenerate && strcmp(regenerate, "1") == 0) {
        FILE *file = fopen(path, "wb");
        ck_assert_msg(file != NULL, "%s", path);
        ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
        ck_assert_int_eq(fclose(file), 0);
        return;
    }
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    size_t size = fread(expected, 1, sizeof expected - 1, file);
    ck_assert_int_eq(fclose(file), 0);
    expected[size] = '\0';
    size_t same = 0;
    while (text[same] && text[same] == expected[same])
        same++;
    ck_assert_msg(text[same] == expected[same],
                  "%s differs at byte %zu:\n%.200s\nis not\n%.200s", name, same, text + same,
                  expected + same);
}
