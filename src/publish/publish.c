/* One publication, from taking the sensor to removing what is not part of it. */
#include "publish/publish.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void publisher_fail(struct publisher *publisher, enum redis_status status)
{
    if (publisher->status == REDIS_DONE)
        publisher->status = status;
}

void publisher_refuse(struct publisher *publisher, const char *text)
{
    if (publisher->status == REDIS_DONE)
        (void)err_set(publisher->err, "redis", 0, 0, "%s", text);
    publisher_fail(publisher, REDIS_WRONG);
}

void publisher_key(const struct publisher *publisher, const char *name,
                   char ret_key[static KEY_CAP])
{
    (void)snprintf(ret_key, KEY_CAP, "%s%s", publisher->keys.prefix, name);
}

bool publisher_goes_on(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    if (publisher->status == REDIS_DONE && publication->go_on &&
        !publication->go_on(publication->context)) {
        (void)err_set(publisher->err, "redis", 0, 0, "given up: it takes too long");
        publisher_fail(publisher, REDIS_LOST);
    }
    return publisher->status == REDIS_DONE;
}

void publisher_run(struct publisher *publisher, const char *allowed,
                   struct redis_replies *ret_replies)
{
    if (publisher_goes_on(publisher) && redis_batch_count(publisher->batch))
        publisher->status = redis_run(publisher->redis, publisher->keys.owner, publisher->batch,
                                      allowed, ret_replies, publisher->err);
    redis_batch_clear(publisher->batch);
}

void publisher_transact(struct publisher *publisher, const char *allowed,
                        struct redis_replies *ret_replies)
{
    if (publisher_goes_on(publisher) && redis_batch_count(publisher->batch)) {
        publisher->status = redis_transaction(
            publisher->redis, publisher->keys.owner, publisher->publication->incarnation,
            publisher->batch, allowed, ret_replies, publisher->err);
        if (publisher->status == REDIS_ABORTED)
            publish_owner_lost(publisher);
    }
    redis_batch_clear(publisher->batch);
}

int64_t publication_newest(const struct publication *publication)
{
    int64_t newest = 0;
#define REACH(seconds)                                                                         \
    do {                                                                                       \
        int64_t at_ = (seconds);                                                               \
        newest = at_ > newest ? at_ : newest;                                                  \
    } while (0)
    if (publication->minutes_n)
        REACH(publication->minutes[publication->minutes_n - 1].start_s);
    if (publication->hours_n)
        REACH(publication->hours[publication->hours_n - 1].start_s);
    if (publication->days_n)
        REACH(publication->days[publication->days_n - 1].start_s);
    for (size_t i = 0; i < publication->labelled_n; i++)
        REACH(publication->labelled[i].last_s);
#undef REACH
    return newest;
}

void publish_name(struct publisher *publisher)
{
    if (publisher->status != REDIS_DONE)
        return;
    redis_batch_clear(publisher->batch);
    redis_batch_add(publisher->batch, "SADD", KEY_SENSORS, publisher->publication->sensor,
                    NULL);
    publisher->status =
        redis_run(publisher->redis, KEY_SENSORS, publisher->batch, NULL, NULL, publisher->err);
    redis_batch_clear(publisher->batch);
}

void publish_all(struct publisher *publisher)
{
    publish_owner(publisher);
    publish_info(publisher);
    publish_totals(publisher);
    publish_report(publisher);
    publish_series(publisher);
    publish_tops(publisher);
    publish_days(publisher, 0);
    publish_iot(publisher);
    publish_feed(publisher);
    stage_send(publisher);
    publish_sources(publisher);
    publish_swap(publisher);
    publish_sweep(publisher);
    publish_name(publisher);
    publish_verify(publisher);
}

bool publish_init(struct publisher *publisher, struct redis *redis,
                  const struct publication *publication, struct err *err)
{
    *publisher = (struct publisher){
        .redis = redis,
        .publication = publication,
        .newest_s = publication_newest(publication),
        .status = REDIS_DONE,
        .err = err,
    };
    if (!keys_is_sensor(publication->sensor) ||
        !keys_is_incarnation(publication->incarnation)) {
        publisher_refuse(publisher, "not a sensor's name, or not an incarnation");
        return false;
    }
    publisher->batch = redis_batch_new();
    if (!publisher->batch)
        publisher_refuse(publisher, "out of memory");
    keys_init(&publisher->keys, publication->sensor, publication->incarnation);
    return publisher->batch;
}

void publish_fini(struct publisher *publisher)
{
    redis_batch_free(publisher->batch);
    for (size_t i = 0; i < publisher->staged_n; i++)
        free(publisher->staged[i].name.text);
    free(publisher->staged);
}

enum redis_status redis_publish(struct redis *redis, const struct publication *publication,
                                struct err *err)
{
    struct publisher publisher;
    if (publish_init(&publisher, redis, publication, err))
        publish_all(&publisher);
    publish_fini(&publisher);
    return publisher.status;
}
