/* Parsing prefixes: `192.0.2.0/24,!192.0.2.7,@FILE`. */
#include "packet/prefix_list.h"

#include <nightscope/packet.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a token stands, for messages; line 0 is the option itself. */
struct place_of {
    const char *origin;
    unsigned line, column;
};

enum { TOKEN_CAP = 64 }; /* longer than any prefix */

static int fail(struct err *err, const struct place_of *place, const char *token,
                const char *problem)
{
    return err_set(err, place->origin, place->line, place->column, "\"%.*s\": %s", TOKEN_CAP,
                   token, problem);
}

static int add(struct prefix_list *list, const struct prefix *prefix,
               const struct place_of *place, struct err *err)
{
    if (list->n == PREFIX_LIST_MAX)
        return err_set(err, place->origin, place->line, place->column, "more than %d prefixes",
                       PREFIX_LIST_MAX);
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? 2 * list->cap : 16;
        struct prefix *grown = realloc(list->prefixes, cap * sizeof *grown);
        if (!grown)
            return err_set(err, place->origin, place->line, place->column, "out of memory");
        list->prefixes = grown;
        list->cap = cap;
    }
    list->prefixes[list->n++] = *prefix;
    return 0;
}

/* Digits alone, at most three; -1 otherwise. */
static int parse_length(const char *text)
{
    int value = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 3 || (n > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

/* "192.0.2.0/24" */
static void format_prefix(const struct prefix *prefix, char *buf, size_t cap)
{
    char text[ADDRESS_TEXT_CAP];
    struct address address = {.is6 = prefix->is6};
    int length = prefix->is6 ? 128 : 32;
    for (address128 host = prefix->end - prefix->start; host; host >>= 1)
        length--;
    if (prefix->is6)
        address.v6 =
            (struct ip6){.hi = (uint64_t)(prefix->start >> 64), .lo = (uint64_t)prefix->start};
    else
        address.v4 = (uint32_t)prefix->start;
    (void)snprintf(buf, cap, "%s/%d", address_format(&address, text), length);
}

static int fail_host_bits(struct err *err, const struct place_of *place, const char *token,
                          const struct prefix *prefix)
{
    char text[TOKEN_CAP];
    format_prefix(prefix, text, sizeof text);
    return err_set(err, place->origin, place->line, place->column,
                   "\"%s\": host bits are set, the prefix is %s", token, text);
}

static int parse_prefix(struct prefix_list *list, const char *token,
                        const struct place_of *place, struct err *err)
{
    static const char expected[] =
        "expected a prefix such as 192.0.2.0/24 or 2001:db8::/32, or an address";
    struct prefix prefix = {.out = token[0] == '!'};
    char text[TOKEN_CAP];
    const char *bare = token + (prefix.out ? 1 : 0);
    if (strlen(bare) >= sizeof text)
        return fail(err, place, token, expected);
    strcpy(text, bare);
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    struct address address;
    if (address_parse(text, &address) != 0)
        return fail(err, place, token, expected);
    int bits = address.is6 ? 128 : 32;
    int length = slash ? parse_length(slash + 1) : bits;
    if (length < 0 || length > bits)
        return fail(err, place, token,
                    address.is6 ? "expected a prefix length of 0 to 128"
                                : "expected a prefix length of 0 to 32");
    address128 number =
        address.is6 ? (address128)address.v6.hi << 64 | address.v6.lo : (address128)address.v4;
    address128 host =
        length == 0 && bits == 128 ? ~(address128)0 : ((address128)1 << (bits - length)) - 1;
    prefix.is6 = address.is6;
    prefix.start = number & ~host;
    prefix.end = number | host;
    if (number & host)
        return fail_host_bits(err, place, token, &prefix);
    return add(list, &prefix, place, err);
}

/* The bytes of a file with a NUL after them; the caller frees them. An error is the file's, not
 * the option's. */
static char *read_file(const char *path, const char *origin, struct err *err)
{
    size_t size = 0, cap = 1 << 16;
    char *text = NULL, *ret = NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        (void)err_set(err, path, 0, 0, "cannot be read for %s: %s", origin, strerror(errno));
        return NULL;
    }
    for (;;) {
        char *grown = realloc(text, cap);
        if (!grown) {
            (void)err_set(err, path, 0, 0, "out of memory");
            goto out;
        }
        text = grown;
        size += fread(text + size, 1, cap - 1 - size, file);
        if (size < cap - 1)
            break;
        if (cap > PREFIX_FILE_BYTES_MAX) {
            (void)err_set(err, path, 0, 0, "longer than %d bytes", PREFIX_FILE_BYTES_MAX);
            goto out;
        }
        cap *= 2;
    }
    if (ferror(file)) {
        (void)err_set(err, path, 0, 0, "cannot be read for %s: %s", origin, strerror(errno));
        goto out;
    }
    text[size] = '\0';
    if (strlen(text) != size) {
        (void)err_set(err, path, 0, 0, "expected text, found a NUL byte");
        goto out;
    }
    ret = text;
    text = NULL;
out:
    free(text);
    (void)fclose(file); /* read only */
    return ret;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Prefixes one or more a line, apart by blanks or commas; `#` starts a comment. */
static int parse_file(struct prefix_list *list, const char *path, const char *origin,
                      struct err *err)
{
    char *text = read_file(path, origin, err);
    int ret = text ? 0 : -1;
    struct place_of place = {.origin = path, .line = 1};
    const char *line = text;
    for (char *at = text; ret == 0 && *at;) {
        size_t skip = strspn(at, " \t\r,");
        at += skip;
        if (*at == '#')
            at += strcspn(at, "\r\n"); /* lines may end with CR alone */
        if (*at == '\n') {
            line = ++at;
            place.line++;
            continue;
        }
        size_t length = strcspn(at, " \t\r,\n#");
        if (length == 0)
            continue; /* the end of the text */
        char *end = at + length, after = *end;
        *end = '\0';
        place.column = (unsigned)(at - line) + 1;
        ret = parse_prefix(list, at, &place, err);
        *end = after;
        at = end;
    }
    free(text);
    return ret;
}

static int parse_element(struct prefix_list *list, char *element, const char *origin,
                         struct err *err)
{
    struct place_of place = {.origin = origin};
    while (is_blank(*element))
        element++;
    size_t length = strlen(element);
    while (length > 0 && is_blank(element[length - 1]))
        element[--length] = '\0';
    if (element[0] == '@')
        return parse_file(list, element + 1, origin, err);
    return parse_prefix(list, element, &place, err);
}

static int compare(const void *a_in, const void *b_in)
{
    const struct prefix *a = a_in, *b = b_in;
    if (a->is6 != b->is6)
        return a->is6 ? 1 : -1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->end < b->end) - (a->end > b->end);
}

/* Sorts, drops duplicates; the same prefix both in and out is a contradiction. */
static int arrange(struct prefix_list *list, const char *origin, struct err *err)
{
    uint32_t kept = 0;
    qsort(list->prefixes, list->n, sizeof *list->prefixes, compare);
    for (uint32_t i = 0; i < list->n; i++) {
        struct prefix *prefix = &list->prefixes[i];
        if (kept > 0 && compare(&list->prefixes[kept - 1], prefix) == 0) {
            if (list->prefixes[kept - 1].out == prefix->out)
                continue;
            char text[TOKEN_CAP];
            format_prefix(prefix, text, sizeof text);
            return err_set(err, origin, 0, 0,
                           "%s is both in the set and, with \"!\", out of it", text);
        }
        list->prefixes[kept++] = *prefix;
    }
    list->n = kept;
    for (list->n4 = 0; list->n4 < kept && !list->prefixes[list->n4].is6;)
        list->n4++;
    return 0;
}

int prefix_list_parse(struct prefix_list *list, const char *text, const char *origin,
                      struct err *err)
{
    char *copy = strdup(text);
    int ret = copy ? 0 : err_set(err, origin, 0, 0, "out of memory");
    char *rest = copy;
    while (ret == 0 && rest) {
        char *element = strsep(&rest, ",");
        ret = parse_element(list, element, origin, err);
    }
    free(copy);
    return ret == 0 && list->n > 0 ? arrange(list, origin, err) : ret;
}

void prefix_list_fini(struct prefix_list *list)
{
    free(list->prefixes);
    *list = (struct prefix_list){0};
}
