#include "app/progress.h"

#include "app/terminal.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 30 };

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_start(struct progress *progress, bool quiet)
{
    progress->shown = !quiet && terminal_takes_escapes(STDERR_FILENO);
    progress->started_s = now_s();
}

void progress_draw(const struct progress *progress, const struct replay_progress *now)
{
    if (!progress->shown)
        return;
    double elapsed_s = now_s() - progress->started_s;
    double rate = elapsed_s > 0 ? (double)now->frames / elapsed_s : 0;
    (void)fprintf(stderr, "\r\033[K"); /* the line is drawn anew */
    if (now->bytes_total > 0) {
        double part = (double)now->bytes_read / (double)now->bytes_total;
        part = part > 1 ? 1 : part;
        unsigned full = (unsigned)(part * BAR);
        (void)fprintf(stderr, "%3.0f %% [", part * 100);
        for (unsigned i = 0; i < BAR; i++)
            (void)fputc(i < full ? '=' : i == full ? '>' : ' ', stderr);
        (void)fprintf(stderr, "] ");
        (void)fprintf(stderr, "%.1f M frames, %.2f M/s", (double)now->frames / 1e6, rate / 1e6);
        if (part > 0.01) {
            unsigned left = (unsigned)(elapsed_s / part * (1 - part) + 0.5);
            (void)fprintf(stderr, ", %u:%02u:%02u left", left / 3600, left / 60 % 60,
                          left % 60);
        }
    } else {
        (void)fprintf(stderr, "%.1f M frames, %.2f M/s", (double)now->frames / 1e6, rate / 1e6);
    }
    (void)fflush(stderr);
}

void progress_end(const struct progress *progress)
{
    if (progress->shown)
        (void)fprintf(stderr, "\r\033[K");
}
