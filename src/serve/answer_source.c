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
};

static int by_last(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    if (a->last != b->last)
        return a->last > b->last ? -1 : 1;
    return strcmp(a->ip, b->ip);
}

static int by_address(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    int order = strcmp(a->ip, b->ip);
    return order ? order : by_last(left, right);
}

/* What sensors list. */
struct listed {
    struct seen *seen;
    size_t n;
    uint64_t members; /* of all lists */
    bool cut;         /* a list goes on */
};

static enum ask_status collect(struct ask *ask, struct listed *listed)
{
    unsigned limit = ask->request->limit;
    for (unsigned i = 0; i < ask->sensors_n; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (batch) {
            redis_batch_command(batch, "ZCARD");
            ask_key(batch, ask->sensors[i], "iot");
            redis_batch_command(batch, "ZREVRANGE");
            ask_key(batch, ask->sensors[i], "iot");
            redis_batch_arg(batch, "0");
            redis_batch_arg_u64(batch, limit - 1);
            redis_batch_arg(batch, "WITHSCORES");
        }
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        uint64_t count = 0;
        (void)reply_number(&replies.items[0], &count); /* 0 when it is none */
        listed->members += count;
        listed->cut |= count > limit;
        const struct redis_reply *set = reply_pairs(&replies.items[1]);
        for (size_t j = 0; set && j < set->len && j < 2 * (size_t)limit; j += 2) {
            struct address address;
            uint64_t last;
            if (set->items[j].kind != REDIS_TEXT ||
                address_parse(set->items[j].text, &address) != 0 ||
                ask_is_dark(ask, &address) || !reply_number(&set->items[j + 1], &last))
                continue;
            (void)address_format(&address, listed->seen[listed->n].ip);
            listed->seen[listed->n++].last = last;
        }
        redis_replies_free(&replies);
    }
    return ASK_DONE;
}

/* Each once, when it was seen last; by that. */
static void merge(struct listed *listed)
{
    struct seen *seen = listed->seen;
    size_t n = 0;
    qsort(seen, listed->n, sizeof *seen, by_address);
    for (size_t i = 0; i < listed->n; i++)
        if (n == 0 || strcmp(seen[n - 1].ip, seen[i].ip) != 0)
            seen[n++] = seen[i];
    listed->n = n;
    qsort(seen, n, sizeof *seen, by_last);
}

static bool has_word(const char *list, const char *word, size_t len)
{
    for (; *list; list += *list == ',') {
        size_t n = strcspn(list, ",");
        if (n == len && memcmp(list, word, len) == 0)
            return true;
        list += n;
    }
    return false;
}

/* A list of words of all sensors, each word once. */
static void write_words(struct json_out *json, const char *key,
                        const struct redis_reply *const *hashes, unsigned n)
{
    char words[2048] = "";
    for (unsigned i = 0; i < n; i++) {
        const char *word = reply_text(hashes[i], key);
        for (size_t len; *word; word += len + (word[len] == ',')) {
            size_t used = strlen(words);
            len = strcspn(word, ",");
            if (len && !has_word(words, word, len) && used + len + 2 < sizeof words)
                (void)snprintf(words + used, sizeof words - used, "%s%.*s", used ? "," : "",
                               (int)len, word);
        }
    }
    ask_write_text(json, key, words);
}

/* What all sensors know of one source. */
static void write_merged(struct json_out *json, const struct seen *seen,
                         const struct redis_reply *const *hashes, unsigned n)
{
    uint64_t packets = 0, first = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        uint64_t its = reply_count(hashes[i], "first");
        packets += reply_count(hashes[i], "packets");
        first = its && its < first ? its : first;
    }
    json_out_open(json, '{');
    ask_write_text(json, "key", seen->ip);
    ask_write_count(json, "packets", packets);
    ask_write_count(json, "first", first == UINT64_MAX ? 0 : first);
    ask_write_count(json, "last", seen->last);
    write_words(json, "labels", hashes, n);
    ask_write_text(json, "cc", n ? reply_text(hashes[0], "cc") : "");
    ask_write_count(json, "asn", n ? reply_count(hashes[0], "asn") : 0);
    write_words(json, "ports", hashes, n);
    json_out_close(json, '}');
}

static enum ask_status write_seen(struct ask *ask, const struct seen *seen, size_t n)
{
    struct redis_replies replies[REQUEST_SENSORS_MAX];
    enum ask_status status = ASK_DONE;
    unsigned got = 0;
    for (; n > 0 && got < ask->sensors_n; got++) {
        struct redis_batch *batch = redis_batch_new();
        for (size_t i = 0; batch && i < n; i++) {
            redis_batch_command(batch, "HGETALL");
            ask_key(batch, ask->sensors[got], "src:%s", seen[i].ip);
        }
        status = ask_run(ask, got, batch, &replies[got]);
        if (status != ASK_DONE)
            break;
    }
    for (size_t i = 0; status == ASK_DONE && i < n; i++) {
        const struct redis_reply *hashes[REQUEST_SENSORS_MAX];
        unsigned there = 0;
        for (unsigned j = 0; j < got; j++)
            if (reply_count(&replies[j].items[i], "iot") > 0)
                hashes[there++] = &replies[j].items[i];
        write_merged(&ask->json, &seen[i], hashes, there);
    }
    for (unsigned i = 0; i < got; i++)
        redis_replies_free(&replies[i]);
    return status;
}

enum ask_status answer_labelled(struct ask *ask)
{
    struct listed listed = {.seen = calloc((size_t)ask->request->limit * (ask->sensors_n + 1),
                                           sizeof *listed.seen)};
    if (!listed.seen)
        return ASK_MEMORY;
    enum ask_status status = collect(ask, &listed);
    merge(&listed);
    if (status == ASK_DONE) {
        bool sum = listed.cut && ask->sensors_n > 1;
        size_t n = listed.n < ask->request->limit ? listed.n : ask->request->limit;
        ask_write_scope(ask);
        ask_write_text(&ask->json, "dimension", "labelled");
        ask_write_count(&ask->json, "members", listed.cut ? listed.members : listed.n);
        if (sum) {
            json_out_key(&ask->json, "members_estimated");
            json_out_bool(&ask->json, true);
        }
        json_out_key(&ask->json, "rows");
        json_out_open(&ask->json, '[');
        status = write_seen(ask, listed.seen, n);
        json_out_close(&ask->json, ']');
    }
    free(listed.seen);
    return status;
}
