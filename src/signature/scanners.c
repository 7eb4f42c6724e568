/* Lists of published scanner prefixes, given by the user, as signatures.
 *
 *      # prefix            name
 *      192.0.2.0/24        example-survey
 *      2001:db8::/32       example-survey
 *
 * Every name becomes one signature `known-NAME` with the label NAME, of origin research, that
 * matches its prefixes. Nothing else is special about it. */
#include <nightscope/prefix.h>
#include <nightscope/signature.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_ROWS_MAX = 100000,
    LIST_LINE_CAP = 512,
    NAME_MAX_LEN = SIGNATURE_NAME_MAX - 8, /* "known-" goes before it */
};

struct row {
    char name[SIGNATURE_NAME_MAX];
    char prefix[ADDRESS_TEXT_CAP + 4];
    bool is6;
};

struct list {
    struct row *rows;
    size_t n, cap;
};

static void add_error(struct signature_errors *errors, const struct err *err)
{
    if (errors->n < SIGNATURE_ERRORS_MAX)
        errors->items[errors->n++] = *err;
    else
        errors->unseen++;
}

static bool is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_");
    return length > 0 && length <= NAME_MAX_LEN && !name[length];
}

/* One line: empty, a comment, or PREFIX NAME. -1 with *err. */
static int read_line(struct list *list, char *text, const char *path, unsigned line,
                     struct err *err)
{
    const char *cr = strchr(text, '\r');
    if (cr && cr[strspn(cr, " \t\r\n")])
        return err_set(
            err, path, line, (unsigned)(cr - text) + 1,
            "a carriage return without a line feed: expected lines that end with LF or "
            "CR LF");
    text[strcspn(text, "#\r\n")] = '\0';
    char *rest = text;
    const char *words[3];
    unsigned n = 0;
    for (char *word; n < 3 && (word = strsep(&rest, " \t"));)
        if (*word)
            words[n++] = word;
    if (n == 0)
        return 0;
    if (n != 2)
        return err_set(err, path, line, 1,
                       "expected a prefix and a name, such as 192.0.2.0/24 example");
    struct row row = {0};
    if (!is_name(words[1]))
        return err_set(err, path, line, (unsigned)(words[1] - text) + 1,
                       "name \"%s\": expected at most %d of a-z 0-9 . - _", words[1],
                       NAME_MAX_LEN);
    struct err why;
    struct prefix_set *set =
        strpbrk(words[0], "@!,") ? NULL : prefix_set_parse(words[0], path, &why);
    if (!set || strlen(words[0]) >= sizeof row.prefix) {
        prefix_set_free(set);
        return err_set(
            err, path, line, (unsigned)(words[0] - text) + 1,
            "\"%s\": expected one prefix such as 192.0.2.0/24 or 2001:db8::/32, without "
            "host bits",
            words[0]);
    }
    row.is6 = prefix_set_any6(set);
    prefix_set_free(set);
    (void)snprintf(row.name, sizeof row.name, "%s", words[1]);
    (void)snprintf(row.prefix, sizeof row.prefix, "%s", words[0]);
    if (list->n == LIST_ROWS_MAX)
        return err_set(err, path, line, 1, "more than %d prefixes", LIST_ROWS_MAX);
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        struct row *rows = realloc(list->rows, cap * sizeof *rows);
        if (!rows)
            return err_set(err, path, line, 1, "out of memory");
        list->rows = rows;
        list->cap = cap;
    }
    list->rows[list->n++] = row;
    return 0;
}

static int read_list(struct list *list, const char *path, struct signature_errors *errors)
{
    struct err err;
    FILE *file = fopen(path, "re");
    if (!file) {
        (void)err_set(&err, path, 0, 0, "%s", strerror(errno));
        add_error(errors, &err);
        return -1;
    }
    int status = 0;
    char text[LIST_LINE_CAP];
    for (unsigned line = 1; fgets(text, sizeof text, file); line++) {
        int result = strlen(text) + 1 == sizeof text && text[sizeof text - 2] != '\n'
                         ? err_set(&err, path, line, 1, "a line is at most %d bytes long",
                                   LIST_LINE_CAP - 2)
                         : read_line(list, text, path, line, &err);
        if (result == 0)
            continue;
        status = -1;
        add_error(errors, &err);
        if (errors->unseen > 0 || list->n == LIST_ROWS_MAX)
            break;
    }
    if (ferror(file)) {
        (void)err_set(&err, path, 0, 0, "cannot be read");
        add_error(errors, &err);
        status = -1;
    }
    (void)fclose(file); /* only read */
    return status;
}

static int compare(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int names = strcmp(a->name, b->name);
    if (names)
        return names;
    return a->is6 != b->is6 ? a->is6 - b->is6 : strcmp(a->prefix, b->prefix);
}

/* The rows [begin, end) of one name as text of the language. */
static void write_signature(FILE *out, const struct list *list, size_t begin, size_t end,
                            const char *path)
{
    const char *name = list->rows[begin].name;
    (void)fprintf(out,
                  "signature known-%s\n    title %s, by its published prefixes\n    label %s\n"
                  "    origin research\n    chance 2^-64\n    match ",
                  name, name, name);
    for (size_t i = begin; i < end; i++) {
        bool first = i == begin || list->rows[i].is6 != list->rows[i - 1].is6;
        if (first)
            (void)fprintf(out, "%s%s in {", i == begin ? "" : "} or ",
                          list->rows[i].is6 ? "ipv6.src" : "ip.src");
        (void)fprintf(out, "%s%s", first ? "" : ", ", list->rows[i].prefix);
    }
    (void)fprintf(out, "}\n    reference %s\n", path);
}

int signature_set_load_scanners(struct signature_set *set, const char *path,
                                struct signature_errors *errors)
{
    struct list list = {0};
    int status = read_list(&list, path, errors);
    if (status == 0 && list.n > 0)
        qsort(list.rows, list.n, sizeof *list.rows, compare);
    for (size_t begin = 0, end; status == 0 && begin < list.n; begin = end) {
        for (end = begin + 1;
             end < list.n && strcmp(list.rows[end].name, list.rows[begin].name) == 0;)
            end++;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        if (out) {
            write_signature(out, &list, begin, end, "the user's list");
            if (fclose(out) != 0)
                size = 0;
        }
        status = size > 0 ? signature_set_parse(set, path, text, size, errors) : -1;
        free(text);
    }
    free(list.rows);
    return status;
}
