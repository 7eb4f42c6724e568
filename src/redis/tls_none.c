/* What stands for TLS where hiredis has none. */
#include "redis/tls.h"

enum redis_status tls_check(const char *origin, struct err *err)
{
    (void)err_set(err, origin, 0, 0,
                  "this build has no TLS (no hiredis_ssl): use a unix socket, or a tunnel such "
                  "as stunnel with redis://");
    return REDIS_DENIED;
}

enum redis_status tls_start(struct redisContext *context, const struct redis_config *config,
                            const char *host, const char *origin, int64_t deadline_ms,
                            struct err *err)
{
    (void)context, (void)config, (void)host, (void)deadline_ms;
    return tls_check(origin, err);
}

const char *tls_reason(void)
{
    return "";
}
