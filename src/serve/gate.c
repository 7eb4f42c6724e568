#include "serve/gate.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { DECODED_MAX = 768 };

static int digit(char c)
{
    static const char DIGITS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(DIGITS, c) : NULL;
    return at ? (int)(at - DIGITS) : -1;
}

/* Base64 (RFC 4648) up to padding or the end; false for anything else. */
static bool decode(const char *text, char out[static DECODED_MAX])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (; digit(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit(*text);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (n == DECODED_MAX - 1)
            return false;
        out[n++] = (char)(bits >> have & 0xff);
    }
    out[n] = '\0';
    return strspn(text, "=") == strlen(text) && strlen(out) == n;
}

static bool equal(const char *given, const char *token)
{
    size_t n = strlen(token), m = strlen(given);
    unsigned differ = n != m;
    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)token[i] ^ (unsigned char)(m ? given[i % m] : 0);
    return differ == 0;
}

bool gate_has_token(const char *header, const char *token)
{
    char decoded[DECODED_MAX];
    if (!header)
        return false;
    if (strncasecmp(header, "Bearer ", 7) == 0)
        return equal(header + 7, token);
    if (strncasecmp(header, "Basic ", 6) != 0 || !decode(header + 6, decoded))
        return false;
    const char *colon = strchr(decoded, ':');
    return colon && equal(colon + 1, token);
}

bool gate_is_local_host(const char *header)
{
    if (!header)
        return false;
    if (strncmp(header, "[::1]", 5) == 0)
        return header[5] == '\0' || header[5] == ':';
    size_t n = strcspn(header, ":");
    if (n == 9 && strncasecmp(header, "localhost", 9) == 0)
        return true;
    return strncmp(header, "127.", 4) == 0 && strspn(header, "0123456789.") == n;
}
