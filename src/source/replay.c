/* Capture files as one stream of frames in time order.
 *
 * Each file is opened once to learn its first time stamp, and opened again when the stream
 * reaches it; what cannot be opened twice (a pipe) stays open. Frames are taken in runs: from
 * the file with the lowest head, up to the lowest head of any other file. */
#include <nightscope/source.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source/capture.h"
#include "source/chunk.h"
#include "source/merge.h"
#include "source/stamp.h"

#define JUMP_NS ((int64_t)3600 * 1000000000)

struct file {
    struct file_status status;
    uint64_t size;
    bool is_stdin, reopen; /* reopen: a regular file */
    int64_t first_ns;
    struct capture *capture; /* NULL: not open */
};

struct replay {
    struct replay_config config;
    struct file *files; /* in the order given */
    unsigned n;
    struct file **order;    /* with frames, by first time stamp and name; rank is the index */
    unsigned order_n, next; /* from next on not reached yet */
    struct merge merge;
    struct block_pool pool;
    struct stamp stamp;
    struct replay_jump jump, worst; /* the last one, and that of those before */
    unsigned open;
    bool probed, packed; /* packed: some file has to be unpacked */
    uint64_t chunks, bytes_total;
    _Atomic uint64_t bytes_read, frames;
    _Atomic int64_t first_ns; /* 0: not known yet */
};

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* What is left unread of a file that is done with counts as read. */
static void count_rest(struct replay *replay, const struct file *file, uint64_t counted)
{
    if (file->size > counted)
        add(&replay->bytes_read, file->size - counted);
}

/* A file that was not opened. */
static void fail(struct replay *replay, struct file *file, const char *why)
{
    file->status.failed = true;
    (void)err_set(&file->status.error, file->status.name, 0, 0, "%s", why);
    count_rest(replay, file, 0);
}

static void close_file(struct replay *replay, struct file *file)
{
    capture_close(file->capture);
    file->capture = NULL;
    replay->open--;
}

/* The file's capture has ended. */
static void finish_file(struct replay *replay, struct file *file)
{
    const struct capture *capture = file->capture;
    file->status.cut = capture->state == CAPTURE_CUT;
    file->status.failed = capture->state == CAPTURE_FAILED;
    file->status.error = capture->error;
    file->status.dropped = capture->dropped;
    count_rest(replay, file, capture->input.shared ? capture->input.stored : 0);
    close_file(replay, file);
}

/* Opens a file and looks at its first frame. False: it is done with, and its status says why.
 */
static bool open_file(struct replay *replay, struct file *file, _Atomic uint64_t *counter)
{
    if (replay->open >= replay->merge.cap) {
        char why[96];
        (void)snprintf(why, sizeof why,
                       "overlaps in time with more than %u other files: at most %u are open",
                       replay->merge.cap - 1, replay->merge.cap);
        fail(replay, file, why);
        return false;
    }
    file->capture = capture_open(file->status.name, &replay->pool, counter);
    if (!file->capture) {
        fail(replay, file, "out of memory");
        return false;
    }
    replay->open++;
    if (capture_peek(file->capture))
        return true;
    finish_file(replay, file);
    return false;
}

/* Learns the first time stamp. */
static void probe_file(struct replay *replay, struct file *file)
{
    if (!open_file(replay, file, file->reopen ? NULL : &replay->bytes_read))
        return;
    file->first_ns = file->capture->head_ns;
    replay->packed |= file->capture->stream.contents->name[0] != '\0';
    if (file->reopen)
        close_file(replay, file);
    replay->order[replay->order_n++] = file;
}

static int compare_files(const void *left, const void *right)
{
    const struct file *a = *(struct file *const *)left, *b = *(struct file *const *)right;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    int by_name = strcmp(a->status.name, b->status.name);
    return by_name ? by_name : a < b ? -1 : a > b; /* the same file twice */
}

