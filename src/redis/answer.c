/* Error replies of Redis: a first word that is a code, then a text for people. */
#include "redis/answer.h"

#include <string.h>

bool answer_begins(const struct redis_reply *reply, const char *prefix)
{
    size_t n = strlen(prefix);
    return reply->kind == REDIS_ERROR && reply->len >= n && memcmp(reply->text, prefix, n) == 0;
}

bool answer_is_allowed(const struct redis_reply *reply, const char *allowed)
{
    return allowed && answer_begins(reply, allowed);
}

enum redis_status answer_status(const struct redis_reply *error)
{
    static const struct {
        const char *begins;
        enum redis_status status;
    } known[] = {
        {"OOM ", REDIS_BUSY},
        {"READONLY ", REDIS_BUSY},
        {"MISCONF ", REDIS_BUSY},
        {"LOADING ", REDIS_BUSY},
        {"BUSY ", REDIS_BUSY}, /* a script runs */
        {"CLUSTERDOWN ", REDIS_BUSY},
        {"TRYAGAIN ", REDIS_BUSY},
        {"MASTERDOWN ", REDIS_BUSY},
        {"NOREPLICAS ", REDIS_BUSY},
        {"ERR max number of clients", REDIS_BUSY},
        {"NOAUTH ", REDIS_DENIED},
        {"WRONGPASS ", REDIS_DENIED},
        {"NOPERM ", REDIS_DENIED},
        {"DENIED ", REDIS_DENIED}, /* protected mode */
        {"ERR invalid password", REDIS_DENIED},
        {"ERR Client sent AUTH", REDIS_DENIED},
        {"ERR AUTH ", REDIS_DENIED},
        {"ERR operation not permitted", REDIS_DENIED},
        {"ERR invalid DB index", REDIS_DENIED},
        {"ERR DB index is out of range", REDIS_DENIED},
        {"ERR SELECT is not allowed", REDIS_DENIED},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (answer_begins(error, known[i].begins))
            return known[i].status;
    return REDIS_WRONG;
}

/* Copies text, with "***" for each `secret` in it, up to what ends at `cap`. */
static void redact(char *out, size_t cap, const char *text, size_t n, const char *secret)
{
    size_t used = 0, secret_n = strlen(secret);
    for (size_t i = 0; i < n && used + 4 < cap;) {
        if (secret_n && n - i >= secret_n && memcmp(text + i, secret, secret_n) == 0) {
            memcpy(out + used, "***", 3);
            used += 3;
            i += secret_n;
        } else {
            out[used++] = text[i++];
        }
    }
    out[used] = '\0';
}

void answer_tell(const char *origin, struct batch_slice command,
                 const struct redis_reply *error, const char *password, struct err *err)
{
    /* "ERR unknown command 'X', with args beginning with: ..." */
    static const char repeats[] = ", with args beginning with";
    const char *args = memmem(error->text, error->len, repeats, sizeof repeats - 1);
    char text[ERR_TEXT_CAP / 2];
    redact(text, sizeof text, error->text, args ? (size_t)(args - error->text) : error->len,
           password);
    (void)err_set(err, origin, 0, 0, "%.*s: %s", (int)(command.n < 64 ? command.n : 64),
                  command.bytes, text);
}
