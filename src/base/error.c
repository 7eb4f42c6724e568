/* Error texts: formatted once, control characters escaped so that a hostile file name or token
 * cannot drive the reader's terminal. */
#include <nightscope/error.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the printable UTF-8 character that begins here (RFC 3629); 0: a byte to escape. */
static size_t printable(const unsigned char *at)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool control = at[0] == 0xc2 && at[1] < 0xa0; /* C1: some terminals obey them */
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
    bool beyond = at[0] == 0xf4 && at[1] >= 0x90;
    return control || overlong || surrogate || beyond ? 0 : length;
}

/* Copies text into out, escaping what is not printable UTF-8; cuts at cap. */
static void escape(char *out, size_t cap, const char *text)
{
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = printable(at), need = length ? length : 4;
        if (used + need >= cap)
            break;
        if (length)
            memcpy(out + used, at, length);
        else
            (void)snprintf(out + used, 5, "\\x%02x", *at);
        used += need;
        at += length ? length : 1;
    }
    out[used] = '\0';
}

int err_set(struct err *err, const char *origin, unsigned line, unsigned column,
            const char *format, ...)
{
    if (!err)
        return -1;
    char text[ERR_TEXT_CAP];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a long text is cut */
    va_end(args);
    escape(err->text, sizeof err->text, text);
    escape(err->origin, sizeof err->origin, origin ? origin : "");
    err->line = line;
    err->column = column;
    return -1;
}

void err_format(const struct err *err, char *buf, unsigned long cap)
{
    const char *colon = err->origin[0] ? ": " : "";
    if (err->line && err->column)
        (void)snprintf(buf, cap, "%s:%u:%u: %s", err->origin, err->line, err->column,
                       err->text);
    else if (err->line)
        (void)snprintf(buf, cap, "%s:%u: %s", err->origin, err->line, err->text);
    else
        (void)snprintf(buf, cap, "%s%s%s", err->origin, colon, err->text);
}
