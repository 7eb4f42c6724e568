#include "sink/utf8.h"

static const struct {
    uint8_t mask, lead; /* of the first byte */
    uint32_t least;     /* below: the encoding is overlong */
} FORMS[] = {
    {0x80, 0x00, 0},
    {0xe0, 0xc0, 0x80},
    {0xf0, 0xe0, 0x800},
    {0xf8, 0xf0, 0x10000},
};

size_t utf8_next(const char *text, uint32_t *ret_code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t form = 0; form < sizeof FORMS / sizeof FORMS[0]; form++) {
        if ((bytes[0] & FORMS[form].mask) != FORMS[form].lead)
            continue;
        uint32_t code = bytes[0] & (uint8_t)~FORMS[form].mask;
        for (size_t i = 1; i <= form; i++) {
            if ((bytes[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (bytes[i] & 0x3f);
        }
        if (code < FORMS[form].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        *ret_code = code;
        return form + 1;
    }
    return 0;
}

bool utf8_is_unsafe(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } UNSAFE[] = {{0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},
                  {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
                  {0xfff9, 0xfffb}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof UNSAFE / sizeof UNSAFE[0]; i++)
        if (code >= UNSAFE[i].first && code <= UNSAFE[i].last)
            return true;
    return false;
}
