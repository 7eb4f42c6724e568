/* One capture file: opened, recognised, and how it ends. */
#include "source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PCAPNG_SECTION = 0x0a0d0d0a }; /* reads the same in both byte orders */

static bool end_with(struct capture *capture, enum capture_state state, const char *format,
                     va_list args)
{
    char text[ERR_TEXT_CAP];
    (void)vsnprintf(text, sizeof text, format, args); /* a long text is cut */
    (void)err_set(&capture->error, capture->name, 0, 0, "%s", text);
    capture->state = state;
    return false;
}

bool capture_fail(struct capture *capture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)end_with(capture, CAPTURE_FAILED, format, args);
    va_end(args);
    return false;
}

__attribute__((format(printf, 2, 3))) static bool cut(struct capture *capture,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)end_with(capture, CAPTURE_CUT, format, args);
    va_end(args);
    return false;
}

/* The stream has no more bytes. */
static bool ended(struct capture *capture)
{
    const struct stream *stream = &capture->stream;
    uint64_t end = stream_offset(stream) + stream_available(stream);
    if (stream->no_memory)
        return capture_fail(capture, "out of memory at byte %" PRIu64, end);
    switch (stream->last) {
    case CONTENTS_OK:
    case CONTENTS_END:
        if (end != capture->record_offset)
            return cut(capture,
                       "cut at byte %" PRIu64 ": the record at byte %" PRIu64
                       " is not complete",
                       end, capture->record_offset);
        capture->state = CAPTURE_DONE;
        return false;
    case CONTENTS_CUT:
        return cut(capture,
                   "cut at byte %" PRIu64 " of the unpacked data: the %s data ends early", end,
                   stream->contents->name);
    case CONTENTS_FAILED:
        break;
    }
    return capture_fail(capture, "cannot be read at byte %" PRIu64 ": %s%s%s", end,
                        stream->contents->name, stream->contents->name[0] ? ": " : "",
                        stream->contents->why);
}

bool capture_need(struct capture *capture, size_t n)
{
    return stream_need(&capture->stream, n) || ended(capture);
}

bool capture_skip(struct capture *capture, uint64_t n)
{
    return stream_skip(&capture->stream, n) || ended(capture);
}

static bool not_a_capture(struct capture *capture)
{
    char start[sizeof " starts with xx xx xx xx"] = " is empty";
    size_t n = stream_available(&capture->stream);
    if (n)
        (void)snprintf(start, sizeof start, " starts with");
    for (size_t i = 0; i < n && i < 4; i++) {
        size_t used = strlen(start);
        (void)snprintf(start + used, sizeof start - used, " %02x", capture->stream.pos[i]);
    }
    return capture_fail(capture,
                        "not a capture file: expected pcap, pcapng, or either compressed with "
                        "gzip or zstd; it%s",
                        start);
}

/* Recognises the format by its first four bytes. */
static void recognise(struct capture *capture)
{
    const struct stream *stream = &capture->stream;
    if (!stream_need(&capture->stream, 4)) {
        bool is_short = !stream->no_memory && stream->last != CONTENTS_CUT &&
                        stream->last != CONTENTS_FAILED;
        (void)(is_short ? not_a_capture(capture) : ended(capture));
        return;
    }
    uint32_t magic = capture_load32(stream->pos, false);
    bool known = magic == PCAPNG_SECTION ? pcapng_begin(capture) : pcap_begin(capture, magic);
    if (!known && capture->state == CAPTURE_OPEN)
        (void)not_a_capture(capture);
}

/* Without a whole header there is no capture, as there is none in an empty file. */
static void begin(struct capture *capture)
{
    recognise(capture);
    if (capture->state != CAPTURE_CUT)
        return;
    const struct stream *stream = &capture->stream;
    (void)capture_fail(capture,
                       "not a capture file: cut at byte %" PRIu64 "%s, inside its header",
                       stream_offset(stream) + stream_available(stream),
                       stream->contents->name[0] ? " of the unpacked data" : "");
}

static int open_fd(const char *name)
{
    if (strcmp(name, "-") == 0)
        return STDIN_FILENO;
    int fd;
    do
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    struct stat stat;
    if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode)) {
        (void)close(fd);
        errno = EISDIR;
        return -1;
    }
    return fd;
}

struct capture *capture_open(const char *name, struct block_pool *pool,
                             _Atomic uint64_t *shared)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (!capture)
        return NULL;
    capture->name = name;
    capture->stream.pool = pool;
    capture->fd = open_fd(name);
    if (capture->fd < 0) {
        char text[128];
        (void)capture_fail(capture, "%s",
                           errno == EISDIR ? "a folder: give the files in it"
                                           : strerror_r(errno, text, sizeof text));
        return capture;
    }
    (void)posix_fadvise(capture->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint; pipes refuse it */
    contents_input_init(&capture->input, capture->fd, shared);
    struct contents *contents = contents_new(&capture->input);
    if (!contents) {
        capture_close(capture);
        return NULL;
    }
    stream_init(&capture->stream, contents, pool);
    begin(capture); /* a failure is in its state */
    return capture;
}

void capture_close(struct capture *capture)
{
    if (!capture)
        return;
    pcapng_end(capture);
    stream_fini(&capture->stream);
    contents_free(capture->stream.contents);
    if (capture->fd > STDIN_FILENO)
        (void)close(capture->fd); /* nothing was written */
    free(capture);
}
