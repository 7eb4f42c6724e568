/* Strings and hex digits as the bytes they stand for. */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

#include "fields.h"

/* The bytes of a string with its escapes undone; -1 for a bad escape. */
static long unescape(const struct token *token, uint8_t *out)
{
    const char *at = token->text + 1, *end = token->text + token->len - 1;
    long n = 0;
    while (at < end) {
        char c = *at++;
        if (c == '\\') {
            static const char FROM[] = "nrt0\\\"", TO[] = "\n\r\t\0\\\"";
            c = *at++;
            const char *known = c ? strchr(FROM, c) : NULL;
            if (known) {
                c = TO[known - FROM];
            } else {
                struct token digits = {.kind = TOK_WORD, .text = at, .len = 2};
                if (c != 'x' || end - at < 2 || !token_is_hex(&digits))
                    return -1;
                char two[3] = {at[0], at[1], '\0'};
                c = (char)strtoul(two, NULL, 16);
                at += 2;
            }
        }
        out[n++] = (uint8_t)c;
    }
    return n;
}

/* "mss,nop,ws" as one byte a kind; -1 when a name is unknown. */
static long kinds_parse(const uint8_t *text, long len, uint8_t *out)
{
    long n = 0;
    for (long start = 0, i = 0; i <= len; i++) {
        if (i < len && text[i] != ',')
            continue;
        while (start < i && text[start] == ' ')
            start++;
        int kind = tcp_kind_number((const char *)text + start, (size_t)(i - start));
        if (kind < 0)
            return len == 0 ? 0 : -1;
        out[n++] = (uint8_t)kind;
        start = i + 1;
    }
    return n;
}

uint32_t literal_bytes(struct parser *parser, unsigned field, const struct operand *literal)
{
    const struct token *token = &literal->token;
    bool hex = literal->type == TYPE_HEX || (literal->type == TYPE_NUMBER && literal->literal);
    if (literal->type == TYPE_NONE)
        return 0;
    if (literal->type != TYPE_STRING && (!hex || !token_is_hex(token))) {
        parser_expected(parser, token, "a string or an even number of hex digits");
        return 0;
    }
    uint8_t *out = arena_alloc(&parser->ast->arena, 2 * token->len);
    if (!out) {
        parser_error(parser, token, "out of memory");
        return 0;
    }
    long n = 0;
    if (literal->type == TYPE_STRING) {
        n = unescape(token, out);
        if (n < 0) {
            parser_expected(parser, token, "only the escapes \\n \\r \\t \\0 \\\\ \\\" \\xHH");
            return 0;
        }
        if (field == FIELD_TCP_KINDS) {
            uint8_t *kinds = out + token->len;
            n = kinds_parse(out, n, kinds);
            out = kinds;
            if (n < 0) {
                parser_expected(parser, token,
                                "kinds such as \"mss,nop,ws,sackok,ts,eol\" or hex bytes");
                return 0;
            }
        }
    } else {
        size_t start = token->len > 2 && token->text[1] == 'x' ? 2 : 0;
        for (size_t i = start; i < token->len; i += 2) {
            char two[3] = {token->text[i], token->text[i + 1], '\0'};
            out[n++] = (uint8_t)strtoul(two, NULL, 16);
        }
    }
    return ast_blob(parser->ast, out, (size_t)n);
}
