/* nightscope serve: the dashboard and its API, over what sensors published to Redis. */
#include "app/commands.h"
#include "app/message.h"
#include "app/redis_setup.h"
#include "app/token.h"

#include <nightscope/serve.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* it is always there */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(const char *text)
{
    message_warning("%s", text);
}

static void tell_nobody(const char *text)
{
    (void)text;
}

static int check_usage(const struct setup *setup, struct err *err)
{
    if (setup->options.files_n > 0)
        return err_set(err, setup->options.files[0], 0, 0,
                       "this command reads no files, but a Redis server: --redis URL");
    if (!setup_text(setup, OPTION_redis))
        return err_set(err, NULL, 0, 0,
                       "no server given: nightscope serve --redis URL [--listen ADDRESS:PORT]");
    return 0;
}

/* What leaves this machine needs somebody who decides who may see it. */
static int check_listen(const struct setup *setup, const char *listen, struct err *err)
{
    bool loopback;
    if (serve_is_loopback(listen, &loopback, err) != 0)
        return EXIT_USAGE;
    if (loopback || setup_text(setup, OPTION_token_file) ||
        setup->options.value[OPTION_behind_proxy].given)
        return EXIT_DONE;
    (void)err_set(err, "--listen", 0, 0,
                  "%s can be reached from other machines: give --token-file FILE, or "
                  "--behind-proxy when a proxy asks who comes",
                  listen);
    return EXIT_USAGE;
}

static int run(const struct serve_config *config, bool quiet, struct err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals); /* none of these can fail */
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    struct serve *serve = serve_start(config, err);
    if (!serve)
        return EXIT_FAILED;
    if (!quiet && !serve_has_page())
        message_warning(
            "built without the page: only the API is here (sh contrib/dashboard/fetch)");
    serve_try_redis(serve);
    if (!quiet)
        (void)fprintf(stderr, "nightscope: serving %s\n", serve_url(serve));
    int got;
    (void)sigwait(&signals, &got);
    serve_stop(serve);
    return EXIT_DONE;
}

static int configure_and_run(struct setup *setup, struct err *err)
{
    const union option_value *value = setup->options.value;
    struct redis_setup redis;
    struct token token = {0};
    const char *listen = setup_text(setup, OPTION_listen);
    const char *dark = setup_text(setup, OPTION_dark);
    if (!listen)
        listen = "127.0.0.1:8080";
    int status = check_listen(setup, listen, err);
    if (status == EXIT_DONE)
        status = redis_setup_init(setup, &redis, err);
    if (status == EXIT_DONE && setup_text(setup, OPTION_token_file) &&
        token_read(&token, setup_text(setup, OPTION_token_file), err) != 0)
        status = EXIT_BAD_CONFIG;
    if (status == EXIT_DONE && dark) {
        setup->dark = prefix_set_parse(dark, "--dark", err);
        if (!setup->dark)
            status = strcmp(err->origin, "--dark") == 0 ? EXIT_USAGE : EXIT_BAD_CONFIG;
    }
    if (status != EXIT_DONE)
        return status;
    struct serve_config config = {
        .redis = redis.config,
        .listen = listen,
        .token = token.text[0] ? token.text : NULL,
        .behind_proxy = value[OPTION_behind_proxy].given,
        .dark = setup_withheld(setup),
        .now_ms = now_ms,
        .tell = value[OPTION_quiet].given ? tell_nobody : tell,
    };
    return run(&config, value[OPTION_quiet].given, err);
}

int command_serve(int argc, char **argv)
{
    struct setup setup = {0};
    struct err err = {0};
    int status = setup_parse(&setup, argc, argv, &err);
    if (status == EXIT_DONE && setup_wants_help(&setup)) {
        (void)printf(
            "Usage: nightscope serve --redis URL [OPTION]...\n\n"
            "Serves what sensors have published to Redis: a page for browsers, with all "
            "scans beside\nIoT scans, and a read-only JSON API (/api/v1/...). Until "
            "interrupted.\n\n");
        options_help(argv[0], stdout);
        setup_fini(&setup);
        return EXIT_DONE;
    }
    if (status == EXIT_DONE && check_usage(&setup, &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE)
        status = configure_and_run(&setup, &err);
    if (status != EXIT_DONE)
        status = setup_tell(&setup, &err, status);
    setup_fini(&setup);
    return status;
}
