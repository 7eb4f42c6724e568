/* Any bytes as a capture file: every frame is in bounds and keeps the promises of its type. */
#include <nightscope/source.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t drain(struct replay *replay, struct chunk *chunk)
{
    uint64_t frames = 0;
    int64_t highest_ns = -1;
    while (replay_next(replay, chunk)) {
        require(chunk->n > 0 && chunk->n <= CHUNK_FRAMES);
        for (unsigned i = 0; i < chunk->n; i++) {
            const struct frame *frame = &chunk->frames[i];
            require(frame->caplen <= CAPLEN_MAX && frame->caplen <= frame->wirelen);
            require(frame->ts_ns >= 0 && frame->ts_ns < (int64_t)4294967296 * 1000000000);
            require(!(frame->flags & FRAME_BAD_TIME) || frame->ts_ns == 0);
            if (!(frame->flags & FRAME_BAD_TIME) && frame->ts_ns > highest_ns)
                highest_ns = frame->ts_ns;
            uint8_t sum = 0;
            for (uint32_t j = 0; j < frame->caplen; j++)
                sum ^= frame->bytes[j];
            __asm__ volatile("" : : "r"(sum)); /* every byte is read */
        }
        require(chunk->packet_time_ns == highest_ns);
        frames += chunk->n;
        chunk_release(replay, chunk);
    }
    return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    require(fd >= 0);
    require(write(fd, data, size) == (ssize_t)size);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *name = path;
    struct replay_config config = {.lateness_ns = 60000000000, .open_max = 1};
    struct replay *replay = replay_new(&config, &name, 1);
    struct chunk *chunk = chunk_new();
    require(replay && chunk);
    uint64_t frames = drain(replay, chunk);
    const struct file_status *status = replay_file(replay, 0);
    require(status->frames == frames);
    require(!(status->cut && status->failed));
    require((status->cut || status->failed) == (status->error.text[0] != '\0'));
    struct replay_progress progress;
    replay_progress(replay, &progress);
    require(progress.frames == frames && progress.bytes_read == progress.bytes_total);
    chunk_free(chunk);
    replay_free(replay);
    (void)close(fd); /* nothing to keep */
    return 0;
}
