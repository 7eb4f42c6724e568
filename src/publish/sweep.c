/* What earlier runs left: every key of the sensor is compared with the publication. The keys
 * themselves are asked for (SCAN), not an index that the writer would keep: an index says
 * nothing of keys that were evicted, restored, or written by another version. SCAN returns
 * every key that is there from its beginning to its end, and since the writer owns the sensor
 * by then, no other one adds any. */
#include "publish/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 1 << 24 }; /* a server that never ends is not obeyed */

typedef void each_fn(struct publisher *publisher, void *context, const struct name *key);

static bool is_source_of(const struct publisher *publisher, const char *text, size_t len)
{
    const struct publication *publication = publisher->publication;
    char canonical[ADDRESS_TEXT_CAP];
    struct address address;
    if (strlen(text) != len || address_parse(text, &address) != 0 ||
        strcmp(address_format(&address, canonical), text) != 0)
        return false;
    size_t low = 0, high = publication->labelled_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = address_compare(&publication->labelled[middle].source, &address);
        if (order == 0)
            return publish_has_source(publisher, &publication->labelled[middle]);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* What follows the sensor's prefix begins so. */
static bool begins(const struct publisher *publisher, const struct name *key, const char *with)
{
    size_t n = strlen(with);
    return key->len - publisher->keys.prefix_len >= n &&
           memcmp(key->text + publisher->keys.prefix_len, with, n) == 0;
}

static int compare_staged(const void *a, const void *b)
{
    const struct staged_key *left = a, *right = b;
    return name_compare(&left->name, &right->name);
}

static bool is_published(const struct publisher *publisher, const struct name *key)
{
    size_t prefix = publisher->keys.prefix_len;
    if (key->len == strlen(publisher->keys.owner) &&
        memcmp(key->text, publisher->keys.owner, key->len) == 0)
        return true;
    if (begins(publisher, key, "src:"))
        return is_source_of(publisher, key->text + prefix + 4, key->len - prefix - 4);
    struct staged_key wanted = {.name = *key};
    return publisher->staged_n && bsearch(&wanted, publisher->staged, publisher->staged_n,
                                          sizeof wanted, compare_staged);
}

/* One page of keys; the next cursor into cursor, or false at the end. */
static bool scan_page(struct publisher *publisher, char cursor[static 32], each_fn *each,
                      void *context)
{
    char pattern[SENSOR_MAX + 16];
    if (!publisher_goes_on(publisher))
        return false;
    (void)snprintf(pattern, sizeof pattern, "%s*", publisher->keys.prefix);
    struct redis_batch *scan = redis_batch_new();
    if (!scan) {
        publisher_refuse(publisher, "out of memory");
        return false;
    }
    redis_batch_add(scan, "SCAN", cursor, "MATCH", pattern, "COUNT", NULL);
    redis_batch_arg_u64(scan, PUBLISH_SCAN);
    struct redis_replies replies = {0};
    publisher_fail(publisher, redis_run(publisher->redis, publisher->keys.owner, scan, NULL,
                                        &replies, publisher->err));
    redis_batch_free(scan);
    if (publisher->status != REDIS_DONE)
        return false;
    const struct redis_reply *page = replies.n == 1 ? &replies.items[0] : NULL;
    bool more = false;
    if (!page || page->kind != REDIS_LIST || page->len != 2 ||
        page->items[0].kind != REDIS_TEXT || page->items[0].len >= 32 ||
        page->items[1].kind != REDIS_LIST) {
        publisher_refuse(publisher, "SCAN answered something else");
    } else {
        for (size_t i = 0; i < page->items[1].len; i++) {
            const struct redis_reply *item = &page->items[1].items[i];
            struct name key = {.text = (char *)item->text, .len = item->len};
            if (item->kind == REDIS_TEXT && key.len > publisher->keys.prefix_len &&
                memcmp(key.text, publisher->keys.prefix, publisher->keys.prefix_len) == 0)
                each(publisher, context, &key);
        }
        memcpy(cursor, page->items[0].text, page->items[0].len + 1);
        more = strcmp(cursor, "0") != 0;
    }
    redis_replies_free(&replies);
    return more;
}

static void scan(struct publisher *publisher, each_fn *each, void *context)
{
    if (publisher->status != REDIS_DONE)
        return;
    char cursor[32] = "0", server[64];
    (void)snprintf(server, sizeof server, "%s",
                   redis_run_id(publisher->redis, publisher->keys.owner));
    for (unsigned rounds = 0; scan_page(publisher, cursor, each, context);)
        if (publisher->status != REDIS_DONE || ++rounds == ROUNDS_MAX)
            break;
    if (publisher->status == REDIS_DONE && strcmp(cursor, "0") != 0)
        publisher_refuse(publisher, "SCAN does not end");
    if (publisher->status == REDIS_DONE &&
        strcmp(server, redis_run_id(publisher->redis, publisher->keys.owner)) != 0) {
        /* Cursors of one server mean nothing to another. */
        (void)err_set(publisher->err, publisher->keys.owner, 0, 0,
                      "another server took over while its keys were listed");
        publisher_fail(publisher, REDIS_LOST);
    }
}

static void list_gone(struct publisher *publisher, void *context, const struct name *key)
{
    struct names *names = context;
    if (names->n == SWEEP_GONE_MAX || begins(publisher, key, "src:") ||
        begins(publisher, key, "stage:") || is_published(publisher, key))
        return;
    if (!names_add(names, key->text, key->len))
        publisher_refuse(publisher, "out of memory");
}

void sweep_list(struct publisher *publisher, struct names *ret_names)
{
    if (publisher->staged_n)
        qsort(publisher->staged, publisher->staged_n, sizeof *publisher->staged,
              compare_staged);
    scan(publisher, list_gone, ret_names);
}

static void remove_rest(struct publisher *publisher, void *context, const struct name *key)
{
    unsigned *n = context; /* keys in the batch */
    if (is_published(publisher, key))
        return;
    if (!redis_batch_count(publisher->batch)) {
        redis_batch_command(publisher->batch, "UNLINK");
        *n = 0;
    }
    redis_batch_arg_bytes(publisher->batch, key->text, key->len);
    if (++*n == PUBLISH_ITEMS || redis_batch_bytes(publisher->batch) >= PUBLISH_BYTES)
        publisher_transact(publisher, NULL, NULL);
}

void publish_sweep(struct publisher *publisher)
{
    unsigned n = 0;
    scan(publisher, remove_rest, &n);
    publisher_transact(publisher, NULL, NULL);
}
