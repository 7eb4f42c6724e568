#include "live/kernel.h"

#include "source/fanout.h"

#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { INTERFACES_MAX = 4, FRAME_MAX = 128, ETHERNET = 1, SOURCE_AT = 26 };

struct slot {
    int64_t ts_ns;
    unsigned n;
    uint8_t bytes[FRAME_MAX];
};

struct live_handle {
    struct interface *interface;
    int fd;
    enum kernel_mode mode;
    bool started;
    struct slot *ring;
    unsigned head, used;
    struct live_counts counts;
};

struct interface {
    char name[16];
    enum live_state state;
    struct live_watch_drops drops;
    struct live_handle *handles[KERNEL_HANDLES_MAX]; /* by number; NULL: closed */
    unsigned opened;
};

/* One lock for all: a made-up kernel need not be fast. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a mode */
    struct interface interfaces[INTERFACES_MAX];
    unsigned interfaces_n, ring_frames;
    uint64_t dropped, backlog;
    uint32_t seed; /* of the fanout groups */
} kernel = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static _Atomic int64_t clock_ns, monotonic_ns;
static atomic_bool
    running; /* else the clocks are the real ones: the test's library has them too */

static atomic_bool disk_stalls;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (!running || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
        return __real_clock_gettime(clock, time);
    int64_t ns = clock == CLOCK_REALTIME ? clock_ns : monotonic_ns;
    *time = (struct timespec){ns / 1000000000, ns % 1000000000};
    return 0;
}

unsigned __real_alarm(unsigned seconds);
unsigned __wrap_alarm(unsigned seconds);

unsigned __wrap_alarm(unsigned seconds)
{
    return __real_alarm(disk_stalls && seconds ? 1 : seconds);
}

int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    while (disk_stalls)
        (void)pause();
    return __real_unlinkat(folder, name, flags);
}

void kernel_stall_disk(bool stalled)
{
    disk_stalls = stalled;
}

static void lock(void)
{
    (void)pthread_mutex_lock(&kernel.lock);
}

static void unlock(void)
{
    (void)pthread_mutex_unlock(&kernel.lock);
}

void kernel_begin(unsigned ring_frames, int64_t now_ns)
{
    struct timespec real;
    (void)__real_clock_gettime(CLOCK_MONOTONIC, &real);
    kernel.ring_frames = ring_frames;
    kernel.interfaces_n = 0;
    kernel.dropped = kernel.backlog = 0;
    clock_ns = now_ns;
    monotonic_ns = (int64_t)real.tv_sec * 1000000000; /* deadlines are real ones */
    running = true;
}

void kernel_end(void)
{
    running = false;
    for (unsigned i = 0; i < kernel.interfaces_n; i++)
        for (unsigned h = 0; h < KERNEL_HANDLES_MAX; h++)
            ck_assert_ptr_null(kernel.interfaces[i].handles[h]); /* all were closed */
}

void kernel_add_interface(const char *name)
{
    ck_assert_uint_lt(kernel.interfaces_n, INTERFACES_MAX);
    struct interface *interface = &kernel.interfaces[kernel.interfaces_n++];
    *interface = (struct interface){.state = LIVE_UP};
    (void)snprintf(interface->name, sizeof interface->name, "%s", name);
}

void kernel_pass(int64_t ns)
{
    clock_ns += ns;
    monotonic_ns += ns;
}

void kernel_set(int64_t step_ns)
{
    clock_ns += step_ns;
}

int64_t kernel_now_ns(void)
{
    return clock_ns;
}

static void signal_handle(const struct live_handle *handle)
{
    const uint64_t one = 1;
    ck_assert_int_eq(write(handle->fd, &one, sizeof one), sizeof one);
}

/* As the kernel deals: among those that are there. */
static struct live_handle *choose(struct interface *interface, const uint8_t *bytes)
{
    struct live_handle *there[KERNEL_HANDLES_MAX];
    unsigned n = 0;
    uint32_t source;
    memcpy(&source, bytes + SOURCE_AT, sizeof source);
    for (unsigned h = 0; h < interface->opened; h++)
        if (interface->handles[h])
            there[n++] = interface->handles[h];
    struct address address = {.v4 = ntohl(source)};
    return n ? there[fanout_sum(kernel.seed, &address) % n] : NULL;
}

