#include "app/message.h"

#include <stdio.h>

void message_error(const struct err *err)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    err_format(err, text, sizeof text);
    (void)fprintf(stderr, "nightscope: %s\n", text);
}

static void print(const char *prefix, const char *format, va_list args)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP];
    (void)vsnprintf(text, sizeof text, format, args); /* a long text is cut */
    struct err escaped;
    (void)err_set(&escaped, NULL, 0, 0, "%s", text);
    (void)fprintf(stderr, "nightscope: %s%s\n", prefix, escaped.text);
}

void message_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("warning: ", format, args);
    va_end(args);
}

void message_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print("", format, args);
    va_end(args);
}
