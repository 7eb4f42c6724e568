/* Publishes a sample and says on standard output how that went, as JSON:
 *
 *   publish_sample URL SENSOR INCARNATION [seed=N] [minutes=N] ... [truth=1]
 *
 * withheld=1: sources of some prefixes are not to be shown. tries=N: as often, while the server
 * is away, as a replay does. INCARNATION may be clock:N, for a writer that starts N ms after
 * 1970 by its clock.
 */
#include "sample.h"
#include "sink/json_out.h"

#include <string.h>
#include <time.h>

static const char WITHHELD[] =
    "0.8.0.0/13,5.0.64.0/18,5.1.0.0/17,64.0.0.0/2,!80.0.0.0/5,2001:db8::/106";

static const char *const STATUS_NAMES[] = {
    [REDIS_DONE] = "done",     [REDIS_LOST] = "lost",       [REDIS_BUSY] = "busy",
    [REDIS_DENIED] = "denied", [REDIS_ABORTED] = "aborted", [REDIS_WRONG] = "wrong",
};

struct option {
    const char *name;
    uint64_t *value;
};

static int set_option(const struct option *options, const char *text)
{
    const char *equals = strchr(text, '=');
    for (; equals && options->name; options++)
        if (strlen(options->name) == (size_t)(equals - text) &&
            memcmp(options->name, text, (size_t)(equals - text)) == 0) {
            *options->value = strtoull(equals + 1, NULL, 0);
            return 0;
        }
    (void)fprintf(stderr, "no such option: %s\n", text);
    return -1;
}

/* REDISCLI_AUTH-like: user and password from the environment, for the test of access rules. */
static struct redis *connect_to(const char *url)
{
    struct redis_config config;
    struct err err = {0};
    if (redis_url_parse(url, &config, &err) != 0 ||
        redis_credentials(&config, NULL, getenv("NIGHTSCOPE_REDIS_USER"),
                          getenv("NIGHTSCOPE_REDIS_PASSWORD"), &err) != 0) {
        (void)fprintf(stderr, "%s: %s\n", url, err.text);
        return NULL;
    }
    return redis_new(&config);
}

/* How often the publication asked whether to go on, and how often the answer is yes. */
struct patience {
    uint64_t asked, yes;
};

static bool go_on(void *context)
{
    struct patience *patience = context;
    return patience->asked++ < patience->yes;
}

static enum redis_status publish(struct redis *redis, const struct publication *publication,
                                 uint64_t tries, struct err *err)
{
    enum { PAUSE_NS = 5000000 };
    for (;;) {
        enum redis_status status = redis_publish(redis, publication, err);
        if (--tries == 0 || (status != REDIS_LOST && status != REDIS_BUSY))
            return status;
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL); /* or a little less */
    }
}

int main(int argc, char **argv)
{
    struct sample_options options = {.seed = 1, .start_s = 1795305600};
    uint64_t truth = 0, tries = 1, withheld = 0;
    struct patience patience = {.yes = UINT64_MAX};
    const struct option table[] = {
        {"seed", &options.seed},
        {"start", &options.start_s},
        {"minutes", &options.minutes},
        {"hours", &options.hours},
        {"days", &options.days},
        {"rows", &options.rows},
        {"labelled", &options.labelled},
        {"feed", &options.feed},
        {"truth", &truth},
        {"tries", &tries},
        {"withheld", &withheld},
        {"yes", &patience.yes},
        {NULL, NULL},
    };
    if (argc < 4)
        return 2;
    for (int i = 4; i < argc; i++)
        if (set_option(table, argv[i]) != 0)
            return 2;
    struct redis *redis = connect_to(argv[1]);
    if (!redis)
        return 1;
    struct sample sample;
    sample_init(&sample, &options);
    sample.publication.sensor = argv[2];
    sample.publication.incarnation = argv[3];
    sample.publication.go_on = go_on;
    sample.publication.context = &patience;
    sample.withheld = withheld ? WITHHELD : "";
    struct prefix_set *dark = withheld ? prefix_set_parse(WITHHELD, "withheld", NULL) : NULL;
    sample.publication.withheld = dark;
    struct err err = {0};
    char named[INCARNATION_CAP];
    if (strncmp(argv[3], "clock:", 6) == 0) {
        enum redis_status named_status = REDIS_LOST;
        for (uint64_t i = 0; i < tries && named_status == REDIS_LOST; i++)
            named_status = redis_incarnation(redis, argv[2], strtoll(argv[3] + 6, NULL, 10),
                                             options.seed, named, &err);
        sample.publication.incarnation = named;
    }
    enum redis_status status = publish(redis, &sample.publication, tries, &err);
    redis_free(redis);
    struct json_out json;
    json_out_init(&json, stdout);
    json_out_open(&json, '{');
    json_out_key(&json, "status");
    json_out_text(&json, STATUS_NAMES[status]);
    char message[ERR_ORIGIN_CAP + ERR_TEXT_CAP];
    err_format(&err, message, sizeof message);
    json_out_key(&json, "error");
    json_out_text(&json, message);
    json_out_key(&json, "asked");
    json_out_number(&json, patience.asked);
    if (truth) {
        json_out_key(&json, "truth");
        sample_truth(&json, &sample);
    }
    json_out_close(&json, '}');
    sample_fini(&sample);
    prefix_set_free(dark);
    return json_out_finish(&json) == 0 ? 0 : 1;
}
