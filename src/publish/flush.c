#include "publish/flush.h"

#include "publish/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char THERE_ALREADY[] = "ERR The ID specified in XADD is equal or smaller";
static const char VANISHED[] = "ERR no such key";

static bool is_ranking(const struct publisher *publisher, const struct name *name)
{
    return strncmp(name->text + publisher->keys.prefix_len, "top:", 4) == 0;
}

/* Those that not every flush writes. */
static bool is_remembered(const struct publisher *publisher, const struct name *name)
{
    const char *own = name->text + publisher->keys.prefix_len;
    return is_ranking(publisher, name) || strncmp(own, "d:", 2) == 0 ||
           strncmp(own, "hll:", 4) == 0;
}

static bool has_name(const struct names *names, const struct name *name)
{
    return names->n && bsearch(name, names->items, names->n, sizeof *name, name_compare);
}

static void sort_names(struct names *names)
{
    if (names->n)
        qsort(names->items, names->n, sizeof *names->items, name_compare);
}

/* The staged ones by name. */
static bool list_staged(const struct publisher *publisher, struct names *ret_names)
{
    for (size_t i = 0; i < publisher->staged_n; i++) {
        const struct name *name = &publisher->staged[i].name;
        if (is_remembered(publisher, name) && !names_add(ret_names, name->text, name->len))
            return false;
    }
    sort_names(ret_names);
    return true;
}

/* What was staged is there; of what was there before, rankings only when they were staged. */
static void remember(struct publisher *publisher, struct flush_memory *memory, bool all)
{
    struct names now = {0};
    if (publisher->status != REDIS_DONE)
        return;
    bool listed = list_staged(publisher, &now);
    size_t staged_n = now.n;
    for (size_t i = 0; i < memory->names.n && listed && !all; i++) {
        const struct name *old = &memory->names.items[i];
        const struct names staged = {now.items, staged_n, 0};
        if (!is_ranking(publisher, old) && !has_name(&staged, old))
            listed = names_add(&now, old->text, old->len);
    }
    sort_names(&now);
    if (listed) {
        names_fini(&memory->names);
        memory->names = now;
    } else {
        names_fini(&now);
        publisher_refuse(publisher, "out of memory");
    }
}

enum redis_status flush_all(struct redis *redis, const struct publication *publication,
                            struct flush_memory *memory, struct err *err)
{
    struct publisher publisher;
    if (publish_init(&publisher, redis, publication, err))
        publish_all(&publisher);
    remember(&publisher, memory, true);
    publish_fini(&publisher);
    return publisher.status;
}

/* Rankings that were there and have no members any more. */
static void list_gone(struct publisher *publisher, const struct flush_memory *memory,
                      struct names *ret_names)
{
    struct names now = {0};
    bool listed = list_staged(publisher, &now);
    for (size_t i = 0; i < memory->names.n && listed; i++) {
        const struct name *old = &memory->names.items[i];
        if (is_ranking(publisher, old) && !has_name(&now, old))
            listed = names_add(ret_names, old->text, old->len);
    }
    names_fini(&now);
    if (!listed)
        publisher_refuse(publisher, "out of memory");
}

/* What there must be when the transaction is done. */
struct expected {
    uint64_t minutes, hours, feed, devices, looked;
};

static void count_command(struct publisher *publisher, const char *command, const char *name)
{
    char key[KEY_CAP];
    publisher_key(publisher, name, key);
    redis_batch_add(publisher->batch, command, key, NULL);
}

/* Members of "iot": a command takes a few hundred. */
struct members {
    const char *command, *key;
    unsigned n;
};

static void add_member(struct redis_batch *batch, struct members *members, const char *text,
                       const uint32_t *last_s)
{
    if (members->n++ % PUBLISH_ITEMS == 0) {
        redis_batch_command(batch, members->command);
        redis_batch_arg(batch, members->key);
    }
    if (last_s)
        redis_batch_arg_u64(batch, *last_s);
    redis_batch_arg(batch, text);
}

static void remove_sources(struct publisher *publisher, const struct flush *flush,
                           const char *key)
{
    struct redis_batch *batch = publisher->batch;
    char text[ADDRESS_TEXT_CAP], source[KEY_CAP];
    struct members gone = {"ZREM", key, 0};
    for (size_t i = 0; i < flush->gone_n; i++)
        add_member(batch, &gone, address_format(&flush->gone[i], text), NULL);
    for (size_t i = 0; i < flush->labelled_n; i++) {
        const struct labelled_source *row =
            &publisher->publication->labelled[flush->labelled[i]];
        if (!row->iot)
            add_member(batch, &gone, address_format(&row->source, text), NULL);
    }
    for (size_t i = 0; i < flush->gone_n; i++) {
        if (i % PUBLISH_ITEMS == 0)
            redis_batch_command(batch, "UNLINK");
        (void)snprintf(source, sizeof source, "%ssrc:%s", publisher->keys.prefix,
                       address_format(&flush->gone[i], text));
        redis_batch_arg(batch, source);
    }
}

static void add_devices(struct publisher *publisher, const struct flush *flush)
{
    struct redis_batch *batch = publisher->batch;
    char key[KEY_CAP], text[ADDRESS_TEXT_CAP];
    publisher_key(publisher, "iot", key);
    remove_sources(publisher, flush, key);
    struct members devices = {"ZADD", key, 0};
    for (size_t i = 0; i < flush->labelled_n; i++) {
        const struct labelled_source *row =
            &publisher->publication->labelled[flush->labelled[i]];
        if (row->iot && publish_has_source(publisher, row))
            add_member(batch, &devices, address_format(&row->source, text), &row->last_s);
    }
    redis_batch_command(batch, "EXPIRE");
    redis_batch_arg(batch, key);
    redis_batch_arg_u64(batch, KEPT_SOURCES_S);
}

