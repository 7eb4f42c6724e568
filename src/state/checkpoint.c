/* Saving and loading an analysis: the order of its parts, and what they share. */
#include "state/checkpoint.h"

enum { VERSION = 1 };

int analysis_save(const struct analysis *analysis, struct bytes_out *out)
{
    bytes_put_u64(out, VERSION);
    checkpoint_put_names(out, analysis->labels.plan);
    checkpoint_put_sums(out, analysis);
    checkpoint_put_destinations(out, &analysis->destinations);
    checkpoint_put_ports(out, analysis);
    checkpoint_put_sources(out, analysis);
    checkpoint_put_windows(out, &analysis->windows);
    checkpoint_put_steps(out, analysis);
    checkpoint_put_feed(out, analysis);
    checkpoint_put_events(out, analysis);
    return out->failed ? -1 : 0;
}

void checkpoint_no_memory(struct checkpoint_in *in)
{
    in->no_memory = true;
    in->bytes->failed = true;
}

struct analysis *checkpoint_owner(struct checkpoint_in *in, const struct address *source)
{
    unsigned target = in->n > 1 ? in->owner(in->context, source) : 0;
    assert(target < in->n);
    return in->targets[target];
}

static void take_version(struct checkpoint_in *in)
{
    in->bytes->failed |= bytes_take_u64(in->bytes, VERSION) != VERSION;
}

int analysis_load(struct analysis *const *targets, unsigned n,
                  unsigned (*owner)(void *context, const struct address *source), void *context,
                  struct bytes_in *bytes, struct checkpoint_gone *gone, struct err *err)
{
    static const struct {
        const char *name;
        void (*take)(struct checkpoint_in *in);
    } PARTS[] = {
        {"version", take_version},
        {"names of signatures", checkpoint_take_names},
        {"sums", checkpoint_take_sums},
        {"destinations", checkpoint_take_destinations},
        {"ports", checkpoint_take_ports},
        {"sources", checkpoint_take_sources},
        {"minutes", checkpoint_take_windows},
        {"profiles", checkpoint_take_steps},
        {"sample of packets", checkpoint_take_feed},
        {"events", checkpoint_take_events},
    };
    struct checkpoint_in in = {.bytes = bytes,
                               .targets = targets,
                               .n = n,
                               .owner = owner,
                               .context = context,
                               .gone = gone};
    shard_init(&in.scratch, 0, NULL);
    in.scratch.pool.limit_bytes = in.scratch.evidence.limit_bytes =
        (size_t)POOL_UNIT << POOL_OFFSET_BITS; /* the targets' limits hold */
    unsigned part = 0;
    while (part < sizeof PARTS / sizeof *PARTS && !bytes->failed)
        PARTS[part++].take(&in);
    shard_fini(&in.scratch);
    checkpoint_names_fini(&in.names);
    if (!bytes->failed)
        return 0;
    if (in.no_memory)
        return err_set(err, "", 0, 0, "out of memory, reading a checkpoint");
    return err_set(err, "", 0, 0, "not a checkpoint, or damaged: its %s",
                   part ? PARTS[part - 1].name : "version");
}

void analysis_receive(struct analysis *analysis, struct window *windows,
                      struct profile *profiles)
{
    while (windows) {
        struct window *next = windows->next;
        windows->next = NULL;
        windows_receive(&analysis->windows, windows);
        windows = next;
    }
    while (profiles) {
        struct profile *next = profiles->next;
        profiles->next = NULL;
        if (analysis->steps)
            steps_receive(analysis, profiles);
        else
            profile_free(profiles);
        profiles = next;
    }
}

int64_t analysis_closed_until(const struct analysis *analysis)
{
    return analysis->windows.closed_before_min * 60;
}
