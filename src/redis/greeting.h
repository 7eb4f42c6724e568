/* What is said first on every connection. */
#pragma once

#include "redis/connection.h"

/* Logs in, selects the database, and learns what the server is. */
enum redis_status greeting_run(struct connection *connection, struct err *err);
/* The value of "field:value\r\n" in INFO's answer, up to cap; false: not there, or longer, or
 * not printable. */
bool greeting_info_field(const struct redis_reply *info, const char *field, char *ret_value,
                         size_t cap);
