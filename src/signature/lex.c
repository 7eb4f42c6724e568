/* Cuts text into tokens. Bytes outside ASCII are fine in comments and strings only. */
#include "lex.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip_space(struct lexer *lexer)
{
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        if (c == '#') {
            const char *end = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
            if (!end) {
                lexer->at = lexer->end;
                return;
            }
            lexer->at = end;
            c = '\n';
        }
        if (c == '\n') {
            lexer->line++;
            lexer->line_start = lexer->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

/* An IPv6 address has two colons at least; a slice (`payload[0:2]`) has one. */
static size_t ipv6_length(const struct lexer *lexer)
{
    const char *at = lexer->at;
    unsigned colons = 0;
    while (at < lexer->end && (is_hex(*at) || *at == ':' || *at == '.'))
        colons += *at++ == ':';
    return colons >= 2 ? (size_t)(at - lexer->at) : 0;
}

static size_t word_length(const struct lexer *lexer)
{
    const char *at = lexer->at;
    while (at < lexer->end &&
           (is_word(*at) || (*at == '.' && at + 1 < lexer->end && is_word(at[1]))))
        at++;
    return (size_t)(at - lexer->at);
}

/* Length of a string with both quotes; 0 when it does not end on its line. */
static size_t string_length(const struct lexer *lexer)
{
    for (const char *at = lexer->at + 1; at < lexer->end && *at != '\n'; at++) {
        if (*at == '"')
            return (size_t)(at + 1 - lexer->at);
        if (*at == '\\' && at + 1 < lexer->end && at[1] != '\n')
            at++;
    }
    return 0;
}

static size_t op_length(const struct lexer *lexer)
{
    static const char TWO[][3] = {"==", "!=", "<=", ">=", "<<", ">>", "..", "&&", "||"};
    if (lexer->end - lexer->at >= 2)
        for (size_t i = 0; i < sizeof TWO / sizeof TWO[0]; i++)
            if (memcmp(lexer->at, TWO[i], 2) == 0)
                return 2;
    return *lexer->at && strchr("()[]{},:<>&|^+-*~!/", *lexer->at) ? 1 : 0;
}

struct token lex_next(struct lexer *lexer)
{
    skip_space(lexer);
    struct token token = {.kind = TOK_END, .text = lexer->at, .line = lexer->line};
    token.column = (unsigned)(lexer->at - lexer->line_start) + 1;
    if (lexer->at >= lexer->end)
        return token;
    char c = *lexer->at;
    if (c == '"') {
        token.len = string_length(lexer);
        token.kind = token.len ? TOK_STRING : TOK_BAD;
    } else if ((is_hex(c) || c == ':') && (token.len = ipv6_length(lexer)) > 0) {
        token.kind = TOK_IPV6;
    } else if (is_word(c)) {
        token.len = word_length(lexer);
        token.kind = TOK_WORD;
    } else {
        token.len = op_length(lexer);
        token.kind = token.len ? TOK_OP : TOK_BAD;
    }
    if (token.len == 0)
        token.len = 1;
    lexer->at += token.len;
    return token;
}

bool token_is(const struct token *token, const char *text)
{
    return (token->kind == TOK_WORD || token->kind == TOK_OP) && strlen(text) == token->len &&
           memcmp(token->text, text, token->len) == 0;
}
