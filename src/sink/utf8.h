/* UTF-8 (RFC 3629) of names that come from outside: what is not valid is replaced. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the character that starts at text, 1..4, and its code point; 0 when it is not one
 * (overlong, a surrogate, past U+10FFFF, cut short). Reads no further than a NUL. */
size_t utf8_next(const char *text, uint32_t *ret_code);
/* Does the character do something to a terminal or to lines of text: move the cursor, ring, end
 * a line, turn the direction of writing? Or is it not to be seen? */
bool utf8_is_unsafe(uint32_t code);
