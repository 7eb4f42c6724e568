#include "serve/cache.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_bytes(const char *bytes, size_t n)
{
    uint64_t hash = HASH_FIXED[0] ^ n;
    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = hash_u64(word ^ hash, HASH_FIXED);
    }
    uint64_t rest = 0;
    memcpy(&rest, bytes, n);
    return hash_u64(rest ^ hash, HASH_FIXED);
}

struct answer *answer_new(char *body, size_t n, uint64_t now_ms, uint32_t fresh_ms)
{
    struct answer *answer = malloc(sizeof *answer);
    if (!answer) {
        free(body);
        return NULL;
    }
    *answer = (struct answer){body, n, hash_bytes(body, n), now_ms, fresh_ms, 1};
    return answer;
}

static void use(struct answer *answer)
{
    (void)__atomic_add_fetch(&answer->uses, 1, __ATOMIC_RELAXED);
}

void answer_free(struct answer *answer)
{
    if (!answer || __atomic_sub_fetch(&answer->uses, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(answer->body);
    free(answer);
}

int cache_init(struct cache *cache)
{
    memset(cache, 0, sizeof *cache);
    return pthread_mutex_init(&cache->lock, NULL);
}

static void drop(struct cache *cache, struct cache_entry *entry)
{
    if (!entry->answer)
        return;
    cache->bytes -= entry->answer->n;
    answer_free(entry->answer);
    free(entry->key);
    *entry = (struct cache_entry){0};
}

void cache_fini(struct cache *cache)
{
    for (unsigned i = 0; i < CACHE_ENTRIES; i++)
        drop(cache, &cache->entries[i]);
    (void)pthread_mutex_destroy(&cache->lock); /* nobody holds it */
}

static struct cache_entry *find(struct cache *cache, const char *key, uint64_t hash)
{
    for (unsigned i = 0; i < CACHE_ENTRIES; i++) {
        struct cache_entry *entry = &cache->entries[i];
        if (entry->answer && entry->hash == hash && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

struct answer *cache_find(struct cache *cache, const char *key)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = find(cache, key, hash_bytes(key, strlen(key)));
    struct answer *answer = NULL;
    if (entry) {
        answer = entry->answer;
        entry->used = ++cache->clock;
        use(answer);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return answer;
}

static struct cache_entry *oldest(struct cache *cache)
{
    struct cache_entry *found = &cache->entries[0];
    for (unsigned i = 1; i < CACHE_ENTRIES; i++)
        if (cache->entries[i].answer &&
            (!found->answer || cache->entries[i].used < found->used))
            found = &cache->entries[i];
    return found;
}

static struct cache_entry *room(struct cache *cache, size_t n)
{
    while (cache->bytes > 0 && cache->bytes + n > CACHE_BYTES_MAX)
        drop(cache, oldest(cache));
    for (unsigned i = 0; i < CACHE_ENTRIES; i++)
        if (!cache->entries[i].answer)
            return &cache->entries[i];
    struct cache_entry *entry = oldest(cache);
    drop(cache, entry);
    return entry;
}

void cache_keep(struct cache *cache, const char *key, struct answer *answer)
{
    char *copy = strdup(key);
    if (!copy || answer->n > CACHE_BYTES_MAX) {
        free(copy);
        return;
    }
    uint64_t hash = hash_bytes(key, strlen(key));
    (void)pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = find(cache, key, hash);
    if (entry)
        drop(cache, entry);
    entry = room(cache, answer->n);
    use(answer);
    *entry = (struct cache_entry){copy, hash, ++cache->clock, answer};
    cache->bytes += answer->n;
    (void)pthread_mutex_unlock(&cache->lock);
}
