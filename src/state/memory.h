/* Memory of the large arrays of one analysis, in pages of 2 MiB where the kernel has them: with
 * pages of 4 KiB, most of an access to a random row is the walk through the page tables.
 *
 *   a small array   a run of units in a shared span of 2 MiB   [ rows | slots | pool |..free..]
 *   a large array   a mapping of its own, at a multiple of 2 MiB
 *
 * The tables of 64 shards are too small for such pages one by one, so they share spans. An
 * array that grows moves; what it leaves serves others, and a span that is all free goes back.
 * What a large array grew by is in pages of 4 KiB until it grows again: else each of some
 * hundred arrays would hold, on average, a megabyte that it has not used yet.
 *
 * Whoever holds a reference may use it; a lock makes that safe from any thread (merging hands
 * arrays of one analysis to another). NULL is allowed, and means a mapping for every array. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct memory;

struct memory *memory_new(void);
struct memory *memory_hold(struct memory *memory);
void memory_drop(struct memory *memory); /* what was not freed stays until the last drop */

/* Makes the kernel clear a span ahead of its use, when few such are left; for a thread that has
 * less to do than the one that needs the memory. Never more than an eighth of what is in use.
 * True when it did one. */
bool memory_prepare(struct memory *memory);

/* Grows (old NULL: makes) an array; the new part is zero. NULL when memory is refused: the old
 * array is then as it was. */
void *memory_grow(struct memory *memory, void *old, size_t old_bytes, size_t new_bytes);
void memory_free(struct memory *memory, void *base, size_t bytes);
