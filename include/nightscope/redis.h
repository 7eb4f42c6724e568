/* A Redis server, or a cluster, as one thing to send commands to (hiredis).
 *
 *   struct redis_batch *batch = redis_batch_new();
 *   redis_batch_add(batch, "SET", "ns:{S}:x", "1", NULL);
 *   switch (redis_run(redis, "ns:{S}:x", batch, NULL, NULL, &err)) ...
 *
 * Synchronous, with time-outs; for one thread, which is never one that captures. A remote
 * outage is a state: every call says whether it is worth another try, and redis_run() after a
 * lost connection connects again. Every reply is untrusted. MOVED, ASK and a failed-over master
 * are followed in here. Nothing here writes a password to a message. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_config {
    char host[256]; /* or "" */
    uint16_t port;
    char path[108]; /* unix socket, or "" */
    unsigned db;
    bool tls;
    char tls_ca[512];   /* file of authorities that may vouch for it; "": the system's */
    char tls_cert[512]; /* file with our certificate and its key; "": none */
    char user[128], password[512]; /* "": none */
    /* Of connecting, and of each reply; of all replies of a batch together ten times as much,
     * and once more for each MiB that is sent or received. */
    unsigned timeout_ms;
};

enum { REDIS_PORT = 6379, REDIS_TIMEOUT_MS = 3000 };

/* redis://HOST[:PORT][/DB], rediss:// (TLS; where the build has none, refused when
 * connecting, with what to use), * unix:PATH[?db=N]. A user or password in the URL is refused
 * with a message that says where to put them; no message quotes the URL. timeout_ms is set to
 * REDIS_TIMEOUT_MS. 0, or -1 with *err. */
int redis_url_parse(const char *url, struct redis_config *ret_config, struct err *err);
/* Credentials: the file (first line "user:password", or a password alone; ":password" when a
 * password alone has a colon; nobody but its owner may read it) when given, else the values of
 * the environment, which the caller has read; NULL or "" for none. 0, or -1 with *err. */
int redis_credentials(struct redis_config *config, const char *file, const char *env_user,
                      const char *env_password, struct err *err);

enum redis_status {
    REDIS_DONE,
    REDIS_LOST, /* no connection, or lost before all replies: whether it was done is unknown */
    REDIS_BUSY, /* it answered that it cannot now: OOM, READONLY, MISCONF, LOADING,
                   CLUSTERDOWN, TRYAGAIN, MASTERDOWN, NOREPLICAS */
    REDIS_DENIED,  /* NOAUTH, WRONGPASS, NOPERM, invalid database, or rediss:// */
    REDIS_ABORTED, /* EXEC was nil: a watched key changed */
    REDIS_WRONG,   /* any other error, or a reply that makes no sense */
};

/* Commands on their way, copied; their keys must share a slot when the server is a cluster. */
struct redis_batch;
struct redis_batch *redis_batch_new(void);
void redis_batch_free(struct redis_batch *batch);
void redis_batch_clear(struct redis_batch *batch);
/* Starts a command; arguments follow by redis_batch_arg*(). A refused allocation marks the
 * batch, and redis_run() then refuses it whole. */
void redis_batch_command(struct redis_batch *batch, const char *name);
void redis_batch_arg(struct redis_batch *batch, const char *text);
void redis_batch_arg_bytes(struct redis_batch *batch, const void *bytes, size_t n);
void redis_batch_arg_u64(struct redis_batch *batch, uint64_t number);
/* Ends the commands with NULL: redis_batch_add(batch, "SET", key, value, NULL). */
void redis_batch_add(struct redis_batch *batch, const char *name, ...)
    __attribute__((sentinel));
size_t redis_batch_count(const struct redis_batch *batch); /* commands */
size_t redis_batch_bytes(const struct redis_batch *batch); /* on the wire */

/* A reply as a value tree; bounded: a server that sends more than this is REDIS_WRONG. */
enum {
    REDIS_REPLIES_BYTES_MAX = 128 << 20, /* in memory, of one call */
    REDIS_REPLIES_ITEMS_MAX = 2 << 20,   /* members of lists, of one call */
    REDIS_REPLY_DEPTH_MAX = 7,           /* lists in lists */
    REDIS_BATCH_BYTES_MAX = 512 << 20,   /* of commands */
};
struct redis_reply {
    enum { REDIS_NIL, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_NUMBER, REDIS_LIST } kind;
    int64_t number;
    const char *text; /* len bytes, then a NUL; may hold NULs */
    size_t len;
    struct redis_reply *items; /* REDIS_LIST: len of them */
};
struct redis_replies {
    size_t n;
    struct redis_reply *items;
    void *memory; /* private */
};
void redis_replies_free(struct redis_replies *replies);

struct redis;
/* NULL: out of memory. Connects at the first command. */
struct redis *redis_new(const struct redis_config *config);
void redis_free(struct redis *redis);

/* Sends all commands of the batch to the node that holds `key` ("": any) and takes all replies.
 * REDIS_DONE when every reply came and none was an error, but for errors the caller allows:
 * error replies that begin with `allowed` (may be NULL) stay in *ret_replies. ret_replies may
 * be NULL; it is filled only with REDIS_DONE. Else *err says which server, which command (never
 * its arguments) and what it answered; other commands of the batch may have been done. An empty
 * batch connects, no more. */
enum redis_status redis_run(struct redis *redis, const char *key,
                            const struct redis_batch *batch, const char *allowed,
                            struct redis_replies *ret_replies, struct err *err);
/* The same as one MULTI ... EXEC that is aborted when watch_key does not hold watch_value
 * (NULL: does not exist) any more: WATCH, GET and compare, MULTI, the batch, EXEC. Two round
 * trips. *ret_replies are those of the batch's commands, in order. A command that Redis refuses
 * before EXEC ends the whole transaction undone; one that fails inside EXEC does not undo the
 * others (XADD of an id that is there already: `allowed`). */
enum redis_status redis_transaction(struct redis *redis, const char *watch_key,
                                    const char *watch_value, const struct redis_batch *batch,
                                    const char *allowed, struct redis_replies *ret_replies,
                                    struct err *err);

/* The run_id of the server that holds `key`, as of its last connection; "" before. When it
 * changes, the server may have lost what was written: send everything again. Where the server
 * does not tell (no permission for INFO), every connection has an id of its own. */
const char *redis_run_id(const struct redis *redis, const char *key);
bool redis_is_cluster(const struct redis *redis);
/* The slot of a key by its hash tag (CRC16 XMODEM modulo 16384; Redis Cluster specification).
 */
unsigned redis_slot(const char *key);
