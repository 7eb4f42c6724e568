/* Keeps the keys of a running sensor in Redis as packet time goes on.
 *
 *   whoever collects            the flusher's thread                          Redis
 *   flusher_add()    -->  queue --> series, hours, days, rankings --> stage --> one transaction
 *   (never waits)                   held until acknowledged                     a flush
 *                                   spool file, with a path
 *
 * flusher_add() copies or takes values and returns: it never waits for Redis or a disk, and
 * nothing in here is called by what captures. A flush is one transaction of absolute values
 * under the owner key, so that one that is sent twice is as good as one. A Redis that is away,
 * full, denying or talking nonsense is a state with a lag, never an error; what was closed
 * meanwhile is held, within bounds, and sent when it is back. A server that began anew or lost
 * keys gets everything again. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/publication.h>
#include <nightscope/redis.h>
#include <nightscope/window.h>

enum flusher_state {
    FLUSHER_STARTING,  /* nothing has been tried yet */
    FLUSHER_UP,        /* the last flush was acknowledged */
    FLUSHER_AWAY,      /* no connection, or lost before it answered */
    FLUSHER_BUSY,      /* OOM, READONLY, MISCONF, LOADING, CLUSTERDOWN ... */
    FLUSHER_DENIED,    /* user, password or permissions */
    FLUSHER_CONFUSED,  /* an answer without sense */
    FLUSHER_OVERTAKEN, /* a writer that started later owns the sensor: nothing is sent any more
                        */
    FLUSHER_STATE_COUNT_,
};
/* "starting", "up", "away", "busy", "denied", "confused", "overtaken" */
const char *flusher_state_name(enum flusher_state state);

struct flusher_config {
    struct redis_config redis; /* copied */
    const char *sensor;        /* copied */
    /* Two files of its own, SPOOL and SPOOL.profiles, in a folder that exists: series and
     * rankings go on after a restart, from status.closed_s on; totals, report, evidence and
     * feed are those of the new run. One process at a time. "" or NULL: nothing is written to
     * disk, and the sensor begins its keys afresh. Copied. */
    const char *spool;
    uint64_t dark_size; /* IPv4 addresses; 0: unknown */
    /* Sources in it are shown to nobody; report_json has been made without them. May be NULL;
     * borrowed until the end. */
    const struct prefix_set *withheld;
    /* Changes of state, with what was answered, for the log: called from the flusher's thread,
     * a second time for a state only after another one. May be NULL. */
    void (*tell)(void *context, enum flusher_state state, const char *text);
    void *context;
};

/* A minute that no worker will add to any more. */
struct flusher_minute {
    const struct window *window;
    uint32_t seconds; /* how much of it was captured */
};

/* What was closed since the last call, and how everything stands as of now. "Taken": the
 * flusher frees it, whatever happens. The rest is copied. */
struct flusher_values {
    const struct flusher_minute
        *minutes; /* by time, each once; a quiet one is a row of zeros */
    size_t minutes_n;
    struct profile *steps;  /* taken; parts of steps (analysis_take_profiles()), any number */
    int64_t closed_until_s; /* all that ends by then has been handed over, steps too */

    /* The whole run as of closed_until_s, or a little later; without a report, totals and
     * everything below stay as they were. */
    struct report *report; /* taken (report_free) */
    char *report_json;     /* taken (free); one line without its end */
    size_t report_json_len;
    struct labelled_source *labelled; /* taken (free); by address; labelled_collect() */
    size_t labelled_n;

    const struct feed_packet *feed; /* by time, of seconds that are over, each packet once, with
                                       its place; any number, the newest FEED_MAX are kept;
                                       copied with their labels */
    size_t feed_n;
};

struct flusher;

/* Starts the thread. Nothing is connected to yet, and nothing sent before the first report. -1
 * with *err: the spool cannot be read or written, threads or memory are not to be had. */
struct flusher *flusher_new(const struct flusher_config *config, struct err *err);

/* Signatures and the names of labels that values refer to by index: before the first values
 * with steps or labelled sources, and again when they are reloaded. Copies what it needs, so
 * that the caller may free them when it returns; a label that was there keeps its index. The
 * labelled sources of the last values are forgotten until the next ones come, not removed.
 * -1: out of memory, and nothing has changed. */
int flusher_signatures(struct flusher *flusher, const struct signature_set *signatures,
                       const char *const *labels, size_t labels_n);

/* Any thread, but one at a time. Refused memory is counted in the status. */
void flusher_add(struct flusher *flusher, struct flusher_values *values);

/* What Redis has not, at the end. */
enum flusher_left {
    FLUSHER_LEFT_NOTHING,
    FLUSHER_LEFT_SPOOLED, /* what was closed is in the spool: the next run sends it */
    FLUSHER_LEFT_UNSENT,  /* no spool has it, or another writer owns the sensor */
};

/* Flushes what is there, waits at most wait_ms for it to be acknowledged, ends the thread and
 * frees. *err says why something is left. state: "ended" in ns:{S}:info. */
enum flusher_left flusher_end(struct flusher *flusher, unsigned wait_ms, struct err *err);

/* For logs, metrics and health: a copy as of now. Times by the clock are Unix time. */
struct flusher_status {
    enum flusher_state state;
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP]; /* why it is not up; "" when it is */
    int64_t since_s;                          /* of this state, by the clock */
    int64_t flushed_s;      /* of the last acknowledged flush, by the clock; 0: none yet */
    int64_t acknowledged_s; /* packet time: closed windows are in Redis up to here; 0: none */
    int64_t closed_s;       /* packet time: closed up to here; 0: nothing yet */
    uint64_t lag_s;         /* closed_s - acknowledged_s */
    uint64_t held;          /* closed windows (minutes, hours) not acknowledged */
    uint64_t held_bytes;    /* memory of all that is kept for Redis */
    uint64_t flushes, failures; /* acknowledged; attempts that failed */
    uint64_t resends;           /* times everything was sent again */
    uint64_t drops;             /* closed windows given up unacknowledged: too many were held */
    uint64_t refused;           /* values that found no memory */
    uint64_t flush_us;          /* how long the last acknowledged flush took */
    bool spooled;               /* there is a spool */
    uint64_t spool_failures;    /* times it could not be written: a full disk, for one */
    char spool_text[ERR_ORIGIN_CAP + ERR_TEXT_CAP]; /* why the last time; "" when it worked */
    uint64_t spool_bytes;
    int64_t spooled_s; /* packet time: closed windows are in the spool up to here; 0: none */
};
void flusher_status(struct flusher *flusher, struct flusher_status *ret_status);
