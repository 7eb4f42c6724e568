/* An analysis as bytes, and back: what a sensor keeps over a restart.
 *
 * What is written are values, not memory: no pointer, no order that follows from a secret key,
 * signatures and labels by name. Loaded elsewhere, counting goes on as if there had been no
 * break: packets of closed minutes are late, open minutes, steps and scan events go on, sources
 * keep their evidence. Nothing here reads a file; a checksum over the bytes is the caller's. */
#pragma once

#include <nightscope/analysis.h>

struct bytes_in; /* src/base/bytes.h */
struct bytes_out;

/* Writes everything the analysis holds, between two batches; changes nothing. Windows, profiles
 * and events that are closed but not yet taken are in it, so take those first that are kept
 * elsewhere. May be called in a child after fork(): what it allocates beside `out` is small and
 * freed again. 0, or -1 when `out` has failed, or more than CHECKPOINT_WINDOWS_MAX windows wait
 * to be taken. */
enum { CHECKPOINT_WINDOWS_MAX = 4096 };
int analysis_save(const struct analysis *analysis, struct bytes_out *out);

/* Signatures that had matched packets and are not there any more: what was counted of them. */
struct checkpoint_gone {
    char names[256]; /* "" or "a, b, c" */
    bool more;       /* than fit */
};

/* Adds what one analysis_save() wrote to `n` analyses of one configuration, fresh ones or such
 * as have been loaded before: what belongs to a source goes to targets[owner(context, source)],
 * the rest to targets[0]; all of them take over packet time and the destinations seen. So N
 * parts (one a worker) load one after another into any number of workers, and merge to what
 * they would have without a break.
 *
 * The configuration may be another one: its limits hold (a source too many evicts, as always),
 * parts it does not ask for (feed, profiles, events) are left out. Signatures go by their
 * names: of those that are gone, and of labels that are, the counts are dropped, and their
 * names are added to *gone, each once; where a definition has changed, evidence begins anew, as
 * after a reload. gone may be NULL; it begins as zeros.
 *
 * The bytes may be anything: -1 and *err when they are not what analysis_save() writes, or
 * memory is refused; the targets are then only good to be freed. Leaves in->at behind the part.
 */
int analysis_load(struct analysis *const *targets, unsigned n,
                  unsigned (*owner)(void *context, const struct address *source), void *context,
                  struct bytes_in *in, struct checkpoint_gone *gone, struct err *err);

/* Takes windows and profiles of steps that were taken from it, or from another one: they are
 * added to what is open or waits to be taken, and are saved with it. */
void analysis_receive(struct analysis *analysis, struct window *windows,
                      struct profile *profiles);
/* Minutes that end by then, Unix time, are closed; 0: none. */
int64_t analysis_closed_until(const struct analysis *analysis);
