/* Words as numbers, addresses and hex bytes. */
#include "parse.h"

#include <arpa/inet.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool token_number(const struct token *token, uint64_t *ret_value)
{
    const char *at = token->text, *end = at + token->len;
    bool hex = token->len > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    uint64_t value = 0;
    if (token->kind != TOK_WORD || token->len == 0)
        return false;
    if (!hex && token->len > 1 && at[0] == '0')
        return false; /* 010 is ten to some and eight to others */
    for (at += hex ? 2 : 0; at < end; at++) {
        int digit = hex_digit(*at);
        if (digit < 0 || (!hex && digit > 9) ||
            __builtin_mul_overflow(value, hex ? 16U : 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool token_is_hex(const struct token *token)
{
    if (token->kind != TOK_WORD || token->len % 2)
        return false;
    bool prefixed = token->len > 2 && token->text[0] == '0' && token->text[1] == 'x';
    for (size_t i = prefixed ? 2 : 0; i < token->len; i++)
        if (hex_digit(token->text[i]) < 0)
            return false;
    return true;
}

bool token_ipv4(const struct token *token, uint32_t *ret_address)
{
    uint32_t address = 0, octet = 0;
    unsigned dots = 0, digits = 0;
    if (token->kind != TOK_WORD)
        return false;
    for (size_t i = 0; i < token->len; i++) {
        char c = token->text[i];
        if (c == '.') {
            if (digits == 0 || ++dots > 3)
                return false;
            address = address << 8 | octet;
            octet = digits = 0;
        } else {
            if (c < '0' || c > '9' || ++digits > 3 || (digits > 1 && octet == 0))
                return false;
            octet = octet * 10 + (uint32_t)(c - '0');
            if (octet > 255)
                return false;
        }
    }
    if (dots != 3 || digits == 0)
        return false;
    *ret_address = address << 8 | octet;
    return true;
}

bool token_ipv6(const struct token *token, struct ip6 *ret_address)
{
    char text[64];
    uint8_t bytes[16];
    if (token->len >= sizeof text)
        return false;
    memcpy(text, token->text, token->len);
    text[token->len] = '\0';
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    struct ip6 address = {0, 0};
    for (unsigned i = 0; i < 8; i++) {
        address.hi = address.hi << 8 | bytes[i];
        address.lo = address.lo << 8 | bytes[8 + i];
    }
    *ret_address = address;
    return true;
}
