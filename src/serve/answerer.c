#include "serve/answerer.h"

#include "serve/ask.h"

#include <stdlib.h>
#include <string.h>

#define HEAD      "{\"schema\":\"" ANSWER_SCHEMA "\",\"stale\":"
#define HEAD_GOOD HEAD "false"

int answerer_init(struct answerer *answerer, const struct serve_config *config, struct err *err)
{
    *answerer = (struct answerer){0};
    if (cache_init(&answerer->cache) != 0)
        return err_set(err, NULL, 0, 0, "out of memory");
    if (store_init(&answerer->store, config, err) == 0)
        return 0;
    cache_fini(&answerer->cache);
    return -1;
}

void answerer_fini(struct answerer *answerer)
{
    store_fini(&answerer->store);
    cache_fini(&answerer->cache);
}

/* Long spans change slowly, and cost more. */
static uint32_t fresh_ms(const struct request *request)
{
    const struct time_span *window = &request->window;
    uint32_t span_s = window->trailing_s ? window->trailing_s : window->to_s - window->from_s;
    if (request->endpoint == ENDPOINT_SENSORS)
        return 1000;
    return span_s <= DAY_S ? 2000 : span_s <= 7 * DAY_S ? 10000 : 30000;
}

static enum ask_status run(struct ask *ask)
{
    enum ask_status status = ask_sensors(ask);
    if (status != ASK_DONE)
        return status;
    switch (ask->request->endpoint) {
    case ENDPOINT_SENSORS:
        return answer_sensors(ask);
    case ENDPOINT_SUMMARY:
        return answer_summary(ask);
    case ENDPOINT_SERIES:
        return answer_series(ask);
    case ENDPOINT_TOP:
        return answer_top(ask);
    case ENDPOINT_SOURCE:
        return answer_source(ask);
    case ENDPOINT_FILE:
    case ENDPOINT_HEALTH:
    case ENDPOINT_METRICS:
    case ENDPOINT_FEED:
    case ENDPOINT_COUNT_:
        break;
    }
    return ask_fail(ask, ASK_NONE, "no such path");
}

static void refuse(struct denial *refusal, unsigned status, const char *code, const char *text)
{
    *refusal = (struct denial){.status = status, .code = code};
    (void)snprintf(refusal->text, sizeof refusal->text, "%s", text);
}

static void explain(const struct ask *ask, enum ask_status status, struct denial *refusal)
{
    switch (status) {
    case ASK_AWAY:
        if (ask->store->why == REDIS_DENIED)
            refuse(refusal, 503, "redis_denied", "Redis does not let this server read");
        else
            refuse(refusal, 503, "redis_away", "Redis does not answer; try again in a moment");
        return;
    case ASK_NONE:
        if (ask->damaged)
            refuse(refusal, 503, "damaged", "a key in Redis is not what a sensor writes");
        else
            refuse(refusal, 404, "not_found", ask->text);
        return;
    case ASK_BAD:
        refuse(refusal, 400, "bad_request", ask->text);
        return;
    case ASK_DONE:
    case ASK_MEMORY:
        break;
    }
    refuse(refusal, 500, "no_memory", "out of memory");
}

/* With the store taken. NULL with *refusal. */
static struct answer *make(struct answerer *answerer, const struct request *request,
                           struct denial *refusal)
{
    struct ask *ask = calloc(1, sizeof *ask);
    char *body = NULL;
    size_t n;
    FILE *out = ask ? open_memstream(&body, &n) : NULL;
    if (!out) {
        free(ask);
        refuse(refusal, 500, "no_memory", "out of memory");
        return NULL;
    }
    ask->store = &answerer->store;
    ask->request = request;
    json_out_init(&ask->json, out);
    json_out_open(&ask->json, '{');
    ask_write_text(&ask->json, "schema", ANSWER_SCHEMA);
    json_out_key(&ask->json, "stale");
    json_out_bool(&ask->json, false);
    enum ask_status status = run(ask);
    if (status == ASK_DONE && ask->damaged) {
        json_out_key(&ask->json, "damaged");
        json_out_bool(&ask->json, true);
    }
    json_out_close(&ask->json, '}');
    if (json_out_finish(&ask->json) != 0 && status == ASK_DONE)
        status = ASK_MEMORY;
    if (fclose(out) != 0 && status == ASK_DONE)
        status = ASK_MEMORY;
    struct answer *answer = NULL;
    if (status == ASK_DONE)
        answer = answer_new(body, n, answerer->store.config->now_ms(), fresh_ms(request));
    else
        free(body);
    if (!answer)
        explain(ask, status, refusal);
    free(ask);
    return answer;
}

