/* /api/v1/sensors: who publishes here, and when each was last heard of. */
#include "serve/ask.h"

#include "serve/reply.h"

static const char *const NUMBERS[] = {"started",    "flushed", "first",   "last", "dark_size",
                                      "signatures", "frames",  "resends", "drops"};

static enum ask_status write_sensor(struct ask *ask, unsigned sensor)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return ASK_MEMORY;
    redis_batch_command(batch, "HGETALL");
    ask_key(batch, ask->sensors[sensor], "info");
    redis_batch_command(batch, "XLEN");
    ask_key(batch, ask->sensors[sensor], "feed");
    redis_batch_command(batch, "ZCARD");
    ask_key(batch, ask->sensors[sensor], "iot");
    struct redis_replies replies;
    enum ask_status status = ask_run(ask, sensor, batch, &replies);
    if (status != ASK_DONE)
        return status;
    const struct redis_reply *info = &replies.items[0];
    struct json_out *json = &ask->json;
    json_out_open(json, '{');
    ask_write_text(json, "name", ask->sensors[sensor]);
    ask_write_text(json, "state", reply_text(info, "state"));
    ask_write_text(json, "version", reply_text(info, "version"));
    for (unsigned i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        ask_write_count(json, NUMBERS[i], reply_count(info, NUMBERS[i]));
    json_out_key(json, "located");
    json_out_bool(json, reply_count(info, "located") > 0);
    uint64_t feed = 0, iot = 0;
    (void)reply_number(&replies.items[1], &feed); /* 0 when it is none */
    (void)reply_number(&replies.items[2], &iot);
    ask_write_count(json, "feed", feed);
    ask_write_count(json, "iot_devices", iot);
    json_out_close(json, '}');
    redis_replies_free(&replies);
    return ASK_DONE;
}

enum ask_status answer_sensors(struct ask *ask)
{
    json_out_key(&ask->json, "sensors");
    json_out_open(&ask->json, '[');
    enum ask_status status = ASK_DONE;
    for (unsigned i = 0; status == ASK_DONE && i < ask->sensors_n; i++)
        status = write_sensor(ask, i);
    json_out_close(&ask->json, ']');
    json_out_key(&ask->json, "more");
    json_out_bool(&ask->json, ask->more);
    return status;
}
