/* Values of keys that are no expressions: names, numbers with a fraction, dates, spans. None of
 * this depends on a locale. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

bool text_is_name(const char *text, size_t len)
{
    if (len == 0 || len > SIGNATURE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '-' && c != '.' && c != '_')))
            return false;
    }
    return true;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; no control characters. */
size_t text_bad_utf8(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t c = text[i];
        unsigned more = c < 0x80   ? 0
                        : c < 0xc2 ? 9
                        : c < 0xe0 ? 1
                        : c < 0xf0 ? 2
                        : c < 0xf5 ? 3
                                   : 9;
        if (c < 0x20 || c == 0x7f || more == 9 || len - i <= more)
            return i;
        uint32_t code = more == 0 ? c : c & (0x3fU >> more);
        for (unsigned k = 1; k <= more; k++) {
            if ((text[i + k] & 0xc0) != 0x80)
                return i;
            code = code << 6 | (text[i + k] & 0x3fU);
        }
        if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
            (more == 3 && (code < 0x10000 || code > 0x10ffff)))
            return i;
        i += more + 1;
    }
    return len;
}

/* Decimal digits with a fraction, and "2^-32" or "1e-9"; false when text is none of them. */
bool text_real(const char *text, double *ret_value)
{
    double value = 0, scale = 1;
    unsigned digits = 0;
    if (strncmp(text, "2^-", 3) == 0) {
        unsigned exponent = 0;
        for (text += 3; *text >= '0' && *text <= '9' && exponent < 1000; text++, digits++)
            exponent = exponent * 10 + (unsigned)(*text - '0');
        *ret_value = ldexp(1, -(int)exponent);
        return digits && !*text;
    }
    for (; *text >= '0' && *text <= '9'; text++, digits++)
        value = value * 10 + (*text - '0');
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, digits++)
            value += (scale /= 10) * (*text - '0');
    if (digits == 0)
        return false;
    if (*text == 'e') {
        bool negative = text[1] == '-';
        unsigned exponent = 0;
        text += negative ? 2 : 1;
        if (!*text)
            return false;
        for (; *text >= '0' && *text <= '9' && exponent < 1000; text++)
            exponent = exponent * 10 + (unsigned)(*text - '0');
        value = negative ? value / pow(10, exponent) : value * pow(10, exponent);
    }
    *ret_value = value;
    return !*text && isfinite(value);
}

/* "2016", "2016-08" or "2016-08-31" */
bool text_is_date(const char *text)
{
    static const char SHAPE[] = "0000-00-00";
    size_t len = strlen(text);
    if (len != 4 && len != 7 && len != 10)
        return false;
    for (size_t i = 0; i < len; i++)
        if (SHAPE[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
    int month = len > 4 ? atoi(text + 5) : 1, day = len > 7 ? atoi(text + 8) : 1;
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* "30s", "15m", "6h", "1d"; 0 when it is none. */
uint32_t token_span(const struct token *token)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct token digits = *token;
    uint64_t count;
    if (token->kind != TOK_WORD || token->len < 2)
        return 0;
    digits.len--;
    if (!token_number(&digits, &count) || count > 366U * 86400)
        return 0;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (token->text[digits.len] == UNITS[i].unit &&
            count * UNITS[i].seconds <= 366U * 86400)
            return (uint32_t)count * UNITS[i].seconds;
    return 0;
}
