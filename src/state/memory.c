/* A buddy allocator of units of 4 KiB within spans of 2 MiB. A run of any number of units is
 * made of the buddies that its length has as binary digits, largest first. */
#include "state/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    UNIT = 4096,
    SPAN = 2 * 1024 * 1024,
    SPAN_UNITS = SPAN / UNIT,
    SPAN_ORDER = 9, /* log2 of SPAN_UNITS */
    NOT_FREE = 0xff,
    PREPARED_MAX = 8,
};

struct span {
    uint8_t *base;
    unsigned used_units;       /* in arrays now */
    unsigned fresh;            /* units from here on were never used: they are zero */
    uint8_t order[SPAN_UNITS]; /* of the free buddy that begins at this unit, or NOT_FREE */
    struct span *next;
};

struct memory {
    pthread_mutex_t lock;
    struct span *spans;
    unsigned spans_n;
    struct span *prepared; /* cleared already, not yet among the spans */
    unsigned prepared_n;
    unsigned references;
};

struct memory *memory_new(void)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    (void)pthread_mutex_init(&memory->lock, NULL); /* cannot fail on Linux */
    memory->references = 1;
    return memory;
}

struct memory *memory_hold(struct memory *memory)
{
    if (memory) {
        (void)pthread_mutex_lock(&memory->lock);
        memory->references++;
        (void)pthread_mutex_unlock(&memory->lock);
    }
    return memory;
}

static void free_span(struct span *span)
{
    (void)munmap(span->base, SPAN); /* fails for arguments that are not a mapping alone */
    free(span);
}

static void free_spans(struct span *span)
{
    while (span) {
        struct span *next = span->next;
        free_span(span);
        span = next;
    }
}

