/* TLS by OpenSSL; hiredis_ssl then reads and writes through it. hiredis_ssl's own helper does
 * not compare the certificate with the name of the host, and would wait for ever: shaking hands
 * is therefore done here. */
#include "redis/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis.h>
#include <hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <time.h>

static const char SYSTEM_AUTHORITIES[] = "/etc/ssl/certs";

enum redis_status tls_check(const char *origin, struct err *err)
{
    (void)origin, (void)err;
    return REDIS_DONE;
}

const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    return text ? text : "";
}

static enum redis_status deny(const char *origin, const char *what, const char *file,
                              struct err *err)
{
    const char *reason = tls_reason();
    (void)err_set(err, file ? file : origin, 0, 0, "%s%s%s", what, *reason ? ": " : "", reason);
    return REDIS_DENIED;
}

/* Authorities, and our own certificate with its key, which may be in one file. */
static enum redis_status load(SSL_CTX *tls, const struct redis_config *config,
                              const char *origin, struct err *err)
{
    const char *ca = config->tls_ca[0] ? config->tls_ca : NULL;
    const char *cert = config->tls_cert;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return deny(origin, "cannot ask for TLS 1.2", NULL, err);
    if (SSL_CTX_load_verify_locations(tls, ca, ca ? NULL : SYSTEM_AUTHORITIES) != 1)
        return deny(origin, "expected certificates of authorities, as PEM", ca, err);
    if (*cert && (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
                  SSL_CTX_use_PrivateKey_file(tls, cert, SSL_FILETYPE_PEM) != 1 ||
                  SSL_CTX_check_private_key(tls) != 1))
        return deny(origin, "expected a certificate and its private key, as PEM", cert, err);
    return REDIS_DONE;
}

/* Whose certificate it has to be. */
static bool expect_host(SSL *tls, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum redis_status judge(const SSL *tls, int why, const char *origin, struct err *err)
{
    long verified = SSL_get_verify_result(tls);
    if (verified != X509_V_OK) {
        (void)err_set(err, origin, 0, 0, "the server's certificate: %s",
                      X509_verify_cert_error_string(verified));
        return REDIS_DENIED;
    }
    if (why == SSL_ERROR_SSL)
        return deny(origin, "TLS", NULL, err);
    (void)err_set(err, origin, 0, 0, "connection lost while TLS was agreed upon");
    return REDIS_LOST;
}

static enum redis_status shake_hands(SSL *tls, int fd, const char *origin, int64_t deadline_ms,
                                     struct err *err)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(tls);
        if (done == 1)
            return REDIS_DONE;
        int why = SSL_get_error(tls, done);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return judge(tls, why, origin, err);
        struct pollfd wait = {.fd = fd,
                              .events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT};
        int64_t left = deadline_ms - now_ms();
        int ready = left > 0 ? poll(&wait, 1, left < INT32_MAX ? (int)left : INT32_MAX) : 0;
        if (ready == 0 || (ready < 0 && errno != EINTR)) {
            (void)err_set(err, origin, 0, 0, "no answer in time while TLS was agreed upon");
            return REDIS_LOST;
        }
    }
}

enum redis_status tls_start(struct redisContext *context, const struct redis_config *config,
                            const char *host, const char *origin, int64_t deadline_ms,
                            struct err *err)
{
    ERR_clear_error();
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    SSL *tls = NULL;
    enum redis_status status = REDIS_LOST;
    if (settings)
        status = load(settings, config, origin, err);
    if (settings && status == REDIS_DONE)
        tls = SSL_new(settings);
    if (!settings || (status == REDIS_DONE && (!tls || !expect_host(tls, host)))) {
        (void)err_set(err, origin, 0, 0, "out of memory");
        status = REDIS_LOST;
    }
    /* Begins to shake hands; what that needs more is below. */
    if (status == REDIS_DONE && redisInitiateSSL(context, tls) != REDIS_OK) {
        status = judge(tls, SSL_ERROR_SSL, origin, err);
    } else if (status == REDIS_DONE) {
        status = shake_hands(tls, context->fd, origin, deadline_ms, err);
        tls = NULL; /* the context's */
    }
    SSL_free(tls);
    SSL_CTX_free(settings); /* tls holds a reference */
    return status;
}
