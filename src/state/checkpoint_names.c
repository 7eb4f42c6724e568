/* Which signatures and labels a checkpoint speaks of.
 *
 *   n | n x { name | hash of the definition : 8 bytes } | m | m x name       name: length,
 * bytes
 *
 * Everything after it names them by their index in these lists. */
#include "state/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX = 255, DEFINITION_MAX = 1 << 16 };

static void put_name(struct bytes_out *out, const char *name)
{
    size_t n = strnlen(name, NAME_MAX);
    bytes_put_u64(out, n);
    bytes_put(out, name, n);
}

/* The same in every run, for the same text. */
static uint64_t definition_hash(const struct signature_set *set, unsigned signature, char *text)
{
    (void)signature_print(set, signature, text, DEFINITION_MAX);
    uint64_t hash = HASH_FIXED[0];
    for (; *text; text++)
        hash = hash_mix(hash ^ (uint8_t)*text, HASH_FIXED[1] | 1) + HASH_FIXED[0];
    return hash;
}

void checkpoint_put_names(struct bytes_out *out, const struct evidence_plan *plan)
{
    unsigned n = plan ? signature_count(plan->signatures) : 0;
    unsigned labels_n = plan ? evidence_label_count(plan) : 0;
    char *text = malloc(DEFINITION_MAX);
    if (!text)
        out->failed = true;
    bytes_put_u64(out, n);
    for (unsigned i = 0; i < n && text; i++) {
        put_name(out, signature_at(plan->signatures, i)->name);
        bytes_put_le(out, definition_hash(plan->signatures, i, text), 8);
    }
    free(text);
    bytes_put_u64(out, labels_n);
    for (unsigned i = 0; i < labels_n; i++)
        put_name(out, evidence_label_name(plan, i));
}

/* False: it is not one. */
static bool take_name(struct checkpoint_in *in, char ret_name[static NAME_MAX + 1],
                      const uint8_t **ret_at)
{
    size_t n = bytes_take_u64(in->bytes, NAME_MAX);
    const uint8_t *bytes = *ret_at = bytes_take(in->bytes, n);
    if (!bytes || memchr(bytes, '\0', n)) {
        in->bytes->failed = true;
        return false;
    }
    memcpy(ret_name, bytes, n);
    ret_name[n] = '\0';
    return true;
}

static uint16_t find_label(const struct evidence_plan *plan, const char *name)
{
    for (unsigned i = 0; plan && i < evidence_label_count(plan); i++)
        if (strcmp(evidence_label_name(plan, i), name) == 0)
            return (uint16_t)i;
    return CHECKPOINT_NONE;
}

static void take_signature(struct checkpoint_in *in, const struct evidence_plan *plan,
                           unsigned i, char *text)
{
    char name[NAME_MAX + 1];
    if (!take_name(in, name, &in->names.name[i]))
        return;
    in->names.name_len[i] = (uint8_t)strlen(name);
    uint64_t hash = bytes_take_le(in->bytes, 8);
    int found = plan ? signature_find(plan->signatures, name) : -1;
    in->names.signatures[i] = found >= 0 ? (uint16_t)found : CHECKPOINT_NONE;
    in->names.changed[i] =
        found >= 0 && definition_hash(plan->signatures, (unsigned)found, text) != hash;
}

/* How many names follow; what is made for them is bounded by the bytes there are. */
static unsigned take_count(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, CHECKPOINT_NONE - 1);
    if (n > bytes_left(in->bytes))
        in->bytes->failed = true;
    return in->bytes->failed ? 0 : (unsigned)n;
}

void checkpoint_take_names(struct checkpoint_in *in)
{
    const struct evidence_plan *plan = in->targets[0]->labels.plan;
    struct checkpoint_names *names = &in->names;
    unsigned n = take_count(in);
    char *text = malloc(DEFINITION_MAX), name[NAME_MAX + 1];
    const uint8_t *at;
    names->signatures = calloc(n + 1, sizeof *names->signatures);
    names->changed = calloc(n + 1, sizeof *names->changed);
    names->name = calloc(n + 1, sizeof *names->name);
    names->name_len = calloc(n + 1, sizeof *names->name_len);
    if (!text || !names->signatures || !names->changed || !names->name || !names->name_len)
        checkpoint_no_memory(in);
    names->signatures_n = n;
    for (unsigned i = 0; i < n && !in->bytes->failed; i++)
        take_signature(in, plan, i, text);
    free(text);
    n = take_count(in);
    names->labels = calloc(n + 1, sizeof *names->labels);
    if (!names->labels)
        checkpoint_no_memory(in);
    names->labels_n = n;
    for (unsigned i = 0; i < n && !in->bytes->failed; i++)
        if (take_name(in, name, &at))
            names->labels[i] = find_label(plan, name);
}

/* Is it one of these, which a comma and a blank lie between? */
static bool is_listed(const char *names, const char *name, size_t len)
{
    while (*names) {
        size_t n = strcspn(names, ",");
        if (n == len && memcmp(names, name, len) == 0)
            return true;
        names += n;
        names += strspn(names, ", ");
    }
    return false;
}

void checkpoint_note_gone(struct checkpoint_in *in, unsigned i)
{
    struct checkpoint_gone *gone = in->gone;
    const char *name = (const char *)in->names.name[i];
    size_t len = in->names.name_len[i];
    if (!gone || !len || is_listed(gone->names, name, len))
        return;
    size_t used = strlen(gone->names);
    if (used + len + sizeof ", " > sizeof gone->names) {
        gone->more = true;
        return;
    }
    if (used) {
        memcpy(gone->names + used, ", ", 2);
        used += 2;
    }
    memcpy(gone->names + used, name, len);
    gone->names[used + len] = '\0';
}

void checkpoint_names_fini(struct checkpoint_names *names)
{
    free(names->signatures);
    free(names->labels);
    free(names->changed);
    free(names->name);
    free(names->name_len);
}