static bool is_fresh(const struct answer *answer, uint64_t now_ms)
{
    return answer && now_ms - answer->made_ms < answer->fresh_ms;
}

static void ask_redis(struct answerer *answerer, const struct request *request, const char *key,
                      struct outcome *outcome)
{
    store_take(&answerer->store);
    /* Somebody may have asked the same while this thread waited. */
    answer_free(outcome->answer);
    outcome->answer = cache_find(&answerer->cache, key);
    uint64_t now_ms = answerer->store.config->now_ms();
    if (!is_fresh(outcome->answer, now_ms)) {
        struct answer *answer = make(answerer, request, &outcome->refusal);
        if (answer) {
            answer_free(outcome->answer);
            outcome->answer = answer;
            cache_keep(&answerer->cache, key, answer);
        } else if (outcome->answer && outcome->refusal.status == 503) {
            outcome->stale_ms = now_ms - outcome->answer->made_ms + 1;
        } else {
            answer_free(outcome->answer);
            outcome->answer = NULL;
        }
    }
    store_give(&answerer->store);
}

void answerer_ask(struct answerer *answerer, const struct request *request,
                  struct outcome *ret_outcome)
{
    char key[REQUEST_KEY_CAP];
    request_key(request, key);
    *ret_outcome = (struct outcome){.answer = cache_find(&answerer->cache, key)};
    if (is_fresh(ret_outcome->answer, answerer->store.config->now_ms())) {
        (void)__atomic_add_fetch(&answerer->remembered, 1, __ATOMIC_RELAXED);
        return;
    }
    if (__atomic_add_fetch(&answerer->waiting, 1, __ATOMIC_RELAXED) <= ANSWER_WAITING_MAX) {
        ask_redis(answerer, request, key, ret_outcome);
    } else if (ret_outcome->answer) {
        ret_outcome->stale_ms =
            answerer->store.config->now_ms() - ret_outcome->answer->made_ms + 1;
    } else {
        refuse(&ret_outcome->refusal, 503, "busy", "too many questions at a time; try again");
    }
    (void)__atomic_sub_fetch(&answerer->waiting, 1, __ATOMIC_RELAXED);
    if (ret_outcome->stale_ms)
        (void)__atomic_add_fetch(&answerer->stale, 1, __ATOMIC_RELAXED);
}

char *answerer_refusal(const struct denial *refusal, size_t *ret_n)
{
    char *body = NULL;
    FILE *out = open_memstream(&body, ret_n);
    if (!out)
        return NULL;
    struct json_out json;
    json_out_init(&json, out);
    json_out_open(&json, '{');
    ask_write_text(&json, "schema", ANSWER_SCHEMA);
    json_out_key(&json, "error");
    json_out_open(&json, '{');
    ask_write_count(&json, "status", refusal->status);
    ask_write_text(&json, "code", refusal->code);
    ask_write_text(&json, "text", refusal->text);
    json_out_close(&json, '}');
    json_out_close(&json, '}');
    bool good = json_out_finish(&json) == 0;
    good &= fclose(out) == 0;
    if (good)
        return body;
    free(body);
    return NULL;
}

char *answerer_stale(const struct answer *answer, uint64_t stale_ms, size_t *ret_n)
{
    char head[128];
    size_t good = sizeof HEAD_GOOD - 1;
    int n = snprintf(head, sizeof head, HEAD "true,\"stale_s\":%llu",
                     (unsigned long long)((stale_ms + 999) / 1000));
    if (n < 0 || answer->n < good || memcmp(answer->body, HEAD_GOOD, good) != 0)
        return NULL;
    size_t rest = answer->n - good;
    char *body = malloc((size_t)n + rest);
    if (!body)
        return NULL;
    memcpy(body, head, (size_t)n);
    memcpy(body + n, answer->body + good, rest);
    *ret_n = (size_t)n + rest;
    return body;
}
