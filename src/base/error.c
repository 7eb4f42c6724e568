/* Error texts: formatted once, control characters escaped so that a hostile file name or token
 * cannot drive the reader's terminal. */
#include <nightscope/error.h>

#include <stdbool.h>
#include <stdio.h>

/* Copies text into out, escaping control characters; cuts at cap. */
static void escape(char *out, size_t cap, const char *text)
{
    size_t used = 0;
    for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
        bool control = *byte < 0x20 || *byte == 0x7f;
        size_t need = control ? 4 : 1;
        if (used + need >= cap)
            break;
        if (control)
            (void)snprintf(out + used, 5, "\\x%02x", *byte);
        else
            out[used] = (char)*byte;
        used += need;
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