/* Files that stay open come last: until then only one is open at a time. */
static void probe(struct replay *replay)
{
    bool stdin_seen = false;
    for (unsigned i = 0; i < replay->n; i++)
        if (replay->files[i].reopen)
            probe_file(replay, &replay->files[i]);
    for (unsigned i = 0; i < replay->n; i++) {
        struct file *file = &replay->files[i];
        if (file->reopen)
            continue;
        if (file->is_stdin && stdin_seen)
            fail(replay, file, "standard input is given twice and can be read only once");
        else
            probe_file(replay, file);
        stdin_seen |= file->is_stdin;
    }
    qsort(replay->order, replay->order_n, sizeof(struct file *), compare_files);
    if (replay->order_n)
        atomic_store_explicit(&replay->first_ns, replay->order[0]->first_ns,
                              memory_order_relaxed);
    replay->probed = true;
}

/* Opens the files that the stream has reached. */
static void open_reached(struct replay *replay)
{
    for (; replay->next < replay->order_n; replay->next++) {
        struct file *file = replay->order[replay->next];
        struct merge_head head = {file->first_ns, replay->next, file};
        if (replay->merge.n && !merge_before(&head, &replay->merge.heads[0]))
            return;
        if (file->capture || open_file(replay, file, &replay->bytes_read)) {
            head.ns = file->capture->head_ns;
            merge_push(&replay->merge, head);
        }
    }
}

static int64_t limit_by(const struct merge_head *head, const struct merge_head *other)
{
    return other->ns + (head->rank < other->rank);
}

/* Frames of the lowest head's file below this time come before those of all other files. */
static int64_t run_limit(const struct replay *replay)
{
    const struct merge_head *head = &replay->merge.heads[0];
    const struct merge_head *second = merge_second(&replay->merge);
    int64_t limit_ns = second ? limit_by(head, second) : INT64_MAX;
    if (replay->next < replay->order_n) {
        struct merge_head unopened = {replay->order[replay->next]->first_ns, replay->next,
                                      NULL};
        int64_t unopened_ns = limit_by(head, &unopened);
        limit_ns = unopened_ns < limit_ns ? unopened_ns : limit_ns;
    }
    return limit_ns;
}

struct replay_jump replay_worst_jump(const struct replay *replay)
{
    const struct replay_jump *jump =
        replay->jump.late > replay->worst.late ? &replay->jump : &replay->worst;
    return jump->late ? *jump : (struct replay_jump){0};
}

static void note_jump(struct replay *replay, const struct replay_jump *jump)
{
    if (replay->jump.late > replay->worst.late)
        replay->worst = replay->jump;
    replay->jump = *jump;
}

/* Finds those of a run that moved packet time far, and who is late by which. */
static void note_jumps(struct replay *replay, const struct file *file,
                       const struct frame *frames, unsigned n, int64_t before_ns)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t ns = frames[i].ts_ns;
        if (frames[i].flags & FRAME_BAD_TIME)
            continue;
        if (frames[i].flags & FRAME_LATE && replay->jump.name)
            replay->jump.late += replay->jump.ts_ns - ns > JUMP_NS;
        if (before_ns < 0 || ns - before_ns > JUMP_NS)
            note_jump(replay, &(struct replay_jump){.name = file->status.name,
                                                    .frame = file->status.frames + i + 1,
                                                    .ts_ns = ns,
                                                    .before_ns = before_ns});
        before_ns = ns > before_ns ? ns : before_ns;
    }
}

/* Moves a run of frames from the file with the lowest head into the chunk. */
static void take_run(struct replay *replay, struct chunk *chunk)
{
    struct file *file = replay->merge.heads[0].file;
    struct capture *capture = file->capture;
    struct frame *frames = chunk->frames + chunk->n;
    unsigned n = capture_take(capture, frames, CHUNK_FRAMES - chunk->n, run_limit(replay));
    assert(n); /* the head was looked at, and is below the limit */
    chunk_hold(chunk, capture->stream.block, replay->chunks);
    int64_t before_ns = replay->stamp.packet_ns;
    unsigned late = stamp_frames(&replay->stamp, frames, n);
    if (late || before_ns < 0 || replay->stamp.packet_ns - before_ns > JUMP_NS)
        note_jumps(replay, file, frames, n, before_ns);
    if (replay->config.decode)
        for (unsigned i = 0; i < n; i++)
            frames[i].shard = (uint8_t)decode_shard(replay->config.decode, &frames[i]);
    chunk->n += n;
    file->status.frames += n;
    if (capture_peek(capture)) {
        merge_move(&replay->merge, capture->head_ns);
    } else {
        merge_pop(&replay->merge);
        finish_file(replay, file);
    }
}

