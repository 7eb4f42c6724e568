/* The state of an analysis: what was counted, by whom it was sent, and the open windows.
 *
 * One struct analysis a worker; a worker owns whole shards of the sources, so nothing is
 * shared. At the end analysis_merge() makes one of them all, and report_new() reads it. Every
 * limit holds per shard, never per worker: the result does not depend on how many workers there
 * were.
 *
 * No function here reads a clock; time is packet time. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/error.h>
#include <nightscope/window.h>

struct matches;       /* <nightscope/signature.h> */
struct profile;       /* <nightscope/profile.h> */
struct evidence_plan; /* src/state/evidence.h */

/* Where an address is. cc is two capital letters, or "" when unknown; asn 0 when unknown. */
struct place {
    char cc[3];
    uint32_t asn;
};

/* Looks addresses up: asked once when a source is first seen, by several threads at a time. */
struct locator {
    struct place (*locate)(void *context, const struct address *address);
    /* The same for n addresses, so that what they wait for in memory they wait for together. */
    void (*locate_all)(void *context, const struct address *addresses, unsigned n,
                       struct place *ret_places);
    /* Name of the AS of this address into buf ("" when unknown); asked for rows of the report.
     */
    void (*as_name)(void *context, const struct address *address, char *buf, size_t cap);
    /* Degrees; false: unknown. NULL: never known. Asked for samples that are published. */
    bool (*position)(void *context, const struct address *address, float *ret_latitude,
                     float *ret_longitude);
    /* Name of the city into buf ("" when unknown). NULL: never known. Asked for events. */
    void (*city)(void *context, const struct address *address, char *buf, size_t cap);
    void *context;
};

struct analysis_config {
    uint64_t sources_max;  /* limit of the source table over all shards; rounded up to 64 */
    int64_t lateness_ns;   /* at most ANALYSIS_LATENESS_MAX_S seconds */
    uint64_t table_key[2]; /* places sources in their shard's table: secret, random. It never
                              changes a result, only makes crafted collisions impossible */
    const struct locator *locator;        /* NULL: no databases, every place is unknown */
    const struct evidence_plan *evidence; /* NULL: no signatures */
    uint32_t evidence_s;   /* silence of a source after which its evidence is forgotten */
    bool feed;             /* keep a sample of packets (struct feed_packet) */
    bool profiles;         /* count steps of profiles, too: analysis_take_profiles() */
    uint64_t events_max;   /* scan events open at a time, rounded up to 64; 0: none are kept */
    uint32_t event_idle_s; /* silence that ends one: event_idle_s(), analysis_take_events() */
};

enum { ANALYSIS_LATENESS_MAX_S = 30 * 60 };

struct analysis;

struct analysis *analysis_new(const struct analysis_config *config);
void analysis_free(struct analysis *analysis);

/* Counts a batch. Hot path: no failure but memory, which is counted as an eviction or a refusal
 * like any limit. matches is NULL when there are no signatures.
 * Late packets are booked to the minute now_min says. */
void analysis_add(struct analysis *analysis, const struct batch *batch,
                  const struct matches *matches);

/* The same in two parts. What no source has a say in can be worked out in another thread, some
 * batches ahead of counting, as long as both take the batches in the same order. A prepared
 * batch borrows what it was made of until it is counted. */
struct prepared;
struct prepared *prepared_new(void); /* NULL: memory */
void prepared_free(struct prepared *prepared);
void analysis_prepare(struct analysis *analysis, const struct batch *batch,
                      const struct matches *matches, struct prepared *ret_prepared);
void analysis_count(struct analysis *analysis, const struct prepared *prepared);
/* Has memory cleared that counting will need soon: for a thread that is ahead of it. */
void analysis_prepare_memory(struct analysis *analysis);

/* So many packets were lost before they could be captured, at this time. */
void analysis_note_dropped(struct analysis *analysis, int64_t at_s, uint64_t packets);
/* Packet time has reached this: minutes that end lateness_ns before it close. */
void analysis_advance(struct analysis *analysis, int64_t packet_time_ns);
/* Closes every window: the end of a replay. */
void analysis_finish(struct analysis *analysis);
/* The windows closed since the last call, oldest first; the caller owns them (window_free). */
struct window *analysis_take_closed(struct analysis *analysis);
void window_free(struct window *window);
/* The profiles of the steps whose windows are all closed, since the last call, oldest first; a
 * step without packets has none. The caller owns them (profile_free), and calls profile_close()
 * when the parts of all workers are merged. */
struct profile *analysis_take_profiles(struct analysis *analysis);

/* What a source has shown for one signature that some packet of it satisfied. */
struct source_evidence {
    unsigned signature;         /* its index */
    uint64_t candidates, hits;  /* n and k, since its evidence last expired */
    double chance, probability; /* of one trial; P(Binomial(n, chance) >= k) */
    bool matched, labelled;     /* at some time of the run */
};
/* Packets so far that match a signature, its relation included. */
uint64_t analysis_matched(const struct analysis *analysis, unsigned signature);
/* Fills at most cap rows; returns how many. */
unsigned analysis_evidence(const struct analysis *analysis, const struct address *address,
                           struct source_evidence *ret_rows, unsigned cap);

/* Moves everything `from` holds into `into` and leaves `from` empty. Both must be of the same
 * configuration. Counters add, sketches merge; a shard, or a source, may be in both. 0, or -1
 * when memory was refused: that is counted in memory_refused, and what was merged is whole. */
int analysis_merge(struct analysis *into, struct analysis *from);
/* Adds a part of what `from` holds by now, and leaves it as it is: sources, ports, totals,
 * labels and the sample, all that a report is made of but the minutes. Part by part, it may go
 * on counting in between. For `into`, no locator is needed. 0, or -1 when memory was refused.
 */
enum { ANALYSIS_PARTS = SHARD_COUNT + 1 };
int analysis_copy_part(struct analysis *into, struct analysis *from, unsigned part);
