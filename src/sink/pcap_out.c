#include "sink/pcap_out.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 1 << 20,
    HEADER_BYTES = 24,
    RECORD_BYTES = 16,
    NAMES_MAX = 1000, /* files of the same second */
    PATH_CAP = 4096,
};

#define AGAIN_NS 60000000000 /* of packet time, until a file that failed is tried again */

struct pcap_out {
    struct pcap_out_config config;
    pthread_mutex_t lock;
    char path[PATH_CAP]; /* of the file that is open, or was to be */
    int fd;              /* -1: none */
    bool given_up;       /* for now: nothing goes into the file */
    int64_t given_up_ns, now_ns;
    int64_t first_ns; /* of the file's first frame */
    uint64_t bytes;   /* of the file that are whole records, buffered ones included */
    uint64_t on_disk; /* of the file */
    unsigned buffered_frames;
    size_t buffered;
    struct pcap_out_status status;
    uint8_t buffer[BUFFER_BYTES];
};

static bool rotates(const struct pcap_out *out)
{
    return out->config.rotate_bytes || out->config.rotate_ns;
}

/* What is buffered is lost, and so is what comes until it is tried again. */
static void give_up(struct pcap_out *out, const char *what)
{
    (void)err_set(&out->status.error, out->path, 0, 0, "cannot be %s: %s", what,
                  strerror(errno));
    out->status.failing = true;
    out->status.lost += out->buffered_frames;
    out->status.frames -= out->buffered_frames;
    out->buffered = out->buffered_frames = 0;
    out->bytes = out->on_disk;
    out->given_up = true;
    out->given_up_ns = out->now_ns;
    if (out->fd >= 0 && ftruncate(out->fd, (off_t)out->on_disk) != 0)
        errno = 0; /* a pipe: whoever reads it sees the cut */
}

/* The first `bytes` of the buffer are on disk: what of them is whole stays there. */
static void keep_whole(struct pcap_out *out, size_t bytes)
{
    size_t at = out->on_disk ? 0 : HEADER_BYTES;
    uint32_t caplen;
    while (at + RECORD_BYTES <= bytes) {
        memcpy(&caplen, out->buffer + at + 8, sizeof caplen);
        if (at + RECORD_BYTES + caplen > bytes)
            break;
        at += RECORD_BYTES + caplen;
        out->buffered_frames--;
    }
    out->on_disk += at <= bytes ? at : 0;
}

static void write_buffer(struct pcap_out *out)
{
    for (size_t done = 0; done < out->buffered;) {
        ssize_t n = write(out->fd, out->buffer + done, out->buffered - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            keep_whole(out, done);
            give_up(out, "written");
            return;
        }
        done += (size_t)n;
    }
    if (out->buffered)
        out->status.failing = false;
    out->on_disk += out->buffered;
    out->buffered = out->buffered_frames = 0;
}

static void put32(uint8_t *at, uint32_t number)
{
    memcpy(at, &number, sizeof number);
}

static void begin_file(struct pcap_out *out)
{
    const uint32_t magic = 0xa1b23c4d, version = 2 | 4U << 16;
    uint8_t *at = out->buffer;
    memset(at, 0, HEADER_BYTES);
    put32(at, magic);
    put32(at + 4, version);
    put32(at + 16, out->config.snaplen);
    put32(at + 20, out->config.linktype);
    out->buffered = out->bytes = HEADER_BYTES;
    out->on_disk = 0;
    out->given_up = false;
}

