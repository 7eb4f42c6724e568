/* The language reference says what the table of fields says, and its examples load. */
#include "harness.h"

#include <string.h>

#include "signature/fields.h"

static char document[1 << 17], expected[1 << 16];

static void load_document(void)
{
    char path[1024];
    const char *source = getenv("NIGHTSCOPE_SOURCE");
    ck_assert_ptr_nonnull(source);
    (void)snprintf(path, sizeof path, "%s/contrib/doc/signatures.md", source);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t len = fread(document, 1, sizeof document - 1, file);
    document[len] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_uint_gt(len, 1000);
}

static void type_text(const struct field *field, char *out, size_t cap)
{
    switch (field->kind) {
    case KIND_TEST:
    case KIND_PRESENT:
        (void)snprintf(out, cap, "truth");
        return;
    case KIND_BYTES:
        (void)snprintf(out, cap, "bytes");
        return;
    case KIND_ADDRESS:
        (void)snprintf(out, cap, "IPv6");
        return;
    case KIND_COLUMN:
    case KIND_COMPUTED:
        (void)snprintf(out, cap, "%u bit%s", field->bits, field->bits == 1 ? "" : "s");
        return;
    }
}

START_TEST(every_field_has_its_row)
{
    unsigned rows = 0;
    load_document();
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        char type[32], row[512];
        type_text(&FIELDS[i], type, sizeof type);
        (void)snprintf(row, sizeof row, "\n| `%s` | %s | %s |\n", FIELDS[i].name, type,
                       FIELDS[i].text);
        ck_assert_msg(strstr(document, row) != NULL, "missing:%s", row);
        rows++;
    }
    for (unsigned i = 0; i < FIELD_NAMES_COUNT; i++) {
        char row[512];
        if (FIELD_NAMES[i].text)
            (void)snprintf(row, sizeof row, "\n| `%s` | either | %s |\n", FIELD_NAMES[i].name,
                           FIELD_NAMES[i].text);
        else
            (void)snprintf(row, sizeof row, "\n| `%s` | `%s` |\n", FIELD_NAMES[i].name,
                           FIELDS[FIELD_NAMES[i].a].name);
        ck_assert_msg(strstr(document, row) != NULL, "missing:%s", row);
        rows++;
    }
    /* and no row is of a field that is gone */
    const char *at = strstr(document, "\n## Fields\n");
    ck_assert_ptr_nonnull(at);
    for (unsigned found = 0;; found++) {
        at = strstr(at, "\n| `");
        if (!at) {
            ck_assert_uint_eq(found, rows);
            break;
        }
        at++;
    }
}
END_TEST

START_TEST(examples_of_the_reference_load)
{
    static struct signature_errors errors;
    load_document();
    size_t len = 0;
    for (const char *line = document; *line; line = strchr(line, '\n') + 1) {
        size_t size = (size_t)(strchr(line, '\n') - line) + 1;
        if (strncmp(line, "## Keys", 7) == 0)
            break;
        if (size > 4 && strncmp(line, "    ", 4) == 0) {
            memcpy(expected + len, line + 4, size - 4);
            len += size - 4;
        }
    }
    struct signature_set *set = signature_set_new();
    int result = signature_set_parse(set, "signatures.md", expected, len, &errors);
    ck_assert_msg(result == 0, "line %u: %s", errors.items[0].line, errors.items[0].text);
    ck_assert_uint_eq(signature_count(set), 3);
    signature_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reference");
    TCase *tests = tcase_create("reference");
    tcase_add_test(tests, every_field_has_its_row);
    tcase_add_test(tests, examples_of_the_reference_load);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
