#include "sink/json_out.h"

#include "sink/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void json_out_init(struct json_out *json, FILE *out)
{
    *json = (struct json_out){.out = out};
}

static void put(struct json_out *json, const char *bytes, size_t n)
{
    if (!json->error && fwrite(bytes, 1, n, json->out) != n)
        json->error = errno ? errno : EIO;
}

static void put_token(struct json_out *json, const char *token)
{
    if (json->comma)
        put(json, ",", 1);
    put(json, token, strlen(token));
    json->comma = true;
}

void json_out_open(struct json_out *json, char bracket)
{
    put_token(json, (char[]){bracket, '\0'});
    json->comma = false;
}

void json_out_close(struct json_out *json, char bracket)
{
    put(json, &bracket, 1);
    json->comma = true;
}

void json_out_key(struct json_out *json, const char *key)
{
    json_out_text(json, key);
    put(json, ":", 1);
    json->comma = false;
}

void json_out_number(struct json_out *json, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    put_token(json, digits);
}

void json_out_bool(struct json_out *json, bool value)
{
    put_token(json, value ? "true" : "false");
}

void json_out_null(struct json_out *json)
{
    put_token(json, "null");
}

/* One character that cannot stand for itself. */
static void put_escaped(struct json_out *json, char byte)
{
    static const char SHORT[][2] = {{'"', '"'},  {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'},
                                    {'\t', 't'}, {'\b', 'b'},  {'\f', 'f'}};
    char escape[8];
    (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)byte);
    for (size_t i = 0; i < sizeof SHORT / sizeof SHORT[0]; i++)
        if (byte == SHORT[i][0])
            (void)snprintf(escape, sizeof escape, "\\%c", SHORT[i][1]);
    put(json, escape, strlen(escape));
}

void json_out_text(struct json_out *json, const char *text)
{
    put_token(json, "\"");
    const char *plain = text; /* start of what is not written yet and stands for itself */
    while (*text) {
        uint32_t code;
        size_t length = utf8_next(text, &code);
        if (length > 0 && code >= 0x20 && code != 0x7f && code != '"' && code != '\\') {
            text += length;
            continue;
        }
        put(json, plain, (size_t)(text - plain));
        if (length > 0)
            put_escaped(json, *text);
        else
            put(json, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
        plain = ++text;
    }
    put(json, plain, (size_t)(text - plain));
    put(json, "\"", 1);
}

int json_out_finish(struct json_out *json)
{
    put(json, "\n", 1);
    if (!json->error && fflush(json->out) != 0)
        json->error = errno ? errno : EIO;
    return json->error;
}
