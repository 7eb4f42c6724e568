/* Who may come in: the token, and the name the client knows this server by. */
#pragma once

#include <stdbool.h>

/* Does the Authorization header hold the token: `Bearer TOKEN`, or `Basic` with any user and
 * the token as the password? header may be NULL. Takes the same time for every wrong token. */
bool gate_has_token(const char *header, const char *token);
/* Is the Host header one of this machine's own: localhost, 127.x.x.x, [::1]? A page from
 * elsewhere whose name was made to point here (DNS rebinding) has another. NULL is not. */
bool gate_is_local_host(const char *header);
