#include "app/html_page.h"

#include "serve/asset.h"
#include "sink/service.h"
#include "state/feed.h"
#include "state/labelled.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCES_MAX = 2000, PACKETS_MAX = 3000 };

static const char *const PROTOCOL_NAMES[] = {
#define X(id, name) #name,
    PROTOCOLS(X)
#undef X
};
static const char *const CLASS_NAMES[] = {
#define X(id, name) #name,
    CLASSES(X)
#undef X
};

FILE *html_page_open(const char *path, struct err *err)
{
    if (!asset_find("=before")) {
        (void)err_set(
            err, "--html", 0, 0,
            "this program was built without its page: sh contrib/dashboard/fetch, then "
            "build again");
        return NULL;
    }
    FILE *out = fopen(path, "we");
    if (!out)
        (void)err_set(err, path, 0, 0, "cannot write the page: %s", strerror(errno));
    return out;
}

static bool is_dark(const struct html_input *input, const struct address *address)
{
    return input->dark && prefix_set_has(input->dark, address);
}

/* Rows about sources that must not be shown go. */
static void withhold(const struct html_input *input, json_t *holder)
{
    json_t *rows = json_object_get(holder, "top_sources");
    for (size_t i = json_array_size(rows); i-- > 0;) {
        struct address address;
        const char *ip = json_string_value(json_object_get(json_array_get(rows, i), "ip"));
        if (!ip || address_parse(ip, &address) != 0 || is_dark(input, &address))
            (void)json_array_remove(rows, i); /* i is one of them */
    }
}

/* The report as its JSON has it, but for the names of the files. */
static json_t *make_report(const struct html_input *input)
{
    char *text = NULL;
    size_t n = 0;
    static const struct sink_files NO_FILES;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        return NULL;
    int status = sink_json(out, input->report, &NO_FILES, NULL);
    json_t *report = NULL;
    if (fclose(out) == 0 && status == 0)
        report = json_loadb(text, n, 0, NULL);
    free(text);
    if (report) {
        withhold(input, report);
        withhold(input, json_object_get(report, "iot"));
        withhold(input, json_object_get(report, "backscatter"));
    }
    return report;
}

static void set_text(json_t *object, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void set_text(json_t *object, const char *key, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)json_object_set_new(object, key, json_string(text)); /* without memory: left out */
}

static json_t *make_packet(const struct html_input *input, const struct feed_packet *packet)
{
    char address[ADDRESS_TEXT_CAP];
    const struct locator *locator = input->locator;
    struct place place = {0};
    float latitude, longitude;
    if (locator)
        place = locator->locate(locator->context, &packet->source);
    json_t *object = json_object();
    set_text(object, "time", "%lld.%06u", (long long)(packet->ts_ns / 1000000000),
             (unsigned)(packet->ts_ns % 1000000000 / 1000));
    set_text(object, "src", "%s", address_format(&packet->source, address));
    set_text(object, "cc", "%s", place.cc[0] ? place.cc : "??");
    set_text(object, "asn", "%u", place.asn);
    if (locator && locator->position &&
        locator->position(locator->context, &packet->source, &latitude, &longitude)) {
        set_text(object, "lat", "%.4f", (double)latitude);
        set_text(object, "lon", "%.4f", (double)longitude);
    }
    set_text(object, "proto", "%s", PROTOCOL_NAMES[packet->protocol]);
    if (packet->has_port)
        set_text(object, "dport", "%u", packet->dport);
    set_text(object, "class", "%s", CLASS_NAMES[packet->class]);
    set_text(object, "label", "%s", packet->label ? packet->label : "");
    (void)json_object_set_new(object, "iot", json_boolean(packet->iot));
    return object;
}

static json_t *make_feed(const struct html_input *input)
{
    size_t n;
    const struct feed_packet *packets = analysis_feed(input->analysis, &n);
    json_t *list = json_array();
    for (size_t i = n > PACKETS_MAX ? n - PACKETS_MAX : 0; i < n; i++)
        if (!is_dark(input, &packets[i].source))
            (void)json_array_append_new(list, make_packet(input, &packets[i]));
    return list;
}

static void append_text(json_t *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append_text(json_t *list, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0 && text[0] > '9')
            return; /* a label that several signatures share */
    (void)json_array_append_new(list, json_string(text));
}

static void set_evidence(const struct html_input *input, const struct labelled_source *source,
                         json_t *object)
{
    static const char *const LISTS[] = {"labels", "signatures", "n", "k", "probability"};
    json_t *lists[5];
    for (unsigned i = 0; i < 5; i++)
        (void)json_object_set_new(object, LISTS[i], lists[i] = json_array());
    for (unsigned i = 0; i < source->signatures_n; i++) {
        const struct source_evidence *evidence = &source->signatures[i];
        const struct signature *signature =
            signature_at(input->signatures, evidence->signature);
        append_text(lists[0], "%s", signature->label);
        append_text(lists[1], "%s", signature->name);
        append_text(lists[2], "%llu", (unsigned long long)evidence->candidates);
        append_text(lists[3], "%llu", (unsigned long long)evidence->hits);
        append_text(lists[4], "%.3g", evidence->probability);
    }
}

