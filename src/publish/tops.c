/* Rankings: a sorted set for each thing that is ranked, the score being packets or sources. */
#include "publish/publish.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOP_MAX = 1000,
    COUNTRIES_MAX = 20,                 /* that have a ranking of ports of their own */
    COUNTRIES_LOOK = COUNTRIES_MAX + 1, /* one may be the unknown country */
};

static const char OTHERS[] = "others"; /* the member that is what all the rest sent */

struct ranking {
    const char *name;
    enum profile_dimension dimension;
    enum profile_order order;
};

static const struct ranking RANKINGS[] = {
    {"tcp", PROFILE_TCP, PROFILE_BY_PACKETS},
    {"udp", PROFILE_UDP, PROFILE_BY_PACKETS},
    {"tcp:sources", PROFILE_TCP, PROFILE_BY_SOURCES},
    {"udp:sources", PROFILE_UDP, PROFILE_BY_SOURCES},
    {"cc", PROFILE_CC, PROFILE_BY_PACKETS},
    {"cc:sources", PROFILE_CC, PROFILE_BY_SOURCES},
    {"asn", PROFILE_ASN, PROFILE_BY_PACKETS},
    {"src", PROFILE_SRC, PROFILE_BY_PACKETS},
    {"label", PROFILE_LABEL, PROFILE_BY_PACKETS},
};
enum { RANKINGS_N = sizeof RANKINGS / sizeof RANKINGS[0] };

static const char *const VIEWS[PROFILE_VIEW_COUNT_] = {
    [PROFILE_ALL] = "",
    [PROFILE_IOT] = "iot:",
};

static const char *cc_name(uint64_t key, char buf[static ADDRESS_TEXT_CAP])
{
    (void)snprintf(buf, ADDRESS_TEXT_CAP, "%c%c", key ? (int)(key >> 8 & 0xff) : '?',
                   key ? (int)(key & 0xff) : '?');
    return buf;
}

static const char *member_name(const struct publication *publication,
                               enum profile_dimension dimension, const struct profile_row *row,
                               char buf[static ADDRESS_TEXT_CAP])
{
    switch (dimension) {
    case PROFILE_TCP:
    case PROFILE_UDP:
    case PROFILE_ASN:
        (void)snprintf(buf, ADDRESS_TEXT_CAP, "%" PRIu64, row->key);
        return buf;
    case PROFILE_CC:
        return cc_name(row->key, buf);
    case PROFILE_CC_TCP:
        (void)snprintf(buf, ADDRESS_TEXT_CAP, "%" PRIu64, row->key & 0xffff);
        return buf;
    case PROFILE_SRC:
        return address_format(&row->address, buf);
    case PROFILE_LABEL:
        assert(row->key < publication->labels_n);
        return publication->labels[row->key];
    case PROFILE_DIMENSION_COUNT_:
        break;
    }
    assert(false);
    return "";
}

static void rank(struct publisher *publisher, const struct profile *profile,
                 enum profile_view view, const struct ranking *ranking,
                 struct profile_row *rows, size_t cap, bool others)
{
    uint64_t rest = 0;
    size_t n = profile_top(profile, view, ranking->dimension, ranking->order, rows, cap, &rest);
    char buf[ADDRESS_TEXT_CAP];
    for (size_t i = 0; i < n; i++) {
        const char *member =
            member_name(publisher->publication, ranking->dimension, &rows[i], buf);
        bool shown =
            ranking->dimension != PROFILE_SRC || publish_shows(publisher, &rows[i].address);
        if (!shown || strcmp(member, OTHERS) == 0) /* a label may be called so */
            rest += rows[i].packets;
        else
            stage_member(publisher, member,
                         ranking->order == PROFILE_BY_SOURCES ? rows[i].sources
                                                              : rows[i].packets);
    }
    if (others && rest)
        stage_member(publisher, OTHERS, rest);
    stage_items_end(publisher);
}

void publish_rankings(struct publisher *publisher, const struct profile *profile,
                      const char *before, const char *after, size_t cap, bool others,
                      unsigned expire_s)
{
    struct profile_row *rows = malloc(cap * sizeof *rows);
    if (!rows) {
        publisher_refuse(publisher, "out of memory");
        return;
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned i = 0; i < RANKINGS_N; i++) {
            stage_key(publisher, expire_s, "%s%s%s%s", before, VIEWS[view], RANKINGS[i].name,
                      after);
            rank(publisher, profile, view, &RANKINGS[i], rows, cap, others);
        }
    free(rows);
}

/* The rows of one country, which are in order of packets. */
static void rank_country(struct publisher *publisher, uint64_t country,
                         const struct profile_row *rows, size_t n)
{
    char buf[ADDRESS_TEXT_CAP];
    stage_key(publisher, KEPT_FOR_EVER, "top:cc:%s:tcp:24h", cc_name(country, buf));
    size_t named = 0;
    uint64_t rest = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].key >> 16 != country)
            continue;
        if (named++ < TOP_MAX)
            stage_member(publisher,
                         member_name(publisher->publication, PROFILE_CC_TCP, &rows[i], buf),
                         rows[i].packets);
        else
            rest += rows[i].packets;
    }
    if (rest)
        stage_member(publisher, OTHERS, rest);
    stage_items_end(publisher);
}

/* TCP ports within each of the first countries. "??" is none. */
static void rank_countries(struct publisher *publisher, const struct profile *day)
{
    struct profile_row countries[COUNTRIES_LOOK];
    uint64_t rest;
    size_t countries_n = profile_top(day, PROFILE_ALL, PROFILE_CC, PROFILE_BY_PACKETS,
                                     countries, COUNTRIES_LOOK, &rest);
    size_t n = profile_count(day, PROFILE_ALL, PROFILE_CC_TCP);
    if (!n)
        return;
    struct profile_row *rows = malloc(n * sizeof *rows);
    if (!rows) {
        publisher_refuse(publisher, "out of memory");
        return;
    }
    n = profile_top(day, PROFILE_ALL, PROFILE_CC_TCP, PROFILE_BY_PACKETS, rows, n, &rest);
    size_t ranked = 0;
    for (size_t i = 0; i < countries_n && ranked < COUNTRIES_MAX; i++)
        if (countries[i].key) {
            rank_country(publisher, countries[i].key, rows, n);
            ranked++;
        }
    free(rows);
}

void publish_tops(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    if (publication->hour)
        publish_rankings(publisher, publication->hour, "top:", ":1h", TOP_MAX, true,
                         KEPT_FOR_EVER);
    if (publication->day) {
        publish_rankings(publisher, publication->day, "top:", ":24h", TOP_MAX, true,
                         KEPT_FOR_EVER);
        rank_countries(publisher, publication->day);
    }
}
