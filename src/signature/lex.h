/* Tokens of an expression. The text spans lines; `#` outside a string starts a comment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum tok {
    TOK_END,
    TOK_WORD,   /* a name, number, IPv4 address or hex bytes: the parser knows which it wants */
    TOK_IPV6,   /* an IPv6 address */
    TOK_STRING, /* with its quotes */
    TOK_OP,     /* one or two punctuation characters */
    TOK_BAD,    /* a byte that starts no token, or a string without its end */
};

struct token {
    enum tok kind;
    const char *text;
    size_t len;
    unsigned line, column;
};

struct lexer {
    const char *at, *end;
    const char *line_start;
    unsigned line;
};

struct token lex_next(struct lexer *lexer);
bool token_is(const struct token *token, const char *text);
