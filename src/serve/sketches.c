/* Distinct sources of whole UTC days: the union of the sketches of days and sensors. */
#include "serve/ask.h"

#include "publish/sketch_read.h"
#include "serve/reply.h"
#include "state/hll.h"

enum ask_status sketches_load(struct ask *ask, enum view view, uint32_t from_s, uint32_t to_s,
                              uint64_t *ret_sources)
{
    uint8_t registers[PROFILE_SKETCH_REGISTERS] = {0};
    uint64_t first = from_s / DAY_S, last = to_s / DAY_S;
    if (last - first >= SKETCH_DAYS_MAX)
        first = last - SKETCH_DAYS_MAX + 1;
    for (unsigned i = 0; i < ask->sensors_n; i++) {
        struct redis_batch *batch = redis_batch_new();
        for (uint64_t day = first; batch && day <= last; day++) {
            char text[16];
            ask_day((uint32_t)(day * DAY_S), text);
            redis_batch_command(batch, "GET");
            ask_key(batch, ask->sensors[i], "hll:%s:d:%s", view == VIEW_IOT ? "iot" : "src",
                    text);
        }
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        for (size_t j = 0; j < replies.n; j++)
            if (replies.items[j].kind == REDIS_TEXT)
                ask->damaged |=
                    !sketch_read(replies.items[j].text, replies.items[j].len, registers);
        redis_replies_free(&replies);
    }
    *ret_sources = hll_estimate(registers, HLL_LARGE_BITS);
    return ASK_DONE;
}