bool replay_look(struct replay *replay)
{
    if (!replay->probed)
        probe(replay);
    return replay->packed;
}

bool replay_next(struct replay *replay, struct chunk *chunk)
{
    assert(chunk->n == 0 && chunk_held_bytes(chunk) == 0);
    (void)replay_look(replay);
    replay->chunks++;
    while (chunk->n < CHUNK_FRAMES && chunk_held_bytes(chunk) < CHUNK_BYTES_MAX) {
        open_reached(replay);
        if (!replay->merge.n)
            break;
        take_run(replay, chunk);
    }
    chunk->packet_time_ns = replay->stamp.packet_ns;
    add(&replay->frames, chunk->n);
    return chunk->n > 0;
}

void chunk_release(struct replay *replay, struct chunk *chunk)
{
    chunk_give_back(chunk, &replay->pool);
}

/* Looks at what a name is. False: its size is not known. */
static bool init_file(struct file *file, const char *name)
{
    struct stat stat_buf;
    file->status.name = name;
    file->is_stdin = strcmp(name, "-") == 0;
    if ((file->is_stdin ? fstat(0, &stat_buf) : stat(name, &stat_buf)) < 0)
        return true; /* opening it will say why */
    bool regular = S_ISREG(stat_buf.st_mode);
    file->reopen = regular && !file->is_stdin;
    file->size = regular ? (uint64_t)stat_buf.st_size : 0;
    return regular || S_ISDIR(stat_buf.st_mode);
}

struct replay *replay_new(const struct replay_config *config, const char *const *names,
                          unsigned n)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return NULL;
    replay->config = *config;
    replay->n = n;
    replay->files = calloc(n, sizeof *replay->files);
    replay->order = calloc(n, sizeof(struct file *));
    unsigned open_max = config->open_max > 1 ? (unsigned)config->open_max : 1;
    int merge_ok = merge_init(&replay->merge, open_max);
    if ((n && (!replay->files || !replay->order)) || merge_ok < 0) {
        replay_free(replay);
        return NULL;
    }
    stamp_init(&replay->stamp, config->lateness_ns);
    if (config->packet_time_ns > 0)
        stamp_advance(&replay->stamp, config->packet_time_ns);
    bool sizes_known = true;
    for (unsigned i = 0; i < n; i++) {
        sizes_known &= init_file(&replay->files[i], names[i]);
        replay->bytes_total += replay->files[i].size;
    }
    if (!sizes_known)
        replay->bytes_total = 0;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    for (unsigned i = 0; replay->files && i < replay->n; i++)
        if (replay->files[i].capture)
            close_file(replay, &replay->files[i]);
    merge_fini(&replay->merge);
    block_pool_fini(&replay->pool);
    free(replay->order);
    free(replay->files);
    free(replay);
}

void replay_progress(const struct replay *replay, struct replay_progress *ret_progress)
{
    *ret_progress = (struct replay_progress){
        .bytes_read = atomic_load_explicit(&replay->bytes_read, memory_order_relaxed),
        .bytes_total = replay->bytes_total,
        .frames = atomic_load_explicit(&replay->frames, memory_order_relaxed),
        .first_ns = atomic_load_explicit(&replay->first_ns, memory_order_relaxed),
    };
}

unsigned replay_file_count(const struct replay *replay)
{
    return replay->n;
}

const struct file_status *replay_file(const struct replay *replay, unsigned i)
{
    return &replay->files[i].status;
}
