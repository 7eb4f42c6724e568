#include "app/live_keeper.h"

#include "app/checkpoint_file.h"
#include "app/commands.h"
#include "app/message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS ((int64_t)1000000000)

enum {
    SHARE = 25,       /* one in so many of the time may go into checkpoints */
    SLACK = 16,       /* a part of the time between two, to wait for the end of a minute */
    PATIENCE_S = 360, /* with a flusher whose server hangs, longer than its attempts */
    WRITE_S = 30,     /* a child that could write nothing for so long is ended */
    SYNC_S = 600,     /* nor may the disk take longer for all of it */
    FIRST_FD = 3      /* after standard input, output and errors */
};

/* What a child says. */
struct result {
    bool written;
    uint64_t bytes;
    int64_t took_ns;
    char text[ERR_TEXT_CAP];
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* both clocks always exist */
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Writes on as long as that goes on: a child that stands still would keep the next one from
 * being made, for ever and in silence. */
struct timed_drain {
    bool (*drain)(void *context, const uint8_t *bytes, size_t n);
    void *context;
};

static bool drain_in_time(void *context, const uint8_t *bytes, size_t n)
{
    const struct timed_drain *timed = context;
    (void)alarm(WRITE_S);
    return timed->drain(timed->context, bytes, n);
}

static void write_file(struct live_keeper *state, bool in_time, struct result *ret_result)
{
    struct checkpoint_file file;
    struct err err = {0};
    int64_t began_ns = now_ns(CLOCK_MONOTONIC);
    int status = checkpoint_file_begin(&file, &state->dir, &err);
    if (status == 0) {
        struct timed_drain timed = {file.out.drain, file.out.context};
        if (in_time) {
            file.out.drain = drain_in_time;
            file.out.context = &timed;
        }
        (void)live_kept_put(state->control, state->redis, &state->name, state->moment_ns,
                            &file.out); /* a failure sticks */
        if (in_time)
            (void)alarm(SYNC_S);
        file.out.drain = timed.drain;
        file.out.context = timed.context;
        status = checkpoint_file_commit(&file, &err);
    }
    ret_result->written = status == 0;
    ret_result->bytes = file.length;
    ret_result->took_ns = now_ns(CLOCK_MONOTONIC) - began_ns;
    err_format(&err, ret_result->text, sizeof ret_result->text);
}

/* Nothing of the parent's stays open but the lock: sockets would go on to receive, and ports
 * to be taken, if it were killed. */
static void close_others(const struct live_keeper *state, int result_fd)
{
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = FIRST_FD; fd < most && fd < 65536; fd++)
        if (fd != state->dir.fd && fd != state->dir.lock_fd && fd != result_fd)
            (void)close(fd); /* most are not open */
}

