/* The secret that clients of the web server must know, from a file. */
#pragma once

#include <nightscope/error.h>

enum { TOKEN_MIN = 16, TOKEN_MAX = 512 };

struct token {
    char text[TOKEN_MAX + 1];
};

/* The first line of the file, which nobody but its owner may read. 0, or -1 with *err. */
int token_read(struct token *token, const char *path, struct err *err);