/* Some of the sources' hashes and of the days, a few at a time. */
static void look_for_keys(struct publisher *publisher, const struct flush *flush,
                          const struct flush_memory *memory, const struct names *gone,
                          struct expected *expected)
{
    const struct publication *publication = publisher->publication;
    char key[KEY_CAP], text[ADDRESS_TEXT_CAP];
    redis_batch_command(publisher->batch, "EXISTS");
    redis_batch_arg(publisher->batch, publisher->keys.owner);
    expected->looked = 1;
    for (size_t i = 0; i < flush->look_n; i++) {
        const struct labelled_source *row =
            &publication->labelled[(flush->look_from + i) % publication->labelled_n];
        if (!publish_has_source(publisher, row))
            continue;
        (void)snprintf(key, sizeof key, "%ssrc:%s", publisher->keys.prefix,
                       address_format(&row->source, text));
        redis_batch_arg(publisher->batch, key);
        expected->looked++;
    }
    const struct names *names = &memory->names;
    for (size_t i = 0; i < names->n && i < FLUSH_LOOK_N; i++) {
        const struct name *name = &names->items[(memory->looked + i) % names->n];
        if (has_name(gone, name))
            continue;
        redis_batch_arg_bytes(publisher->batch, name->text, name->len);
        expected->looked++;
    }
}

static struct expected expect(const struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    struct expected expected = {0};
    for (size_t i = 0; i < publication->feed_n; i++)
        expected.feed += publish_shows(publisher, &publication->feed[i].source);
    for (size_t i = 0; i < publication->minutes_n; i++)
        expected.minutes +=
            publication->minutes[i].start_s > publisher->newest_s - KEPT_MINUTES_S;
    for (size_t i = 0; i < publication->hours_n; i++)
        expected.hours += publication->hours[i].start_s > publisher->newest_s - KEPT_HOURS_S;
    for (size_t i = 0; i < publication->labelled_n; i++)
        expected.devices += publication->labelled[i].iot &&
                            publish_has_source(publisher, &publication->labelled[i]);
    return expected;
}

/* The last five replies are the counts; of the others only entries that are there already may
 * be errors, or names of staged keys that vanished. */
static bool is_missing(struct publisher *publisher, const struct redis_replies *replies,
                       const struct expected *expected)
{
    const uint64_t wanted[] = {expected->minutes, expected->hours, expected->feed,
                               expected->devices, expected->looked};
    enum { COUNTS_N = sizeof wanted / sizeof *wanted };
    if (publisher->status != REDIS_DONE || replies->n < COUNTS_N)
        return publisher->status == REDIS_DONE;
    bool missing = false;
    size_t commands = replies->n - COUNTS_N;
    for (size_t i = 0; i < commands; i++) {
        const struct redis_reply *reply = &replies->items[i];
        if (reply->kind != REDIS_ERROR)
            continue;
        missing |= strncmp(reply->text, THERE_ALREADY, sizeof THERE_ALREADY - 1) != 0;
        if (missing && strncmp(reply->text, VANISHED, sizeof VANISHED - 1) != 0)
            publisher_refuse(publisher, reply->text);
    }
    for (size_t i = 0; i < COUNTS_N; i++)
        missing |= replies->items[commands + i].kind != REDIS_NUMBER ||
                   replies->items[commands + i].number != (int64_t)wanted[i];
    return missing;
}

static void transact(struct publisher *publisher, const struct flush *flush,
                     const struct flush_memory *memory, const struct names *gone,
                     bool *ret_missing)
{
    struct expected expected = expect(publisher);
    struct redis_replies replies = {0};
    swap_add(publisher, gone);
    publish_more_series(publisher, flush->minutes_from, flush->hours_from);
    publish_more_feed(publisher, flush->feed_from);
    add_devices(publisher, flush);
    count_command(publisher, "XLEN", "series:1m");
    count_command(publisher, "XLEN", "series:1h");
    count_command(publisher, "XLEN", "feed");
    count_command(publisher, "ZCARD", "iot");
    look_for_keys(publisher, flush, memory, gone, &expected);
    publisher_transact(publisher, "ERR ", &replies);
    *ret_missing = is_missing(publisher, &replies, &expected);
    redis_replies_free(&replies);
}

enum redis_status flush_changes(struct redis *redis, const struct publication *publication,
                                const struct flush *flush, struct flush_memory *memory,
                                bool *ret_missing, struct err *err)
{
    struct publisher publisher;
    struct names gone = {0};
    bool missing = false;
    if (publish_init(&publisher, redis, publication, err)) {
        publish_name(&publisher);
        publish_info(&publisher);
        publish_totals(&publisher);
        publish_report(&publisher);
        if (flush->tops) {
            publish_tops(&publisher);
            publish_days(&publisher, flush->days_from);
        }
        stage_send(&publisher);
        publish_changed_sources(&publisher, flush->labelled, flush->labelled_n);
        swap_seal(&publisher);
        if (flush->tops)
            list_gone(&publisher, memory, &gone);
        sort_names(&gone);
        transact(&publisher, flush, memory, &gone, &missing);
        memory->looked += FLUSH_LOOK_N;
        if (flush->tops)
            remember(&publisher, memory, false);
    }
    names_fini(&gone);
    publish_fini(&publisher);
    if (publisher.status == REDIS_DONE)
        *ret_missing = missing;
    return publisher.status;
}
