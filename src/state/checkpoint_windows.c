/* The minutes, open and waiting to be taken, by time, and what is closed.
 *
 *   closed before | refused | n waiting | windows | n open | windows
 *   window   start since the one before | counts | ports: those since the one before ... 0 */
#include "state/checkpoint.h"

enum { PORTS = 2 * 65536 };
static const int64_t MINUTE_MAX = INT64_MAX / 60;

static void put_window(struct bytes_out *out, const struct window *window, int64_t before)
{
    bytes_put_u64(out, (uint64_t)(window->start_s / 60 - before));
    checkpoint_put_numbers(out, window->counts, COUNT_COUNT_);
    const uint64_t *bits = window->dports.bits[0]; /* both protocols: one array of words */
    unsigned next = 0;
    for (unsigned word = 0; word < PORTS / 64; word++)
        for (uint64_t left = bits[word]; left; left &= left - 1) {
            unsigned port = word * 64 + (unsigned)__builtin_ctzll(left) + 1;
            bytes_put_u64(out, port - next);
            next = port;
        }
    bytes_put_u64(out, 0);
}

/* The first window of a list that begins after a minute. */
static const struct window *next_after(const struct window *list, int64_t minute)
{
    const struct window *next = NULL;
    for (; list; list = list->next)
        if (list->start_s / 60 > minute && (!next || list->start_s < next->start_s))
            next = list;
    return next;
}

static void put_list(struct bytes_out *out, const struct window *list)
{
    uint64_t n = 0;
    for (const struct window *window = list; window; window = window->next)
        n++;
    if (n > CHECKPOINT_WINDOWS_MAX)
        out->failed = true;
    bytes_put_u64(out, n);
    int64_t before = -1;
    for (uint64_t i = 0; i < n && !out->failed; i++) {
        const struct window *window = next_after(list, before);
        put_window(out, window, before);
        before = window->start_s / 60;
    }
}

void checkpoint_put_windows(struct bytes_out *out, const struct windows *windows)
{
    bytes_put_u64(out, (uint64_t)windows->closed_before_min);
    bytes_put_u64(out, windows->memory_refused);
    put_list(out, windows->closed);
    put_list(out, windows->open);
}

static void take_ports(struct checkpoint_in *in, struct window *window)
{
    uint64_t *bits = window->dports.bits[0], port = 0, more;
    while ((more = bytes_take_u64(in->bytes, PORTS - port)) != 0) {
        port += more;
        bits[(port - 1) / 64] |= (uint64_t)1 << ((port - 1) % 64);
    }
}

static void take_list(struct checkpoint_in *in, bool closed)
{
    struct windows *windows = &in->targets[0]->windows;
    uint64_t n = bytes_take_u64(in->bytes, CHECKPOINT_WINDOWS_MAX);
    int64_t before = -1;
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        uint64_t more = bytes_take_u64(in->bytes, (uint64_t)(MINUTE_MAX - 1 - before));
        struct window *window = window_new(before + (int64_t)more);
        if (!window) {
            checkpoint_no_memory(in);
            return;
        }
        before += (int64_t)more;
        in->bytes->failed |= !more;
        checkpoint_take_numbers(in, window->counts, COUNT_COUNT_);
        take_ports(in, window);
        if (closed)
            in->bytes->failed |= before >= windows->closed_before_min;
        windows_receive(windows, window);
    }
}

void checkpoint_take_windows(struct checkpoint_in *in)
{
    int64_t closed_before = (int64_t)bytes_take_u64(in->bytes, (uint64_t)MINUTE_MAX);
    for (unsigned i = 0; i < in->n && !in->bytes->failed; i++)
        windows_close_before(&in->targets[i]->windows, closed_before);
    in->targets[0]->windows.memory_refused += bytes_take_u64(in->bytes, UINT64_MAX);
    take_list(in, true);
    take_list(in, false);
}
