/* Rankings of several sensors, or of several days, as one: members with equal names are added
 * up. Distinct sources do not add up; their sums are marked as estimates. So are members that a
 * part may have among its others. */
#include "serve/ask.h"

#include "serve/reply.h"

#include <stdlib.h>
#include <string.h>

enum {
    DAYS_AND_SENSORS_MAX = 2000,
    TRAILING_MAX = 1000, /* members that are listed, besides others */
    DAY_MAX = 200,       /* and of a day, which has no others */
};

struct members {
    struct ranked *rows;
    size_t n, cap;
    unsigned cuts; /* parts that may have more members than they list */
};

static bool add_member(struct members *members, const char *key, size_t len, uint64_t value,
                       bool cut)
{
    if (members->n == members->cap) {
        size_t cap = members->cap ? members->cap * 2 : 1024;
        struct ranked *rows = realloc(members->rows, cap * sizeof *rows);
        if (!rows)
            return false;
        members->rows = rows;
        members->cap = cap;
    }
    struct ranked *row = &members->rows[members->n++];
    memcpy(row->key, key, len);
    row->key[len] = '\0';
    row->value = value;
    row->cuts = cut;
    return true;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct ranked *)a)->key, ((const struct ranked *)b)->key);
}

/* Keys that are numbers in their order. */
static int compare_keys(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    bool numbers = strspn(a, "0123456789") == length_a && strspn(b, "0123456789") == length_b;
    if (numbers && length_a != length_b)
        return length_a < length_b ? -1 : 1;
    return strcmp(a, b);
}

static int by_value(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return compare_keys(a->key, b->key);
}

/* Does the list end where it is cut? One without others says so by its length alone. */
static bool is_cut(const struct redis_reply *set, const char *dimension, bool by_day)
{
    if (by_day)
        return set->len / 2 >= DAY_MAX;
    if (strstr(dimension, ":sources"))
        return set->len / 2 >= TRAILING_MAX;
    for (size_t i = 0; i < set->len; i += 2)
        if (set->items[i].kind == REDIS_TEXT && strcmp(set->items[i].text, "others") == 0)
            return true;
    return false;
}

static enum ask_status take(struct ask *ask, const struct redis_reply *set,
                            const char *dimension, struct members *members,
                            struct ranking *ranking)
{
    if (!reply_pairs(set))
        return ASK_DONE;
    bool cut = is_cut(set, dimension, ranking->by_day);
    members->cuts += cut;
    ranking->open |= cut && ranking->by_day;
    for (size_t i = 0; i < set->len; i += 2) {
        const struct redis_reply *member = &set->items[i];
        uint64_t value;
        struct address address;
        if (member->kind != REDIS_TEXT || member->len >= sizeof members->rows->key ||
            strlen(member->text) != member->len || !reply_number(&set->items[i + 1], &value)) {
            ask->damaged = true;
            continue;
        }
        bool hidden = address_parse(member->text, &address) == 0 && ask_is_dark(ask, &address);
        if (hidden || strcmp(member->text, "others") == 0) {
            ranking->others += value;
            ranking->has_others = true;
            continue;
        }
        if (!add_member(members, member->text, member->len, value, cut))
            return ASK_MEMORY;
    }
    return ASK_DONE;
}

static void merge(struct members *members)
{
    qsort(members->rows, members->n, sizeof *members->rows, by_key);
    size_t n = 0;
    for (size_t i = 0; i < members->n; i++) {
        struct ranked *row = &members->rows[i], *last = n ? &members->rows[n - 1] : row;
        if (n > 0 && strcmp(last->key, row->key) == 0) {
            last->value += row->value;
            last->cuts += row->cuts;
        } else {
            members->rows[n++] = *row;
        }
    }
    members->n = n;
    for (size_t i = 0; i < n; i++)
        members->rows[i].partial = members->rows[i].cuts < members->cuts;
    qsort(members->rows, members->n, sizeof *members->rows, by_value);
}

/* Whole UTC days, unless it is the trailing hour or day. */
static enum ask_status choose_days(struct ask *ask, struct ranking *ranking)
{
    const struct time_span *window = &ask->request->window;
    if (window->trailing_s == 3600 || window->trailing_s == DAY_S)
        return ASK_DONE;
    uint32_t first = window->from_s,
             last = window->to_s > window->from_s ? window->to_s - 1 : window->to_s;
    if (window->trailing_s) {
        enum ask_status status = ask_newest(ask, &last);
        if (status != ASK_DONE)
            return status;
        last = last ? last - 1 : 0;
        uint32_t back = window->trailing_s < DAY_S ? 0 : window->trailing_s - DAY_S;
        first = last > back ? last - back : 0;
    }
    ranking->by_day = true;
    ranking->first_day = first / DAY_S * DAY_S;
    ranking->last_day = last / DAY_S * DAY_S;
    uint64_t days = (ranking->last_day - ranking->first_day) / DAY_S + 1;
    if (days > REQUEST_DAYS_MAX + 1 || days * ask->sensors_n > DAYS_AND_SENSORS_MAX)
        return ask_fail(ask, ASK_BAD, "window: too many days of too many sensors at a time");
    return ASK_DONE;
}

