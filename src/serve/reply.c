#include "serve/reply.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 32 };

bool reply_number(const struct redis_reply *reply, uint64_t *ret_number)
{
    if (reply->kind == REDIS_NUMBER && reply->number >= 0) {
        *ret_number = (uint64_t)reply->number;
        return true;
    }
    if (reply->kind != REDIS_TEXT || reply->len == 0 || reply->len > NUMBER_MAX ||
        strspn(reply->text, "0123456789.e+") != reply->len || reply->text[0] < '0' ||
        reply->text[0] > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long whole = strtoull(reply->text, &end, 10);
    if (!errno && !*end) {
        *ret_number = whole;
        return true;
    }
    double real = strtod(reply->text, &end); /* a score above 10^17 */
    if (*end || !isfinite(real))
        return false;
    *ret_number = real >= 1.8e19 ? UINT64_MAX : (uint64_t)real;
    return true;
}

const struct redis_reply *reply_field(const struct redis_reply *list, const char *name)
{
    if (list->kind != REDIS_LIST)
        return NULL;
    size_t n = strlen(name);
    for (size_t i = 0; i + 1 < list->len; i += 2) {
        const struct redis_reply *key = &list->items[i];
        if (key->kind == REDIS_TEXT && key->len == n && memcmp(key->text, name, n) == 0)
            return list->items[i + 1].kind == REDIS_TEXT ? &list->items[i + 1] : NULL;
    }
    return NULL;
}

uint64_t reply_count(const struct redis_reply *list, const char *name)
{
    uint64_t number = 0;
    const struct redis_reply *value = reply_field(list, name);
    if (value)
        (void)reply_number(value, &number); /* stays 0 */
    return number;
}

const char *reply_text(const struct redis_reply *list, const char *name)
{
    const struct redis_reply *value = reply_field(list, name);
    return value && strlen(value->text) == value->len ? value->text : "";
}

bool reply_id_ms(const struct redis_reply *id, uint64_t *ret_ms)
{
    if (id->kind != REDIS_TEXT || id->len == 0 || id->len > 40)
        return false;
    char *end;
    errno = 0;
    unsigned long long ms = strtoull(id->text, &end, 10);
    if (errno || end == id->text || *end != '-' || id->text[0] < '0' || id->text[0] > '9')
        return false;
    *ret_ms = ms;
    return true;
}

const struct redis_reply *reply_pairs(const struct redis_reply *reply)
{
    return reply->kind == REDIS_LIST && reply->len % 2 == 0 ? reply : NULL;
}
