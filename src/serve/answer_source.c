/* /api/v1/source/<ip>: the evidence of a labelled source, sensor by sensor; and the labelled
 * IoT devices by when they were last seen (/api/v1/top/labelled). */
#include "serve/ask.h"

#include "serve/reply.h"

#include <stdlib.h>
#include <string.h>

static void write_list(struct json_out *json, const char *key, const char *text)
{
    json_out_key(json, key);
    json_out_open(json, '[');
    char *copy = strdup(text), *rest = copy;
    for (char *word; copy && (word = strsep(&rest, ","));)
        if (*word)
            json_out_text(json, word);
    free(copy);
    json_out_close(json, ']');
}

static void write_hash(struct json_out *json, const struct redis_reply *hash)
{
    static const char *const LISTS[] = {"labels", "signatures",  "n",
                                        "k",      "probability", "ports"};
    static const char *const NUMBERS[] = {"packets", "first", "last", "asn"};
    for (unsigned i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++)
        write_list(json, LISTS[i], reply_text(hash, LISTS[i]));
    for (unsigned i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        ask_write_count(json, NUMBERS[i], reply_count(hash, NUMBERS[i]));
    json_out_key(json, "ports_more");
    json_out_bool(json, reply_count(hash, "ports_more") > 0);
    json_out_key(json, "iot");
    json_out_bool(json, reply_count(hash, "iot") > 0);
    ask_write_text(json, "cc", reply_text(hash, "cc"));
}

enum ask_status answer_source(struct ask *ask)
{
    char address[ADDRESS_TEXT_CAP];
    (void)address_format(&ask->request->source, address);
    if (ask_is_dark(ask, &ask->request->source))
        return ask_fail(ask, ASK_NONE, "no labelled source has this address");
    struct json_out *json = &ask->json;
    unsigned found = 0;
    ask_write_scope(ask);
    ask_write_text(json, "ip", address);
    json_out_key(json, "seen_by");
    json_out_open(json, '[');
    for (unsigned i = 0; i < ask->sensors_n; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (batch) {
            redis_batch_command(batch, "HGETALL");
            ask_key(batch, ask->sensors[i], "src:%s", address);
        }
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        const struct redis_reply *hash = &replies.items[0];
        if (hash->kind == REDIS_LIST && hash->len > 0 &&
            (ask->request->view == VIEW_ALL || reply_count(hash, "iot") > 0)) {
            found++;
            json_out_open(json, '{');
            ask_write_text(json, "sensor", ask->sensors[i]);
            write_hash(json, hash);
            json_out_close(json, '}');
        }
        redis_replies_free(&replies);
    }
    json_out_close(json, ']');
    return found ? ASK_DONE : ask_fail(ask, ASK_NONE, "no labelled source has this address");
}

struct seen {
    char ip[ADDRESS_TEXT_CAP];
    uint64_t last;
    unsigned sensor;
};

static int by_last(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    if (a->last != b->last)
        return a->last > b->last ? -1 : 1;
    return strcmp(a->ip, b->ip);
}

static enum ask_status collect(struct ask *ask, struct seen *seen, size_t *n, uint64_t *total)
{
    for (unsigned i = 0; i < ask->sensors_n; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (batch) {
            redis_batch_command(batch, "ZCARD");
            ask_key(batch, ask->sensors[i], "iot");
            redis_batch_command(batch, "ZREVRANGE");
            ask_key(batch, ask->sensors[i], "iot");
            redis_batch_arg(batch, "0");
            redis_batch_arg_u64(batch, ask->request->limit - 1);
            redis_batch_arg(batch, "WITHSCORES");
        }
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        uint64_t count = 0;
        (void)reply_number(&replies.items[0], &count); /* 0 when it is none */
        *total += count;
        const struct redis_reply *set = reply_pairs(&replies.items[1]);
        for (size_t j = 0; set && j < set->len && j < 2 * (size_t)ask->request->limit; j += 2) {
            struct address address;
            uint64_t last;
            if (set->items[j].kind != REDIS_TEXT ||
                address_parse(set->items[j].text, &address) != 0 ||
                ask_is_dark(ask, &address) || !reply_number(&set->items[j + 1], &last))
                continue;
            (void)address_format(&address, seen[*n].ip);
            seen[*n].last = last;
            seen[(*n)++].sensor = i;
        }
        redis_replies_free(&replies);
    }
    return ASK_DONE;
}

/* Each from the sensor that saw it last. */
static enum ask_status write_seen(struct ask *ask, const struct seen *seen, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (batch) {
            redis_batch_command(batch, "HGETALL");
            ask_key(batch, ask->sensors[seen[i].sensor], "src:%s", seen[i].ip);
        }
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, seen[i].sensor, batch, &replies);
        if (status != ASK_DONE)
            return status;
        const struct redis_reply *hash = &replies.items[0];
        struct json_out *json = &ask->json;
        json_out_open(json, '{');
        ask_write_text(json, "key", seen[i].ip);
        ask_write_count(json, "packets", reply_count(hash, "packets"));
        ask_write_count(json, "first", reply_count(hash, "first"));
        ask_write_count(json, "last", seen[i].last);
        ask_write_text(json, "labels", reply_text(hash, "labels"));
        ask_write_text(json, "cc", reply_text(hash, "cc"));
        ask_write_count(json, "asn", reply_count(hash, "asn"));
        ask_write_text(json, "ports", reply_text(hash, "ports"));
        json_out_close(json, '}');
        redis_replies_free(&replies);
    }
    return ASK_DONE;
}

enum ask_status answer_labelled(struct ask *ask)
{
    struct seen *seen =
        calloc((size_t)ask->request->limit * (ask->sensors_n + 1), sizeof *seen);
    size_t n = 0, kept = 0;
    uint64_t total = 0;
    if (!seen)
        return ASK_MEMORY;
    enum ask_status status = collect(ask, seen, &n, &total);
    qsort(seen, n, sizeof *seen, by_last);
    for (size_t i = 0; i < n && kept < ask->request->limit; i++) {
        bool twice = false;
        for (size_t j = 0; j < kept; j++)
            twice |= strcmp(seen[j].ip, seen[i].ip) == 0;
        if (!twice)
            seen[kept++] = seen[i];
    }
    if (status == ASK_DONE) {
        ask_write_scope(ask);
        ask_write_text(&ask->json, "dimension", "labelled");
        ask_write_count(&ask->json, "members", total);
        json_out_key(&ask->json, "rows");
        json_out_open(&ask->json, '[');
        status = write_seen(ask, seen, kept);
        json_out_close(&ask->json, ']');
    }
    free(seen);
    return status;
}