void memory_drop(struct memory *memory)
{
    if (!memory)
        return;
    (void)pthread_mutex_lock(&memory->lock);
    bool last = --memory->references == 0;
    (void)pthread_mutex_unlock(&memory->lock);
    if (!last)
        return;
    free_spans(memory->spans);
    free_spans(memory->prepared);
    (void)pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

/* Asks for large pages for the first `full` bytes, and for small ones behind them. A kernel
 * without large pages refuses, and all are small. */
static void choose_pages(uint8_t *base, size_t full, size_t bytes)
{
    (void)madvise(base, full, MADV_HUGEPAGE);
    if (full < bytes)
        (void)madvise(base + full, bytes - full, MADV_NOHUGEPAGE);
}

/* Fresh zeros at a multiple of 2 MiB, of whole spans, in large pages. */
static void *map_spans(size_t bytes)
{
    size_t cap = bytes + SPAN;
    uint8_t *base = mmap(NULL, cap, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    size_t before = round_up((uintptr_t)base, SPAN) - (uintptr_t)base;
    if (before)
        (void)munmap(base, before);
    if (cap - before - bytes)
        (void)munmap(base + before + bytes, cap - before - bytes);
    choose_pages(base + before, bytes, bytes);
    return base + before;
}

/* Frees units [unit, unit + n) of a span: the reverse of take(). */
static void give(struct span *span, unsigned unit, unsigned n)
{
    span->used_units -= n;
    for (unsigned order = SPAN_ORDER; n; order--) {
        if (!(n >> order & 1))
            continue;
        unsigned at = unit, merged = order;
        unit += 1U << order;
        n -= 1U << order;
        for (; merged < SPAN_ORDER && span->order[at ^ 1U << merged] == merged; merged++) {
            span->order[at ^ 1U << merged] = NOT_FREE;
            at &= ~(1U << merged);
        }
        span->order[at] = (uint8_t)merged;
    }
}

/* A run of n units, or NULL when the span has none. */
static uint8_t *take(struct span *span, unsigned n, bool *ret_zero)
{
    unsigned order = 0, best = SPAN_UNITS;
    while (1U << order < n)
        order++;
    for (unsigned unit = 0; unit < SPAN_UNITS; unit++) {
        unsigned found = span->order[unit];
        if (found != NOT_FREE && found >= order &&
            (best == SPAN_UNITS || found < span->order[best]))
            best = unit;
    }
    if (best == SPAN_UNITS)
        return NULL;
    unsigned size = 1U << span->order[best];
    span->order[best] = NOT_FREE;
    span->used_units += size;
    for (; size > 1U << order; size /= 2) { /* the upper halves go back as they are */
        span->order[best + size / 2] = (uint8_t)__builtin_ctz(size / 2);
        span->used_units -= size / 2;
    }
    for (unsigned end = best + n; end < best + size;) { /* and so does the end */
        unsigned piece = 1U << __builtin_ctz(end);
        span->order[end] = (uint8_t)__builtin_ctz(end);
        span->used_units -= piece;
        end += piece;
    }
    *ret_zero = best >= span->fresh;
    if (best + n > span->fresh)
        span->fresh = best + n;
    return span->base + (size_t)best * UNIT;
}

static struct span *new_span(void)
{
    struct span *span = calloc(1, sizeof *span);
    if (!span)
        return NULL;
    span->base = map_spans(SPAN);
    if (!span->base) {
        free(span);
        return NULL;
    }
    memset(span->order, NOT_FREE, sizeof span->order);
    span->order[0] = SPAN_ORDER;
    return span;
}

static uint8_t *take_any(struct memory *memory, unsigned n, bool *ret_zero)
{
    uint8_t *run = NULL;
    for (struct span *span = memory->spans; span && !run; span = span->next)
        if (span->used_units + n <= SPAN_UNITS)
            run = take(span, n, ret_zero);
    if (run)
        return run;
    struct span *span = memory->prepared;
    if (span) {
        memory->prepared = span->next;
        memory->prepared_n--;
    } else {
        span = new_span();
    }
    if (!span)
        return NULL;
    span->next = memory->spans;
    memory->spans = span;
    memory->spans_n++;
    return take(span, n, ret_zero);
}

bool memory_prepare(struct memory *memory)
{
    (void)pthread_mutex_lock(&memory->lock);
    bool enough =
        memory->prepared_n >= PREPARED_MAX || (memory->prepared_n + 1) * 8 > memory->spans_n;
    (void)pthread_mutex_unlock(&memory->lock);
    struct span *span = enough ? NULL : new_span();
    if (!span)
        return false; /* whoever needs memory will see whether there is any */
    for (unsigned unit = 0; unit < SPAN_UNITS; unit++)
        *(volatile uint8_t *)(span->base + (size_t)unit * UNIT) = 0;
    (void)pthread_mutex_lock(&memory->lock);
    span->next = memory->prepared;
    memory->prepared = span;
    memory->prepared_n++;
    (void)pthread_mutex_unlock(&memory->lock);
    return true;
}

static void give_back(struct memory *memory, void *base, unsigned n)
{
    struct span **at = &memory->spans;
    while ((uintptr_t)base - (uintptr_t)(*at)->base >= SPAN) {
        at = &(*at)->next;
        assert(*at);
    }
    struct span *span = *at;
    give(span, (unsigned)(((uintptr_t)base - (uintptr_t)span->base) / UNIT), n);
    if (span->used_units == 0) {
        *at = span->next;
        memory->spans_n--;
        free_span(span);
    }
}

static bool is_large(const struct memory *memory, size_t bytes)
{
    return !memory || bytes >= SPAN;
}

/* An array of zeros. */
static void *allocate(struct memory *memory, size_t bytes)
{
    if (is_large(memory, bytes)) {
        if (memory)
            return map_spans(round_up(bytes, SPAN));
        void *base =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return base == MAP_FAILED ? NULL : base;
    }
    bool zero = true;
    (void)pthread_mutex_lock(&memory->lock);
    void *base = take_any(memory, (unsigned)(round_up(bytes, UNIT) / UNIT), &zero);
    (void)pthread_mutex_unlock(&memory->lock);
    if (base && !zero)
        memset(base, 0, bytes);
    return base;
}

/* Moves the pages of a large array to a larger one. */
static void *move_large(void *old, size_t old_bytes, size_t new_bytes)
{
    if (old_bytes == new_bytes)
        return old;
    void *base = map_spans(new_bytes); /* reserves a place at a multiple of 2 MiB */
    if (!base)
        return NULL;
    choose_pages(old, old_bytes, old_bytes); /* only a mapping that is all alike can move */
    if (mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, base) == MAP_FAILED) {
        (void)munmap(base, new_bytes);
        return NULL;
    }
    return base;
}

void *memory_grow(struct memory *memory, void *old, size_t old_bytes, size_t new_bytes)
{
    if (!old)
        return allocate(memory, new_bytes);
    if (!memory) {
        void *base = mremap(old, old_bytes, new_bytes, MREMAP_MAYMOVE);
        return base == MAP_FAILED ? NULL : base;
    }
    bool was_large = is_large(memory, old_bytes), is_now = is_large(memory, new_bytes);
    size_t full = round_up(old_bytes, SPAN), bytes = round_up(new_bytes, SPAN);
    void *base =
        was_large && is_now ? move_large(old, full, bytes) : allocate(memory, new_bytes);
    if (!base)
        return NULL;
    if (is_now && bytes > full)
        choose_pages(base, full, bytes);
    if (!was_large || !is_now) {
        memcpy(base, old, old_bytes < new_bytes ? old_bytes : new_bytes);
        memory_free(memory, old, old_bytes);
    }
    return base;
}

void memory_free(struct memory *memory, void *base, size_t bytes)
{
    if (!base)
        return;
    if (!is_large(memory, bytes)) {
        (void)pthread_mutex_lock(&memory->lock);
        give_back(memory, base, (unsigned)(round_up(bytes, UNIT) / UNIT));
        (void)pthread_mutex_unlock(&memory->lock);
        return;
    }
    (void)munmap(base, memory ? round_up(bytes, SPAN) : bytes);
}