void kernel_send(unsigned interface, int64_t ts_ns, const uint8_t *bytes, unsigned n)
{
    ck_assert_uint_le(n, FRAME_MAX);
    lock();
    struct live_handle *handle = choose(&kernel.interfaces[interface], bytes);
    if (handle && handle->started) {
        handle->counts.received++;
        if (handle->used == kernel.ring_frames) {
            handle->counts.dropped++;
            kernel.dropped++;
        } else {
            struct slot *slot =
                &handle->ring[(handle->head + handle->used++) % kernel.ring_frames];
            slot->ts_ns = ts_ns;
            slot->n = n;
            memcpy(slot->bytes, bytes, n);
            if (handle->used == 1)
                signal_handle(handle);
        }
    }
    unlock();
}

#define EACH_HANDLE(handle)                                                                    \
    for (unsigned i_ = 0; i_ < kernel.interfaces_n; i_++)                                      \
        for (unsigned h_ = 0; h_ < KERNEL_HANDLES_MAX; h_++)                                   \
            if ((handle = kernel.interfaces[i_].handles[h_]))

void kernel_wake(void)
{
    const struct live_handle *handle;
    lock();
    EACH_HANDLE(handle)
    signal_handle(handle);
    unlock();
}

void kernel_set_mode(unsigned interface, unsigned number, enum kernel_mode mode)
{
    lock();
    struct live_handle *handle = kernel.interfaces[interface].handles[number];
    ck_assert_ptr_nonnull(handle);
    handle->mode = mode;
    signal_handle(handle);
    (void)pthread_cond_broadcast(&kernel.changed);
    unlock();
}

void kernel_set_state(unsigned interface, enum live_state state)
{
    lock();
    kernel.interfaces[interface].state = state;
    unlock();
}

void kernel_set_drops(unsigned interface, struct live_watch_drops drops, uint64_t backlog)
{
    lock();
    kernel.interfaces[interface].drops = drops;
    kernel.backlog = backlog;
    unlock();
}

bool kernel_is_drained(void)
{
    const struct live_handle *handle;
    bool drained = true;
    lock();
    EACH_HANDLE(handle)
    drained &= handle->used == 0 || handle->mode != KERNEL_READS;
    unlock();
    return drained;
}

uint64_t kernel_unread(void)
{
    const struct live_handle *handle;
    uint64_t unread = 0;
    lock();
    EACH_HANDLE(handle)
    unread += handle->used;
    unlock();
    return unread;
}

uint64_t kernel_dropped(void)
{
    lock();
    uint64_t dropped = kernel.dropped;
    unlock();
    return dropped;
}

static struct interface *find(const char *name)
{
    for (unsigned i = 0; i < kernel.interfaces_n; i++)
        if (strcmp(kernel.interfaces[i].name, name) == 0)
            return &kernel.interfaces[i];
    return NULL;
}

/* From here on, <nightscope/live.h>. */

bool live_stage_init(struct live_stage *stage, unsigned snaplen)
{
    *stage = (struct live_stage){.frame_cap = snaplen};
    stage->bytes = malloc((size_t)FRAME_MAX * BATCH_CAP);
    return stage->bytes;
}

void live_stage_fini(struct live_stage *stage)
{
    free(stage->bytes);
    stage->bytes = NULL;
}

