/* nightscope report: what a sensor, or all of them, published to Redis, as a report. */
#include "app/commands.h"
#include "app/message.h"
#include "app/output.h"
#include "app/redis_setup.h"
#include "app/report_fetch.h"

static int run(struct setup *setup, const struct redis_setup *redis_setup, struct err *err)
{
    const union option_value *value = setup->options.value;
    struct redis *redis = redis_new(&redis_setup->config);
    if (!redis) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return EXIT_FAILED;
    }
    struct report_fetch fetch;
    int status = report_fetch_init(&fetch, redis, value[OPTION_sensors].text, err);
    if (status == EXIT_DONE) {
        size_t top = value[OPTION_rows].number;
        sink_cut(fetch.report, top);
        bool as_published = fetch.n == 1 && top == 0;
        int written = as_published
                          ? output_report_as(setup, fetch.report, &fetch.files,
                                             fetch.sensors[0].text, fetch.sensors[0].len, err)
                          : output_report(setup, fetch.report, &fetch.files, err);
        status = written == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    report_fetch_fini(&fetch);
    redis_free(redis);
    return status;
}

static int check_usage(const struct setup *setup, struct err *err)
{
    if (setup->options.files_n > 0)
        return err_set(err, setup->options.files[0], 0, 0,
                       "this command reads no files, but a Redis server: --redis URL");
    if (!setup_text(setup, OPTION_redis))
        return err_set(err, NULL, 0, 0,
                       "no server given: nightscope report --redis URL [--sensor NAME]...");
    return 0;
}

int command_report(int argc, char **argv)
{
    struct setup setup = {0};
    struct redis_setup redis;
    struct err err = {0};
    int status = setup_parse(&setup, argc, argv, &err);
    if (status == EXIT_DONE && setup_wants_help(&setup)) {
        (void)printf("Usage: nightscope report --redis URL [OPTION]...\n\n"
                     "Prints the report that `nightscope replay --redis` or `live --redis` has "
                     "published, or those of\nseveral sensors as one.\n\n");
        options_help(argv[0], stdout);
        setup_fini(&setup);
        return EXIT_DONE;
    }
    if (status == EXIT_DONE && check_usage(&setup, &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE)
        status = setup_colour(&setup, &err);
    if (status == EXIT_DONE)
        status = redis_setup_init(&setup, &redis, &err);
    if (status == EXIT_DONE)
        status = run(&setup, &redis, &err);
    if (status != EXIT_DONE)
        status = setup_tell(&setup, &err, status);
    setup_fini(&setup);
    return status;
}
