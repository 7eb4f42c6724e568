/* Writing one publication, by concept:
 *
 *   owner.c     who may write the sensor's keys
 *   stage.c     commands in bounded batches; keys staged under names that expire
 *   info.c, series.c, tops.c, days.c, iot.c, feed.c    what the keys hold
 *   sources.c   the evidence of single sources, which is written in place
 *   swap.c      one transaction gives the staged keys their names
 *   sweep.c     what was there before and is not part of the publication
 *   verify.c    what was written is there
 *
 * The first failure is kept in `status`; from then on nothing is sent, and callers need not
 * look until the end of a step. */
#pragma once

#include "publish/keys.h"

#include <nightscope/publication.h>

enum {
    PUBLISH_STAGED_S = 3600, /* life of a staged key */
    PUBLISH_ITEMS = 256,     /* of one command, or sources of one transaction */
    PUBLISH_BYTES = 65536,   /* a batch is sent when it is longer */
    PUBLISH_COMMANDS = 512,  /* ... or has more commands */
    PUBLISH_SCAN = 1000,     /* keys a SCAN looks at */
};

/* Spans of packet time, and of life after the write. */
enum {
    KEPT_MINUTES_S = 7 * 86400,
    KEPT_HOURS_S = 730 * 86400,
    KEPT_DAYS_S = 400 * 86400,
    KEPT_SOURCES_S = PUBLICATION_SOURCES_S,
    KEPT_FOR_EVER = 0,
};

/* A key that the swap has to name. */
struct staged_key {
    struct name name;
    const char *count; /* the command that says how many items there are; NULL: in one piece */
    uint64_t items;
    unsigned expire_s; /* KEPT_FOR_EVER, or seconds after the swap */
};

struct publisher {
    struct redis *redis;
    const struct publication *publication;
    struct keys keys;
    int64_t newest_s; /* packet time: of the newest thing the publication holds */
    enum redis_status status;
    struct err *err;
    struct redis_batch *batch;

    struct staged_key *staged;
    size_t staged_n, staged_cap;
    struct { /* the key that is being staged */
        char name[KEY_CAP];
        unsigned expire_s;
        bool begun;    /* a command for it is in the batch, or sent */
        bool expiring; /* its EXPIRE is the last command upon it */
        unsigned open; /* items in the command that is being built */
        const char *count;
        uint64_t items; /* of all commands */
    } key;
};

/* False: the status says why. publisher_fini() in either case. */
bool publish_init(struct publisher *publisher, struct redis *redis,
                  const struct publication *publication, struct err *err);
void publish_fini(struct publisher *publisher);
/* Everything, from taking the sensor to removing what is not part of it. */
void publish_all(struct publisher *publisher);

/* Keeps the first failure. */
void publisher_fail(struct publisher *publisher, enum redis_status status);
/* The same, REDIS_WRONG with a text. */
void publisher_refuse(struct publisher *publisher, const char *text);
/* Whether anything more is to be asked of the server: nothing failed, and there is time. */
bool publisher_goes_on(struct publisher *publisher);
/* Sends the batch and empties it. *ret_replies may be NULL. */
void publisher_run(struct publisher *publisher, const char *allowed,
                   struct redis_replies *ret_replies);
/* The same, in a transaction that only the owner can make. */
void publisher_transact(struct publisher *publisher, const char *allowed,
                        struct redis_replies *ret_replies);

/* The name of a key of the sensor. */
void publisher_key(const struct publisher *publisher, const char *name,
                   char ret_key[static KEY_CAP]);
/* Makes the writer the owner, unless a newer one is. */
void publish_owner(struct publisher *publisher);
/* After a transaction was aborted: REDIS_ABORTED when a later writer has the sensor; what was
 * wrong when that could not be read; else REDIS_BUSY, since another attempt takes it again. */
void publish_owner_lost(struct publisher *publisher);

/* Begins a key, named after the sensor's prefix. One without commands does not come to be. */
void stage_key(struct publisher *publisher, unsigned expire_s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Begins a command upon the key; its further arguments go to publisher->batch, then
 * stage_command_end(). */
void stage_command(struct publisher *publisher, const char *name);
void stage_command_end(struct publisher *publisher);
/* Sends what is in the batch. After the last key of all. */
void stage_send(struct publisher *publisher);
/* The key as a string. */
void stage_set(struct publisher *publisher, const void *bytes, size_t n);
/* A member of the key as a sorted set, or a field of it as a hash; stage_items_end() after the
 * last. */
void stage_member(struct publisher *publisher, const char *member, uint64_t score);
void stage_field(struct publisher *publisher, const char *field, const char *value);
void stage_field_u64(struct publisher *publisher, const char *field, uint64_t value);
void stage_items_end(struct publisher *publisher);

void publish_info(struct publisher *publisher);
void publish_totals(struct publisher *publisher);
void publish_report(struct publisher *publisher);
void publish_series(struct publisher *publisher);
/* Every ranking of a profile: a sorted set "<before><dim><after>" each, of at most `cap`
 * members; with others, one more for the rest. */
void publish_rankings(struct publisher *publisher, const struct profile *profile,
                      const char *before, const char *after, size_t cap, bool others,
                      unsigned expire_s);
/* Adds to the batch what those streams lack, and cuts off what is older than what is kept. */
void publish_more_series(struct publisher *publisher, size_t minutes_from, size_t hours_from);
void publish_more_feed(struct publisher *publisher, size_t from);
void publish_tops(struct publisher *publisher);
/* From the index-th day on. */
void publish_days(struct publisher *publisher, size_t from);
void publish_iot(struct publisher *publisher);
void publish_feed(struct publisher *publisher);

/* May readers see this source? */
bool publish_shows(const struct publisher *publisher, const struct address *source);
/* Is its evidence younger than what is kept, and to be shown? */
bool publish_has_source(const struct publisher *publisher,
                        const struct labelled_source *source);
void publish_sources(struct publisher *publisher);
/* Only those rows of the publication's. */
void publish_changed_sources(struct publisher *publisher, const uint32_t *rows, size_t rows_n);

/* Staged keys are all there, whole, and have their hour before them; else the status says so.
 */
void swap_seal(struct publisher *publisher);
/* Adds the commands that name the staged keys and remove others. */
void swap_add(struct publisher *publisher, const struct names *gone);
void publish_swap(struct publisher *publisher);

/* Fills names with the sensor's keys that readers know, and that the publication lacks: at most
 * SWEEP_GONE_MAX. */
enum { SWEEP_GONE_MAX = 16384 };
void sweep_list(struct publisher *publisher, struct names *ret_names);
/* Removes all keys of the sensor that are not of the publication. */
void publish_sweep(struct publisher *publisher);
/* Adds the sensor to those there are. */
void publish_name(struct publisher *publisher);
/* REDIS_BUSY when a key of the publication is gone. */
void publish_verify(struct publisher *publisher);