struct live_handle *live_open(const struct live_config *config, struct err *err)
{
    struct interface *interface = find(config->interface);
    struct live_handle *handle = calloc(1, sizeof *handle);
    struct slot *ring = calloc(kernel.ring_frames, sizeof *ring);
    ck_assert(handle && ring);
    if (!interface || interface->opened == KERNEL_HANDLES_MAX) {
        free(ring);
        free(handle);
        (void)err_set(err, config->interface, 0, 0, "no such interface");
        return NULL;
    }
    *handle = (struct live_handle){
        .interface = interface, .ring = ring, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    ck_assert_int_ge(handle->fd, 0);
    lock();
    interface->handles[interface->opened++] = handle;
    unlock();
    return handle;
}

void live_close(struct live_handle *handle)
{
    if (!handle)
        return;
    lock();
    for (unsigned h = 0; h < KERNEL_HANDLES_MAX; h++)
        if (handle->interface->handles[h] == handle)
            handle->interface->handles[h] = NULL;
    unlock();
    (void)close(handle->fd);
    free(handle->ring);
    free(handle);
}

int live_join(struct live_handle *handle, uint32_t seed, const struct decode_config *decode,
              int *group, struct err *err)
{
    (void)handle, (void)decode, (void)err;
    kernel.seed = seed;
    *group = 1;
    return 0;
}

static void set_started(struct live_handle *handle, bool started)
{
    lock();
    handle->started = started;
    unlock();
}

int live_start(struct live_handle *handle, struct err *err)
{
    (void)err;
    set_started(handle, true);
    return 0;
}

static void take(struct live_handle *handle, struct live_stage *stage)
{
    const struct slot *slot = &handle->ring[handle->head];
    uint8_t *copy = stage->bytes + stage->used;
    memcpy(copy, slot->bytes, slot->n);
    stage->used += slot->n;
    stage->frames[stage->n++] = (struct frame){.bytes = copy,
                                               .ts_ns = slot->ts_ns,
                                               .caplen = slot->n,
                                               .wirelen = slot->n,
                                               .link = LINK_ETHERNET};
    handle->head = (handle->head + 1) % kernel.ring_frames;
    handle->used--;
    handle->counts.read++;
}

int live_read(struct live_handle *handle, struct live_stage *stage, struct err *err)
{
    uint64_t ignored;
    unsigned before = stage->n;
    lock();
    while (handle->mode == KERNEL_HANGS)
        (void)pthread_cond_wait(&kernel.changed, &kernel.lock);
    bool fails = handle->mode == KERNEL_FAILS;
    while (handle->mode == KERNEL_READS && handle->used > 0 && stage->n < BATCH_CAP)
        take(handle, stage);
    if ((handle->used == 0 || handle->mode == KERNEL_HOLDS) &&
        read(handle->fd, &ignored, sizeof ignored) < 0)
        ignored = 0; /* nobody had waked it */
    unlock();
    return fails ? err_set(err, handle->interface->name, 0, 0, "the handle fails as told")
                 : (int)(stage->n - before);
}

int live_fd(const struct live_handle *handle)
{
    return handle->fd;
}

enum live_state live_check(struct live_handle *handle)
{
    lock();
    enum live_state state = handle->interface->state;
    unlock();
    return state;
}

void live_stop(struct live_handle *handle)
{
    set_started(handle, false);
}

bool live_drained(struct live_handle *handle)
{
    lock();
    bool drained = handle->used == 0;
    unlock();
    return drained;
}

struct live_counts live_counts(struct live_handle *handle)
{
    lock();
    struct live_counts counts = handle->counts;
    unlock();
    return counts;
}

uint32_t live_linktype(const struct live_handle *handle)
{
    (void)handle;
    return ETHERNET;
}

int live_watch_init(struct live_watch *watch, const char *interface, struct err *err)
{
    const struct interface *found = find(interface);
    if (!found)
        return err_set(err, interface, 0, 0, "no such interface");
    *watch = (struct live_watch){.index = (unsigned)(found - kernel.interfaces), .fd = -1};
    return 0;
}

void live_watch_fini(struct live_watch *watch)
{
    (void)watch;
}

enum live_state live_watch_state(const struct live_watch *watch)
{
    lock();
    enum live_state state = kernel.interfaces[watch->index].state;
    unlock();
    return state;
}

bool live_watch_drops(const struct live_watch *watch, struct live_watch_drops *ret_drops)
{
    lock();
    *ret_drops = kernel.interfaces[watch->index].drops;
    unlock();
    return true;
}

uint64_t live_backlog_drops(void)
{
    lock();
    uint64_t backlog = kernel.backlog;
    unlock();
    return backlog;
}
