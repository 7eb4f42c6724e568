#include "publish/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool keys_is_sensor(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (n == SENSOR_MAX ||
            !(is_digit(text[n]) || is_letter(text[n]) || strchr("._-", text[n])))
            return false;
    return n > 0;
}

bool keys_is_incarnation(const char *text)
{
    enum { DIGITS = 13 };
    size_t n = 0;
    for (; n < DIGITS; n++)
        if (!is_digit(text[n]))
            return false;
    if (text[n++] != '-')
        return false;
    for (; text[n]; n++)
        if (n == INCARNATION_MAX || !(is_digit(text[n]) || is_letter(text[n])))
            return false;
    return n > DIGITS + 1;
}

void keys_init(struct keys *keys, const char *sensor, const char *incarnation)
{
    assert(keys_is_sensor(sensor) && keys_is_incarnation(incarnation));
    (void)snprintf(keys->prefix, sizeof keys->prefix, "ns:{%s}:", sensor);
    (void)snprintf(keys->stage, sizeof keys->stage, "%sstage:%s:", keys->prefix, incarnation);
    (void)snprintf(keys->owner, sizeof keys->owner, "%sowner", keys->prefix);
    keys->prefix_len = strlen(keys->prefix);
}

struct name name_new(const char *text, size_t len)
{
    struct name name = {.text = malloc(len + 1), .len = len};
    if (name.text) {
        memcpy(name.text, text, len);
        name.text[len] = '\0';
    }
    return name;
}

int name_compare(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    size_t n = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->text, right->text, n);
    return order ? order : (left->len > right->len) - (left->len < right->len);
}

bool names_add(struct names *names, const char *text, size_t len)
{
    if (names->n == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 64;
        struct name *grown = realloc(names->items, cap * sizeof *grown);
        if (!grown)
            return false;
        names->items = grown;
        names->cap = cap;
    }
    struct name name = name_new(text, len);
    if (name.text)
        names->items[names->n++] = name;
    return name.text;
}

void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i].text);
    free(names->items);
    *names = (struct names){0};
}
