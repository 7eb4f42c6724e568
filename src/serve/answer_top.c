/* /api/v1/top/<dim>: a ranking, with what is known of each member. */
#include "serve/ask.h"

#include "serve/as_names.h"
#include "serve/reply.h"
#include "signature/iot_ports.h"
#include "sink/service.h"

#include <stdlib.h>
#include <string.h>

static void write_port(struct json_out *json, enum protocol protocol, const char *key)
{
    unsigned long port = strtoul(key, NULL, 10);
    if (port > UINT16_MAX)
        return;
    ask_write_text(json, "service", service_name(protocol, (uint16_t)port));
    const struct iot_port *iot = iot_port_find(protocol, (uint16_t)port);
    if (!iot)
        return;
    ask_write_text(json, "device", iot->device);
    ask_write_text(json, "weakness", iot->weakness);
}

static void write_value(struct json_out *json, const char *name, uint64_t value, bool estimated)
{
    ask_write_count(json, name, value);
    if (!estimated)
        return;
    char flag[32];
    (void)snprintf(flag, sizeof flag, "%s_estimated", name);
    json_out_key(json, flag);
    json_out_bool(json, true);
}

/* A sensor counts up to 127 sources of a row one by one; the count of a sketch, which more are,
 * may be a little lower (2,048 registers: 2 at that size). Redis has no mark of its own. */
static bool is_estimate(const struct ranking *ranking, const struct ranked *row, bool sources)
{
    enum { SURELY_EXACT = 111 };
    return ranking->estimated || row->partial || (sources && row->value > SURELY_EXACT);
}

static const struct ranked *find(const struct ranking *ranking, const char *key)
{
    for (size_t i = 0; i < ranking->n; i++)
        if (strcmp(ranking->rows[i].key, key) == 0)
            return &ranking->rows[i];
    return NULL;
}

/* labels cc asn iot of the rows' sources, from the first sensor that has each. */
static enum ask_status write_sources(struct ask *ask, const struct ranking *ranking, size_t n)
{
    struct redis_replies replies[REQUEST_SENSORS_MAX];
    unsigned got = 0;
    enum ask_status status = ASK_DONE;
    for (; n > 0 && got < ask->sensors_n; got++) {
        struct redis_batch *batch = redis_batch_new();
        for (size_t i = 0; batch && i < n; i++) {
            redis_batch_command(batch, "HGETALL");
            ask_key(batch, ask->sensors[got], "src:%s", ranking->rows[i].key);
        }
        status = ask_run(ask, got, batch, &replies[got]);
        if (status != ASK_DONE)
            break;
    }
    struct json_out *json = &ask->json;
    for (size_t i = 0; status == ASK_DONE && i < n; i++) {
        json_out_open(json, '{');
        ask_write_text(json, "key", ranking->rows[i].key);
        write_value(json, "packets", ranking->rows[i].value, ranking->rows[i].partial);
        for (unsigned j = 0; j < got; j++) {
            const struct redis_reply *hash = &replies[j].items[i];
            if (hash->kind != REDIS_LIST || hash->len == 0)
                continue;
            ask_write_text(json, "labels", reply_text(hash, "labels"));
            ask_write_text(json, "cc", reply_text(hash, "cc"));
            ask_write_count(json, "asn", reply_count(hash, "asn"));
            json_out_key(json, "iot");
            json_out_bool(json, reply_count(hash, "iot") > 0);
            break;
        }
        json_out_close(json, '}');
    }
    for (unsigned i = 0; i < got; i++)
        redis_replies_free(&replies[i]);
    return status;
}

/* The same things ranked by packets and by sources: of the other one, what is known. */
static enum ask_status write_rows(struct ask *ask, const struct ranking *ranking,
                                  const struct ranking *other, size_t n)
{
    const struct request *request = ask->request;
    struct json_out *json = &ask->json;
    const char *measure = request->by_sources ? "sources" : "packets";
    for (size_t i = 0; i < n; i++) {
        const struct ranked *row = &ranking->rows[i],
                            *same = other ? find(other, row->key) : NULL;
        json_out_open(json, '{');
        ask_write_text(json, "key", row->key);
        write_value(json, measure, row->value, is_estimate(ranking, row, request->by_sources));
        if (same)
            write_value(json, request->by_sources ? "packets" : "sources", same->value,
                        is_estimate(other, same, !request->by_sources));
        if (request->dimension == DIMENSION_TCP || request->dimension == DIMENSION_UDP)
            write_port(json, request->dimension == DIMENSION_TCP ? PROTOCOL_TCP : PROTOCOL_UDP,
                       row->key);
        if (request->dimension == DIMENSION_ASN)
            ask_write_text(json, "name", as_names_find(ask, row->key));
        json_out_close(json, '}');
    }
    return ASK_DONE;
}

static void write_span(struct json_out *json, const struct ask *ask,
                       const struct ranking *ranking)
{
    char day[16];
    if (!ranking->by_day) {
        ask_write_count(json, "trailing", ask->request->window.trailing_s);
        return;
    }
    json_out_key(json, "days");
    json_out_open(json, '[');
    ask_day(ranking->first_day, day);
    json_out_text(json, day);
    ask_day(ranking->last_day, day);
    json_out_text(json, day);
    json_out_close(json, ']');
}

enum ask_status answer_top(struct ask *ask)
{
    const struct request *request = ask->request;
    if (request->dimension == DIMENSION_LABELLED)
        return answer_labelled(ask);
    char name[32], other_name[32];
    const char *dimension = DIMENSION_NAMES[request->dimension];
    bool paired = request->dimension == DIMENSION_TCP || request->dimension == DIMENSION_UDP ||
                  request->dimension == DIMENSION_CC;
    (void)snprintf(name, sizeof name, "%s%s", dimension, request->by_sources ? ":sources" : "");
    (void)snprintf(other_name, sizeof other_name, "%s%s", dimension,
                   request->by_sources ? "" : ":sources");
    if (request->cc[0])
        (void)snprintf(name, sizeof name, "cc:%s:tcp", request->cc);
    struct ranking ranking = {0}, other = {0};
    enum ask_status status = ranking_load(ask, name, &ranking);
    if (status == ASK_DONE && paired && !request->cc[0])
        status = ranking_load(ask, other_name, &other);
    if (status == ASK_DONE && request->dimension == DIMENSION_ASN)
        status = as_names_load(ask);
    if (status == ASK_DONE) {
        size_t n = ranking.n < request->limit ? ranking.n : request->limit;
        ask_write_scope(ask);
        ask_write_text(&ask->json, "dimension", name);
        write_span(&ask->json, ask, &ranking);
        write_value(&ask->json, "members", ranking.n, ranking.cut);
        if (!request->by_sources)
            write_value(&ask->json, "total", ranking.total, ranking.open);
        if (ranking.has_others)
            ask_write_count(&ask->json, "others", ranking.others);
        json_out_key(&ask->json, "rows");
        json_out_open(&ask->json, '[');
        status = request->dimension == DIMENSION_SRC
                     ? write_sources(ask, &ranking, n)
                     : write_rows(ask, &ranking, paired && !request->cc[0] ? &other : NULL, n);
        json_out_close(&ask->json, ']');
    }
    ranking_fini(&ranking);
    ranking_fini(&other);
    return status;
}