static _Noreturn void be_child(struct live_keeper *state, pid_t parent, int result_fd)
{
    struct result result = {0};
    /* Without its parent, what it writes would come too late. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_FAILED);
    close_others(state, result_fd);
    sigset_t alarms;
    (void)sigemptyset(&alarms); /* none of these can fail on such numbers */
    (void)sigaddset(&alarms, SIGALRM);
    (void)signal(SIGALRM, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    (void)alarm(WRITE_S);
    write_file(state, true, &result);
    ssize_t said = write(result_fd, &result, sizeof result);
    _exit(said == sizeof result ? EXIT_DONE : EXIT_FAILED);
}

static void note_result(struct live_keeper *state, const struct result *result)
{
    struct live_keeper_status *status = &state->status;
    int64_t share_ns = SHARE * result->took_ns;
    bool failed = status->text[0];
    state->due_ns = state->begun_ns + (share_ns > state->every_ns ? share_ns : state->every_ns);
    status->took_us = (uint64_t)result->took_ns / 1000;
    if (result->written) {
        status->checkpoints++;
        status->bytes = result->bytes;
        status->written_ns = state->moment_ns;
        status->text[0] = '\0';
        if (failed)
            message_note("the state is written again");
    } else {
        status->failures++;
        memcpy(status->text, result->text, sizeof status->text);
        if (!failed)
            message_warning("the state is not written, and the sensor goes on without: %s",
                            status->text);
    }
    live_redis_release(state->redis, state->closed_until_s);
}

static void begin(struct live_keeper *state)
{
    struct live_workers *workers = state->control->workers;
    struct result failure = {0};
    int fds[2];
    state->begun_ns = now_ns(CLOCK_MONOTONIC);
    if (pipe2(fds, O_CLOEXEC) != 0) {
        (void)snprintf(failure.text, sizeof failure.text, "%s", strerror(errno));
        note_result(state, &failure);
        return;
    }
    pid_t parent = getpid();
    live_workers_hold(workers);
    int64_t held_ns = now_ns(CLOCK_MONOTONIC);
    state->moment_ns = now_ns(CLOCK_REALTIME);
    state->closed_until_s = collector_closed_until(state->control->collector);
    pid_t child = fork();
    if (child == 0)
        be_child(state, parent, fds[1]);
    live_workers_release(workers);
    int why = errno;
    state->status.held_us = (uint64_t)(now_ns(CLOCK_MONOTONIC) - held_ns) / 1000;
    (void)close(fds[1]); /* only the child writes */
    if (child > 0) {
        state->child = child;
        state->result_fd = fds[0];
        return;
    }
    (void)close(fds[0]); /* nothing was said */
    (void)snprintf(failure.text, sizeof failure.text, "no process can be made: %s",
                   strerror(why));
    note_result(state, &failure);
}

/* Looks for the end of the child; with `wait`, it is ended. */
static void reap(struct live_keeper *state, bool kill_it)
{
    struct result result = {0};
    int how;
    if (kill_it)
        (void)kill(state->child, SIGKILL); /* or it is over */
    pid_t pid = waitpid(state->child, &how, kill_it ? 0 : WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    bool said = read(state->result_fd, &result, sizeof result) == sizeof result;
    if (!said) {
        result = (struct result){0};
        bool signalled = pid > 0 && WIFSIGNALED(how);
        (void)snprintf(result.text, sizeof result.text, "whoever writes it %s",
                       signalled && WTERMSIG(how) == SIGALRM ? "came no further"
                       : signalled                           ? "was ended by a signal"
                                                             : "was ended");
    }
    result.text[sizeof result.text - 1] = '\0';
    (void)close(state->result_fd);
    state->child = 0;
    if (said || !kill_it)
        note_result(state, &result);
}

/* At the end of a minute where that is near: what closes waits for the next one. */
static bool is_due(const struct live_keeper *state, int64_t now)
{
    int64_t every_ns = state->due_ns - state->begun_ns;
    if (now >= state->due_ns + every_ns / SLACK)
        return true;
    return now >= state->due_ns - every_ns / SLACK &&
           collector_closed_until(state->control->collector) > state->closed_until_s;
}

void live_keeper_tick(struct live_keeper *state)
{
    if (!state->status.kept)
        return;
    if (state->child)
        reap(state, false);
    int64_t now = now_ns(CLOCK_MONOTONIC);
    /* What was handed over last is in this checkpoint's predecessor until it is in the spool.
     */
    bool settled =
        live_redis_settled(state->redis) || now > state->due_ns + PATIENCE_S * SECOND_NS;
    if (!state->child && is_due(state, now) && settled)
        begin(state);
}

int live_keeper_end(struct live_keeper *state, struct err *err)
{
    struct result result = {0};
    if (!state->status.kept)
        return 0;
    if (state->child)
        reap(state, true);
    state->begun_ns = now_ns(CLOCK_MONOTONIC);
    state->moment_ns = now_ns(CLOCK_REALTIME);
    state->closed_until_s = collector_closed_until(state->control->collector);
    write_file(state, false, &result);
    live_kept_put_back(state->control, state->redis);
    note_result(state, &result);
    if (result.written)
        return 0;
    return err_set(err, state->dir.path, 0, 0,
                   "the last state is not written, and what came after the one before is lost "
                   "to the next run: %s",
                   state->status.text);
}

static int take_up(struct live_keeper *state, struct err *err)
{
    struct checkpoint_content content;
    struct checkpoint_gone gone;
    int status = checkpoint_file_read(&state->dir, &content, err);
    if (status != 0)
        return status > 0 ? EXIT_DONE : EXIT_BAD_CONFIG;
    status = live_kept_take(state->control, state->redis, &state->name, &content.in,
                            &state->status.written_ns, &gone, err);
    checkpoint_content_fini(&content);
    if (status == EXIT_DONE)
        checkpoint_file_warn(&state->dir, &gone);
    if (status != EXIT_DONE) {
        struct err why = *err;
        (void)err_set(err, state->dir.path, 0, 0, "its checkpoint %s", why.text);
    }
    return status;
}

int live_keeper_open(struct live_keeper *state, const struct setup *setup, struct err *err)
{
    const char *folder = setup_text(setup, OPTION_state);
    const char *sensor = setup_text(setup, OPTION_live_sensor);
    if (!folder)
        return EXIT_DONE;
    int n = snprintf(state->spool, sizeof state->spool, "%s/spool", folder);
    if (n < 0 || (size_t)n >= sizeof state->spool) {
        (void)err_set(err, "--state", 0, 0, "the path is too long");
        return EXIT_USAGE;
    }
    int status = state_dir_open(&state->dir, folder, err);
    if (status != EXIT_DONE)
        return status;
    state->status.kept = true;
    state->every_ns = (int64_t)setup->options.value[OPTION_checkpoint].number * SECOND_NS;
    state->name = (struct live_kept_name){
        .sensor = sensor ? sensor : "live",
        .has_dark = setup->dark,
        .dark = setup->dark ? prefix_set_hash(setup->dark) : 0,
    };
    return EXIT_DONE;
}

int live_keeper_load(struct live_keeper *state, struct live_control *control,
                     struct live_redis *redis, struct err *err)
{
    state->control = control;
    state->redis = redis;
    return state->status.kept ? take_up(state, err) : EXIT_DONE;
}

void live_keeper_start(struct live_keeper *state)
{
    if (!state->status.kept && !state->control->quiet)
        message_note("nothing is kept on disk: without --state DIR a restart begins anew");
    if (!state->status.kept)
        return;
    int64_t taken_ns = state->status.written_ns, lost_ns = now_ns(CLOCK_REALTIME) - taken_ns;
    state->begun_ns = now_ns(CLOCK_MONOTONIC);
    state->due_ns = state->begun_ns + state->every_ns;
    if (!taken_ns)
        return;
    time_t at = (time_t)(taken_ns / SECOND_NS);
    char text[32] = "";
    struct tm utc;
    if (gmtime_r(&at, &utc))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    state->status.lost_s = lost_ns > 0 ? (lost_ns + SECOND_NS - 1) / SECOND_NS : 0;
    message_note("state of %s taken up; %lld s were not captured", text,
                 (long long)state->status.lost_s);
}

void live_keeper_fini(struct live_keeper *state)
{
    if (state->child) {
        (void)kill(state->child, SIGKILL); /* or it is over */
        (void)waitpid(state->child, NULL, 0);
        (void)close(state->result_fd);
    }
    if (state->status.kept)
        state_dir_close(&state->dir);
}
