/* From a request to an answer: remembered ones first, then Redis; when Redis is away, the last
 * one there was, marked as stale. */
#pragma once

#include "serve/cache.h"
#include "serve/request.h"
#include "serve/store.h"

enum { ANSWER_WAITING_MAX = 64 }; /* that wait for Redis at a time */

#define ANSWER_SCHEMA "nightscope.api/1"

struct answerer {
    struct store store;
    struct cache cache;
    unsigned waiting;
    uint64_t remembered, stale; /* answers: from memory, and of those that are old */
};

struct outcome {
    struct answer *answer; /* to be freed; NULL: refused */
    uint64_t stale_ms;     /* how old it is; 0: it is good */
    struct denial refusal;
};

int answerer_init(struct answerer *answerer, const struct serve_config *config,
                  struct err *err);
void answerer_fini(struct answerer *answerer);
void answerer_ask(struct answerer *answerer, const struct request *request,
                  struct outcome *ret_outcome);
/* {"schema":...,"error":{...}}; to be freed, NULL: out of memory. */
char *answerer_refusal(const struct denial *refusal, size_t *ret_n);
/* The answer's body marked as stale; to be freed, NULL: out of memory. */
char *answerer_stale(const struct answer *answer, uint64_t stale_ms, size_t *ret_n);
