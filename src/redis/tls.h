/* TLS on a connection that was just made. Without hiredis_ssl and OpenSSL at build time,
 * tls_none.c is built in place of tls.c. */
#pragma once

#include <nightscope/redis.h>

struct redisContext;

/* Asked before connecting. REDIS_DENIED with *err: this build has none. */
enum redis_status tls_check(const char *origin, struct err *err);
/* Shakes hands, before deadline_ms of the monotonic clock. The server must show a certificate
 * for `host` that the authorities of the configuration vouch for. REDIS_DENIED: it does not, or
 * ours cannot be used; REDIS_LOST: no answer; with *err. */
enum redis_status tls_start(struct redisContext *context, const struct redis_config *config,
                            const char *host, const char *origin, int64_t deadline_ms,
                            struct err *err);
/* What went wrong last in this thread, when hiredis has no words for it; "" when unknown. */
const char *tls_reason(void);
