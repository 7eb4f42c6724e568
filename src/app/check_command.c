/* nightscope check: are the signatures, databases and prefixes right, and what do they cost? */
#include "app/commands.h"
#include "app/lines.h"
#include "app/message.h"
#include "app/metrics_server.h"
#include "app/redis_setup.h"
#include "app/setup.h"
#include "app/token.h"
#include "redis/tls.h"
#include "sink/json_out.h"

#include <nightscope/live.h>
#include <nightscope/serve.h>
#include <stdlib.h>
#include <string.h>

static const char *const KINDS[CANDIDATE_COUNT_] = {"syn",  "tcp",  "udp",
                                                    "icmp", "sctp", "other"};

static void candidates_text(const struct signature *signature, char buf[static 64])
{
    buf[0] = '\0';
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++) {
        if (!(signature->candidates & 1U << kind))
            continue;
        if (buf[0])
            strcat(buf, " "); /* six short words fit */
        strcat(buf, KINDS[kind]);
    }
}

static const char *relation_text(const struct signature *signature)
{
    switch (signature->relation) {
    case RELATION_NONE:
        return signature->thresholds_n > 0 ? "thresholds" : "";
    case RELATION_CONSTANT:
        return "constant";
    case RELATION_INCREASING:
        return "increasing";
    }
    return "";
}

static void print_json(const struct setup *setup)
{
    const struct signature_set *set = setup->signatures;
    struct json_out json;
    json_out_init(&json, stdout);
    json_out_open(&json, '{');
    json_out_key(&json, "schema");
    json_out_text(&json, "nightscope.check/1");
    json_out_key(&json, "folder");
    json_out_text(&json, setup->signatures_path);
    json_out_key(&json, "signatures");
    json_out_open(&json, '[');
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        char kinds[64];
        candidates_text(signature, kinds);
        const struct {
            const char *key, *value;
        } FIELDS[] = {{"name", signature->name},
                      {"label", signature->label},
                      {"title", signature->title},
                      {"origin", origin_name(signature->origin)},
                      {"relation", relation_text(signature)},
                      {"candidates", kinds},
                      {"file", signature->file}};
        json_out_open(&json, '{');
        for (unsigned f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++) {
            json_out_key(&json, FIELDS[f].key);
            json_out_text(&json, FIELDS[f].value);
        }
        json_out_key(&json, "line");
        json_out_number(&json, signature->line);
        json_out_key(&json, "cost_ps"); /* whole picoseconds: numbers here have no fraction */
        json_out_number(&json, (uint64_t)(signature_cost_ns(set, i) * 1000));
        json_out_close(&json, '}');
    }
    json_out_close(&json, ']');
    json_out_close(&json, '}');
    (void)json_out_finish(&json); /* the caller looks at the stream */
}

static void print_page(const struct setup *setup)
{
    const struct signature_set *set = setup->signatures;
    double total_ns = 0;
    (void)printf("%-26s %-18s %-13s %9s %-10s %9s\n", "Signature", "label", "origin", "chance",
                 "relation", "ns/packet");
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        double cost_ns = signature_cost_ns(set, i);
        total_ns += cost_ns;
        char chance[16] = "";
        if (signature->thresholds_n == 0)
            (void)snprintf(chance, sizeof chance, "%.1e", signature->chance);
        (void)printf("%-26s %-18s %-13s %9s %-10s %9.2f\n", signature->name, signature->label,
                     origin_name(signature->origin), chance, relation_text(signature), cost_ns);
    }
    if (signature_count(set) == 1)
        (void)printf("\n1 signature in %s is right. Its cost is an estimate.\n",
                     setup->signatures_path);
    else
        (void)printf(
            "\n%u signatures in %s are right. Each cost is an estimate for the signature "
            "alone; together\nthey share what they have in common and cost less than the sum "
            "of "
            "%.0f ns.\n",
            signature_count(set), setup->signatures_path, total_ns);
    if (!setup->dark)
        (void)printf("Signatures with thresholds are off without --dark.\n");
}

/* Where sensors and pages would be served, and what clients would have to send. */
static int check_served(const struct setup *setup, struct err *err)
{
    const char *metrics = setup_text(setup, OPTION_metrics);
    const char *listen = setup_text(setup, OPTION_listen);
    const char *path = setup_text(setup, OPTION_token_file);
    struct token token;
    bool loopback;
    if ((metrics && metrics_server_check(metrics, err) != 0) ||
        (listen && serve_is_loopback(listen, &loopback, err) != 0))
        return EXIT_USAGE;
    return path && token_read(&token, path, err) != 0 ? EXIT_BAD_CONFIG : EXIT_DONE;
}

/* What a configuration file may say that check has no option for. */
static int check_rest(const struct setup *setup)
{
    struct err err = {0};
    struct redis_setup redis;
    const char *sensor = setup_text(setup, OPTION_sensor);
    int status = redis_setup_init(setup, &redis, &err);
    if (status == EXIT_DONE && sensor &&
        redis_setup_check_sensor(sensor, strlen(sensor), &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE && redis.wanted && redis.config.tls &&
        tls_check(setup_text(setup, OPTION_redis), &err) != REDIS_DONE)
        status = EXIT_BAD_CONFIG;
    if (status == EXIT_DONE)
        status = check_served(setup, &err);
    if (status == EXIT_DONE)
        status = lines_check(setup, &err);
    const char *filter = setup_text(setup, OPTION_filter);
    if (status == EXIT_DONE && filter && live_check_filter(filter, &err) != 0)
        status = EXIT_USAGE;
    return status == EXIT_DONE ? status : setup_tell(setup, &err, status);
}

int command_check(int argc, char **argv)
{
    struct setup setup;
    struct err err = {0};
    int status = setup_init(&setup, argc, argv);
    if (status != EXIT_DONE) {
        /* setup_init() has said why */
    } else if (setup_wants_help(&setup)) {
        (void)printf("Usage: nightscope check [OPTION]...\n\n"
                     "Says whether the signatures, and what other options name, are right, and "
                     "what each signature costs.\n\n");
        options_help(argv[0], stdout);
    } else if (setup.options.files_n > 0) {
        (void)err_set(&err, setup.options.files[0], 0, 0,
                      "check takes no file; --signatures names a folder or a *.sig file");
        message_error(&err);
        status = EXIT_USAGE;
    } else if ((status = check_rest(&setup)) != EXIT_DONE) {
        /* check_rest() has said why */
    } else if (setup.options.value[OPTION_json].given) {
        print_json(&setup);
    } else {
        print_page(&setup);
    }
    if (status == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout))) {
        (void)err_set(&err, "standard output", 0, 0, "cannot write");
        message_error(&err);
        status = EXIT_FAILED;
    }
    setup_fini(&setup);
    return status;
}