/* The trailing span of a sensor that is not there any more ends with its own last minute: it
 * has no part in that of the others when it was over before theirs began. */
static bool is_over(const struct ask *ask, unsigned sensor, uint32_t newest_s)
{
    uint32_t own_s = ask->newest_s[sensor], trailing_s = ask->request->window.trailing_s;
    return own_s && newest_s > trailing_s && own_s <= newest_s - trailing_s;
}

static void add_command(struct redis_batch *batch, const char *sensor, const char *name)
{
    redis_batch_command(batch, "ZREVRANGE");
    ask_key(batch, sensor, "%s", name);
    redis_batch_arg(batch, "0");
    redis_batch_arg_u64(batch, TRAILING_MAX); /* that many members, and others */
    redis_batch_arg(batch, "WITHSCORES");
}

static struct redis_batch *make_batch(const struct ask *ask, unsigned sensor,
                                      const char *dimension, const struct ranking *ranking)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return NULL;
    const char *iot = ask->request->view == VIEW_IOT ? "iot:" : "";
    char name[128], day[16];
    if (!ranking->by_day) {
        bool hour = ask->request->window.trailing_s == 3600;
        (void)snprintf(name, sizeof name, "top:%s%s:%s", iot, dimension, hour ? "1h" : "24h");
        add_command(batch, ask->sensors[sensor], name);
        if (ask->request->cc[0]) {
            redis_batch_command(batch, "ZSCORE");
            ask_key(batch, ask->sensors[sensor], "top:cc:24h");
            redis_batch_arg(batch, ask->request->cc);
        }
        return batch;
    }
    for (uint64_t at = ranking->first_day; at <= ranking->last_day; at += DAY_S) {
        ask_day((uint32_t)at, day);
        (void)snprintf(name, sizeof name, "d:%s:%s%s", day, iot, dimension);
        add_command(batch, ask->sensors[sensor], name);
    }
    return batch;
}

/* A country that has packets, but no list of ports, is not one of the sensor's first 20. */
static void note_country(const struct redis_replies *replies, struct members *members,
                         struct ranking *ranking)
{
    uint64_t packets;
    bool listed = replies->items[0].kind == REDIS_LIST && replies->items[0].len > 0;
    if (listed || !reply_number(&replies->items[1], &packets))
        return;
    members->cuts++;
    ranking->open = true;
}

enum ask_status ranking_load(struct ask *ask, const char *dimension, struct ranking *ret)
{
    struct members members = {0};
    struct ranking ranking = {0};
    uint32_t newest_s = 0;
    enum ask_status status = choose_days(ask, &ranking);
    if (status == ASK_DONE && !ranking.by_day && ask->sensors_n > 1)
        status = ask_newest(ask, &newest_s);
    for (unsigned i = 0; status == ASK_DONE && i < ask->sensors_n; i++) {
        if (is_over(ask, i, newest_s))
            continue;
        struct redis_replies replies;
        status = ask_run(ask, i, make_batch(ask, i, dimension, &ranking), &replies);
        if (status != ASK_DONE)
            break;
        bool of_country = ask->request->cc[0];
        for (size_t j = 0; status == ASK_DONE && j < replies.n - of_country; j++)
            status = take(ask, &replies.items[j], dimension, &members, &ranking);
        if (of_country)
            note_country(&replies, &members, &ranking);
        redis_replies_free(&replies);
    }
    if (status != ASK_DONE) {
        free(members.rows);
        return status;
    }
    if (members.n > 0)
        merge(&members);
    ranking.rows = members.rows;
    ranking.n = members.n;
    ranking.total = ranking.others;
    for (size_t i = 0; i < ranking.n; i++)
        ranking.total += ranking.rows[i].value;
    ranking.cut = members.cuts > 0;
    ranking.estimated = strstr(dimension, ":sources") &&
                        (ask->sensors_n > 1 || ranking.first_day != ranking.last_day);
    *ret = ranking;
    return ASK_DONE;
}

void ranking_fini(struct ranking *ranking)
{
    free(ranking->rows);
}