static json_t *make_source(const struct html_input *input, const struct labelled_source *source)
{
    char address[ADDRESS_TEXT_CAP];
    json_t *object = json_object(), *ports = json_array();
    set_text(object, "ip", "%s", address_format(&source->source, address));
    set_evidence(input, source, object);
    for (unsigned i = 0; i < source->ports_n; i++) {
        unsigned protocol = source->ports[i] >> 16;
        append_text(ports, "%u/%s", source->ports[i] & 0xffff,
                    protocol == 6    ? "tcp"
                    : protocol == 17 ? "udp"
                                     : "other");
    }
    (void)json_object_set_new(object, "ports", ports);
    (void)json_object_set_new(object, "ports_more", json_boolean(source->ports_more));
    (void)json_object_set_new(object, "packets", json_integer((json_int_t)source->packets));
    (void)json_object_set_new(object, "first", json_integer(source->first_s));
    (void)json_object_set_new(object, "last", json_integer(source->last_s));
    (void)json_object_set_new(object, "iot", json_boolean(source->iot));
    (void)json_object_set_new(object, "asn", json_integer(source->place.asn));
    set_text(object, "cc", "%s", source->place.cc[0] ? source->place.cc : "??");
    return object;
}

static json_t *make_sources(const struct html_input *input)
{
    struct labelled_list labelled;
    json_t *list = json_array();
    if (labelled_collect(input->analysis, SOURCES_MAX, &labelled) != 0)
        return list;
    for (size_t i = 0; i < labelled.n; i++)
        if (!is_dark(input, &labelled.rows[i].source))
            (void)json_array_append_new(list, make_source(input, &labelled.rows[i]));
    free(labelled.rows);
    return list;
}

/* Names of the services behind the ports of a table. */
static void add_services(json_t *services, const json_t *table)
{
    for (size_t i = 0; i < json_array_size(table); i++) {
        const json_t *row = json_array_get(table, i);
        const char *proto = json_string_value(json_object_get(row, "proto"));
        json_int_t port = json_integer_value(json_object_get(row, "port"));
        bool tcp = proto && strcmp(proto, "tcp") == 0;
        if (!proto || (!tcp && strcmp(proto, "udp") != 0) || port < 0 || port > UINT16_MAX)
            continue;
        const char *name = service_name(tcp ? PROTOCOL_TCP : PROTOCOL_UDP, (uint16_t)port);
        char key[24];
        (void)snprintf(key, sizeof key, "%s:%d", proto, (int)port);
        if (name[0])
            (void)json_object_set_new(services, key, json_string(name));
    }
}

static json_t *make_iot_labels(const struct signature_set *signatures)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < signature_count(signatures); i++)
        if (signature_at(signatures, i)->origin == ORIGIN_IOT)
            append_text(list, "%s", signature_at(signatures, i)->label);
    return list;
}

/* Inside a script element: no '<' may stand for itself. In JSON it is always in a string. */
static int put_data(const char *bytes, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++)
        if ((bytes[i] == '<' ? fputs("\\u003c", out) : fputc(bytes[i], out)) == EOF)
            return -1;
    return 0;
}

static bool put_asset(const char *name, FILE *out)
{
    const struct asset *asset = asset_find(name);
    return asset && fwrite(asset->bytes, 1, asset->n, out) == asset->n;
}

int html_page_write(FILE *out, const char *path, const struct html_input *input,
                    struct err *err)
{
    json_t *data = json_object(), *report = make_report(input), *services = json_object();
    add_services(services, json_object_get(report, "ports"));
    add_services(services, json_object_get(json_object_get(report, "iot"), "ports"));
    bool good =
        data && json_object_set_new(data, "report", report) == 0 &&
        json_object_set_new(data, "services", services) == 0 &&
        json_object_set_new(data, "iot_labels", make_iot_labels(input->signatures)) == 0 &&
        json_object_set_new(data, "feed", make_feed(input)) == 0 &&
        json_object_set_new(data, "sources", make_sources(input)) == 0;
    errno = 0;
    if (good)
        good = put_asset("=before", out) &&
               json_dump_callback(data, put_data, out, JSON_COMPACT) == 0 &&
               put_asset("=after", out);
    json_decref(data);
    good &= fclose(out) == 0;
    if (good)
        return 0;
    return err_set(err, path, 0, 0, "cannot write the page: %s",
                   errno ? strerror(errno) : "out of memory");
}