static int open_file(struct pcap_out *out, int flags)
{
    out->fd = open(out->path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    return out->fd;
}

static void next_file(struct pcap_out *out, int64_t ts_ns)
{
    time_t second = (time_t)(ts_ns / 1000000000);
    struct tm utc;
    char stamp[32];
    (void)gmtime_r(&second, &utc); /* within 2106 */
    (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    for (unsigned i = 0; i < NAMES_MAX && out->fd < 0; i++) {
        char suffix[16] = "";
        if (i)
            (void)snprintf(suffix, sizeof suffix, ".%u", i);
        if (snprintf(out->path, sizeof out->path, "%s.%s%s", out->config.path, stamp, suffix) >=
            (int)sizeof out->path)
            errno = ENAMETOOLONG;
        else if (open_file(out, O_EXCL) < 0 && errno == EEXIST)
            continue;
        break;
    }
    out->first_ns = ts_ns;
    if (out->fd < 0) {
        give_up(out, "opened");
        return;
    }
    begin_file(out);
}

static void close_file(struct pcap_out *out)
{
    if (out->fd < 0)
        return;
    if (!out->given_up)
        write_buffer(out);
    int fd = out->fd;
    out->fd = -1;
    if (close(fd) != 0 && !out->given_up)
        give_up(out, "closed");
    if (rotates(out) && out->on_disk == 0)
        (void)unlink(out->path); /* its disk was full from the beginning: it is no capture */
    out->bytes = out->on_disk = 0;
}

/* The disk may have room by now. What was lost is missing in the middle of the file. */
static void try_again(struct pcap_out *out)
{
    out->given_up_ns = out->now_ns;
    if (out->fd < 0) {
        next_file(out, out->now_ns);
    } else if (lseek(out->fd, (off_t)out->on_disk, SEEK_SET) == (off_t)out->on_disk) {
        out->given_up = false; /* a pipe that is broken stays so */
        if (out->on_disk == 0)
            begin_file(out);
    }
}

/* Also when the clock was set back: its file would grow until the clock is there again. */
static bool is_due(const struct pcap_out *out, const struct frame *frame)
{
    const struct pcap_out_config *config = &out->config;
    int64_t age_ns = frame->ts_ns - out->first_ns;
    uint64_t bytes = out->bytes + RECORD_BYTES + frame->caplen;
    if (out->fd < 0 && !out->given_up)
        return true;
    return (config->rotate_bytes && bytes > config->rotate_bytes &&
            out->bytes > HEADER_BYTES) ||
           (config->rotate_ns && (age_ns >= config->rotate_ns || -age_ns >= config->rotate_ns));
}

static void add_frame(struct pcap_out *out, const struct frame *frame)
{
    out->now_ns = frame->ts_ns;
    if (rotates(out) && is_due(out, frame)) {
        close_file(out);
        next_file(out, frame->ts_ns);
    }
    int64_t waited_ns = out->now_ns - out->given_up_ns;
    if (out->given_up && (waited_ns >= AGAIN_NS || -waited_ns >= AGAIN_NS))
        try_again(out);
    size_t bytes = RECORD_BYTES + frame->caplen;
    if (!out->given_up && out->buffered + bytes > BUFFER_BYTES)
        write_buffer(out);
    if (out->given_up) {
        out->status.lost++;
        return;
    }
    uint8_t *at = out->buffer + out->buffered;
    put32(at, (uint32_t)(frame->ts_ns / 1000000000));
    put32(at + 4, (uint32_t)(frame->ts_ns % 1000000000));
    put32(at + 8, frame->caplen);
    put32(at + 12, frame->wirelen);
    memcpy(at + RECORD_BYTES, frame->bytes, frame->caplen);
    out->buffered += bytes;
    out->bytes += bytes;
    out->buffered_frames++;
    out->status.frames++;
}

struct pcap_out *pcap_out_new(const struct pcap_out_config *config, struct err *err)
{
    struct pcap_out *out = calloc(1, sizeof *out);
    if (!out) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    out->config = *config;
    out->fd = -1;
    (void)pthread_mutex_init(&out->lock, NULL); /* cannot fail without attributes */
    if (rotates(out))
        return out;
    if (snprintf(out->path, sizeof out->path, "%s", config->path) >= (int)sizeof out->path)
        errno = ENAMETOOLONG;
    else if (open_file(out, O_TRUNC) >= 0) {
        begin_file(out);
        write_buffer(out);
        if (!out->given_up)
            return out;
    }
    (void)err_set(err, config->path, 0, 0, "cannot be written: %s", strerror(errno));
    pcap_out_free(out);
    return NULL;
}

void pcap_out_add(struct pcap_out *out, const struct frame *frames, unsigned n)
{
    (void)pthread_mutex_lock(&out->lock);
    for (unsigned i = 0; i < n; i++)
        add_frame(out, &frames[i]);
    (void)pthread_mutex_unlock(&out->lock);
}

void pcap_out_flush(struct pcap_out *out)
{
    (void)pthread_mutex_lock(&out->lock);
    if (out->fd >= 0 && !out->given_up)
        write_buffer(out);
    (void)pthread_mutex_unlock(&out->lock);
}

struct pcap_out_status pcap_out_status(struct pcap_out *out)
{
    (void)pthread_mutex_lock(&out->lock);
    struct pcap_out_status status = out->status;
    (void)pthread_mutex_unlock(&out->lock);
    return status;
}

void pcap_out_free(struct pcap_out *out)
{
    if (!out)
        return;
    close_file(out);
    (void)pthread_mutex_destroy(&out->lock);
    free(out);
}
