#include "app/message.h"

#include <stdio.h>

void message_error(const struct err *err)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    err_format(err, text, sizeof text);
    (void)fprintf(stderr, "nightscope: %s\n", text);
}

void message_warning(const char *format, ...)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a long text is cut */
    va_end(args);
    struct err escaped;
    (void)err_set(&escaped, NULL, 0, 0, "%s", text);
    (void)fprintf(stderr, "nightscope: warning: %s\n", escaped.text);
}
