/* A streaming JSON writer (RFC 8259): commas, escapes, valid UTF-8; nothing held in memory.
 * The caller opens and closes in order; the first failure of the stream is kept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
    FILE *out;
    bool comma; /* the next value or key is not the first of its object or list */
    int error;  /* errno of the first write that failed; 0: none */
};

void json_out_init(struct json_out *json, FILE *out);
/* open and close: '{' '}' or '[' ']' */
void json_out_open(struct json_out *json, char bracket);
void json_out_close(struct json_out *json, char bracket);
void json_out_key(struct json_out *json, const char *key);
void json_out_number(struct json_out *json, uint64_t number);
void json_out_bool(struct json_out *json, bool value);
void json_out_null(struct json_out *json);
/* text: any bytes. Those that are not UTF-8 become U+FFFD, each. */
void json_out_text(struct json_out *json, const char *text);
/* A newline, and everything is handed to the system. 0, or the errno of what failed. */
int json_out_finish(struct json_out *json);
