/* What a client asks for: the target of an HTTP request, parsed and checked. Everything in it
 * is hostile; whatever is not exactly as documented is refused with a sentence. */
#pragma once

#include <nightscope/packet.h>

#include <stddef.h>

enum {
    REQUEST_TARGET_MAX = 2048, /* bytes of path and query */
    REQUEST_SENSORS_MAX = 32,
    REQUEST_LIMIT_MAX = 1000,
    REQUEST_DAYS_MAX = 400, /* that rankings are kept for */
    REQUEST_SERIES_DAYS_MAX = 730,
    DAY_S = 86400,
};

enum endpoint {
    ENDPOINT_FILE, /* of the page */
    ENDPOINT_HEALTH,
    ENDPOINT_METRICS,
    ENDPOINT_SENSORS,
    ENDPOINT_SUMMARY,
    ENDPOINT_SERIES,
    ENDPOINT_TOP,
    ENDPOINT_SOURCE,
    ENDPOINT_FEED,
    ENDPOINT_COUNT_,
};

/* Rankings: those of contrib/doc/redis.md, and the labelled sources by when they were seen. */
#define DIMENSIONS(X)                                                                          \
    X(TCP, tcp)                                                                                \
    X(UDP, udp) X(CC, cc) X(ASN, asn) X(SRC, src) X(LABEL, label) X(LABELLED, labelled)
enum dimension {
#define X(id, name) DIMENSION_##id,
    DIMENSIONS(X)
#undef X
        DIMENSION_COUNT_,
};
extern const char *const DIMENSION_NAMES[DIMENSION_COUNT_];

enum view { VIEW_ALL, VIEW_IOT };

/* The last so many seconds that there are data for, or from one second to another. */
struct time_span {
    uint32_t trailing_s;   /* 0: a span */
    uint32_t from_s, to_s; /* of a span: from_s <= to_s */
};

struct request {
    enum endpoint endpoint;
    char file[64]; /* ENDPOINT_FILE: without the slash, "" for the page itself */
    char sensors[REQUEST_SENSORS_MAX][65];
    unsigned sensors_n; /* 0: all */
    enum view view;
    struct time_span window;
    uint32_t step_s; /* of a series; 0: what fits */
    uint32_t limit;
    enum dimension dimension;
    bool by_sources; /* ranked by sources rather than packets */
    char cc[3];      /* ports within a country; "": all */
    struct address source;
};

/* Why not: an HTTP status, a word for programs and a sentence for people. */
struct denial {
    unsigned status;
    const char *code;
    char text[256];
};

/* target: path and query as they came. 0, or -1 with *ret_refusal. */
int request_parse(const char *target, struct request *ret_request, struct denial *ret_refusal);
/* The request in one spelling, for remembering its answer: equal requests have equal keys. */
enum { REQUEST_KEY_CAP = 128 + REQUEST_SENSORS_MAX * 66 };
void request_key(const struct request *request, char key[static REQUEST_KEY_CAP]);
