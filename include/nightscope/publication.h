/* A publication: everything one sensor's keys in Redis hold, as of one moment, as plain values.
 * Made by app/ from the report, the windows, the profiles and the analysis; written by
 * redis_publish(). contrib/doc/redis.md says what key each part becomes. Borrowed throughout:
 * the maker owns all of it. */
#pragma once

#include <nightscope/prefix.h>
#include <nightscope/profile.h>
#include <nightscope/redis.h>
#include <nightscope/report.h>

/* A packet of the live map, chosen by a hash of the packet: at most FEED_A_SECOND a second of
 * packet time, whatever the number of workers. */
enum { FEED_A_SECOND = 50, FEED_MAX = 10000 };
struct feed_packet {
    int64_t ts_ns;
    uint64_t rank; /* the hash; the lowest of a second are kept */
    struct address source;
    enum protocol protocol;
    enum class class;
    bool iot; /* it matches a signature of origin iot */
    bool has_port;
    uint16_t dport;
    const char *label; /* of the first signature it matches by name, or NULL; borrowed */
    struct place place;
    bool has_position;
    float latitude, longitude; /* degrees; filled in when published */
};

/* The evidence of one labelled source. */
enum { LABELLED_SIGNATURES_MAX = 16, LABELLED_PORTS_MAX = 32 };
struct labelled_source {
    struct address source;
    struct place place;
    uint32_t first_s, last_s; /* Unix time */
    uint64_t packets;
    bool iot; /* a label of origin iot */
    unsigned signatures_n;
    /* Those it is labelled by, least probable by chance first. When there are more, those left
     * out share their label with one that is there, as far as room goes. */
    struct source_evidence signatures[LABELLED_SIGNATURES_MAX];
    unsigned ports_n; /* of its set of ports, where that is exact; ascending */
    uint32_t ports[LABELLED_PORTS_MAX]; /* IP protocol << 16 | port */
    bool ports_more;                    /* there are others */
};

/* A closed hour. Distinct counts that do not add up are unions of its minutes and steps. */
struct publication_hour {
    int64_t start_s;
    uint32_t seconds;
    uint64_t counts[COUNT_COUNT_]; /* sources, iot_matched_sources: sketches of 0.8 % */
    uint64_t dports;
};

struct publication_day {
    int64_t start_s;               /* 00:00 UTC */
    const struct profile *profile; /* all steps of the day */
};

struct publication_signature {
    const char *name, *label;
};

struct publication {
    const char *sensor; /* [A-Za-z0-9._-]{1,64} */
    /* Of the writer: 13 digits (milliseconds of its start, by the clock), '-', then random
     * letters and digits; at most 64 in all. A later writer's sorts after an earlier one's. */
    const char *incarnation;
    const char *version;
    int64_t started_s;  /* Unix time of the run's start, by the clock */
    int64_t flushed_s;  /* of this flush, by the clock */
    const char *state;  /* "replay", "live", "ended" */
    uint64_t dark_size; /* IPv4 addresses; 0: unknown */
    /* Sources that lie in it are in no ranking, feed or evidence; the report's text has been
     * made without them. NULL: all are shown. */
    const struct prefix_set *withheld;
    uint64_t resends; /* times that all was sent again, since the server had lost it */
    uint64_t drops;   /* closed windows given up, since the server was away for too long */

    const struct report *report;
    const char *report_json; /* one line without its end */
    size_t report_json_len;
    const struct publication_signature *signatures; /* by index */
    size_t signatures_n;
    const char *const *labels; /* PROFILE_LABEL keys index this */
    size_t labels_n;

    const struct report_minute *minutes; /* closed ones, by time */
    size_t minutes_n;
    const struct publication_hour *hours;
    size_t hours_n;
    const struct profile *hour,
        *day; /* trailing, as of the newest closed step; NULL: no packets */
    const struct publication_day *days;
    size_t days_n;
    const struct labelled_source *labelled; /* by address */
    size_t labelled_n;
    const struct feed_packet *feed; /* by time, at most FEED_MAX, the newest */
    size_t feed_n;

    /* Asked before every batch: false gives up, as REDIS_LOST. NULL: never. */
    bool (*go_on)(void *context);
    void *context;
};

/* Packet time of the newest thing it holds: what is kept is reckoned from there. */
int64_t publication_newest(const struct publication *publication);
enum {
    PUBLICATION_SOURCES_S = 7 * 86400
}; /* labelled sources not seen for so long are left out */

/* Names a writer that starts now: by the clock, or after the writer that owns the sensor where
 * the clock was set back. The name is there whatever is returned; without an answer from the
 * server, it is by the clock. */
enum { INCARNATION_CAP = 65 };
enum redis_status redis_incarnation(struct redis *redis, const char *sensor, int64_t now_ms,
                                    uint64_t random, char ret_name[static INCARNATION_CAP],
                                    struct err *err);

/* Replaces everything the sensor's keys hold by the publication. Rankings, series, totals,
 * report and feed are staged under names that expire, then named by one transaction: readers
 * see the state before or the one after. Hashes of labelled sources are replaced one by one
 * before it. What earlier runs of the sensor left is gone when this returns REDIS_DONE: the
 * sensor's keys are then exactly the publication's. After any failure call it again, with the
 * same incarnation. REDIS_ABORTED: a writer that started later owns the sensor; nothing it
 * wrote was touched. */
enum redis_status redis_publish(struct redis *redis, const struct publication *publication,
                                struct err *err);
