/* Scan events as lines. The first fields are named as in Merit's darknet events, so that what
 * reads those reads these; what follows is ours. contrib/doc/events.md says what each means.
 *
 * No field tells a destination, nor anything a destination could be computed from: sequence
 * numbers and identifiers of scanners are made of them, so they are in no sample. */
#include <nightscope/lines.h>

#include "sink/calendar.h"
#include "sink/csv_out.h"
#include "sink/json_out.h"
#include "sink/record.h"

#include <string.h>

static const char *class_name(const struct event *event)
{
    static const char *const NAMES[CLASS_COUNT_] = {
#define X(id, name) #name,
        CLASSES(X)
#undef X
    };
    return NAMES[event->class];
}

static const char *end_name(const struct event *event)
{
    static const char *const NAMES[] = {
        [EVENT_IDLE] = "idle", [EVENT_EVICTED] = "evicted", [EVENT_RUN] = "run"};
    return NAMES[event->end];
}

static const char *label_name(const struct event_label *label, const struct event_names *names)
{
    return label->label < names->labels_n ? names->labels[label->label] : "";
}

static bool has_label(const struct event *event, const struct event_names *names,
                      const char *name)
{
    for (unsigned i = 0; i < event->labels_n; i++)
        if (event->labels[i].labelled &&
            strcmp(label_name(&event->labels[i], names), name) == 0)
            return true;
    return false;
}

/* What both forms need: text made once. */
struct texts {
    char source[ADDRESS_TEXT_CAP], traffic[32];
    char first[CALENDAR_CAP], last[CALENDAR_CAP];
    char city[96], org[96];
    struct place place;
};

static void fill(struct texts *texts, const struct event *event,
                 const struct event_names *names)
{
    const struct locator *locator = names->locator;
    *texts = (struct texts){0};
    (void)address_format(&event->source, texts->source);
    (void)snprintf(texts->traffic, sizeof texts->traffic, "%s %s",
                   record_protocol(event->protocol), class_name(event));
    (void)calendar_format_us(event->first_ns, texts->first);
    (void)calendar_format_us(event->last_ns, texts->last);
    if (!locator)
        return;
    texts->place = locator->locate(locator->context, &event->source);
    if (texts->place.asn)
        locator->as_name(locator->context, &event->source, texts->org, sizeof texts->org);
    if (locator->city)
        locator->city(locator->context, &event->source, texts->city, sizeof texts->city);
}

static void json_text_or_null(struct json_out *json, const char *key, const char *text)
{
    json_out_key(json, key);
    if (text[0])
        json_out_text(json, text);
    else
        json_out_null(json);
}

static void json_number(struct json_out *json, const char *key, uint64_t number)
{
    json_out_key(json, key);
    json_out_number(json, number);
}

static void json_estimated(struct json_out *json, const char *key, bool estimated)
{
    if (!estimated)
        return;
    json_out_key(json, key);
    json_out_bool(json, true);
}

static void json_samples(struct json_out *json, const struct event *event)
{
    json_out_key(json, "Samples");
    json_out_open(json, '[');
    for (unsigned i = 0; i < event->samples_n; i++) {
        const struct event_sample *sample = &event->samples[i];
        char time[CALENDAR_CAP];
        json_out_open(json, '{');
        json_out_key(json, "Time");
        json_out_text(json, calendar_format_us(sample->ts_ns, time));
        json_number(json, "TTL", sample->ttl);
        json_number(json, "Length", sample->length);
        if (event->has_port)
            json_number(json, "SourcePort", sample->srcport);
        if (event->protocol == PROTOCOL_TCP && event->has_port) {
            json_number(json, "Flags", sample->tcp_flags);
            json_number(json, "Window", sample->window);
        }
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void json_labels(struct json_out *json, const struct event *event,
                        const struct event_names *names)
{
    json_out_key(json, "Labels");
    json_out_open(json, '[');
    for (unsigned i = 0; i < event->labels_n; i++)
        if (event->labels[i].labelled)
            json_out_text(json, label_name(&event->labels[i], names));
    json_out_close(json, ']');
    json_out_key(json, "Matches");
    json_out_open(json, '{');
    for (unsigned i = 0; i < event->labels_n; i++)
        json_number(json, label_name(&event->labels[i], names), event->labels[i].packets);
    json_out_close(json, '}');
}

static const struct {
    const char *key, *label;
} MARKS[] = {{"Zmap", "zmap"}, {"Masscan", "masscan"}, {"Mirai", "mirai"}};
enum { MARKS_N = sizeof MARKS / sizeof *MARKS };

void sink_event_json(FILE *out, const struct event *event, const struct event_names *names)
{
    struct json_out json;
    struct texts texts;
    fill(&texts, event, names);
    json_out_init(&json, out);
    json_out_open(&json, '{');
    json_text_or_null(&json, "SourceIP", texts.source);
    json_out_key(&json, "Port");
    if (event->has_port)
        json_out_number(&json, event->port);
    else
        json_out_null(&json);
    json_text_or_null(&json, "Traffic", texts.traffic);
    json_text_or_null(&json, "First", texts.first);
    json_text_or_null(&json, "Last", texts.last);
    json_number(&json, "Packets", event->packets);
    json_number(&json, "Bytes", event->bytes);
    json_number(&json, "UniqueDests", event->destinations);
    json_estimated(&json, "UniqueDests_estimated", event->destinations_estimated);
    json_number(&json, "UniqueDest24s", event->networks);
    json_estimated(&json, "UniqueDest24s_estimated", event->networks_estimated);
    json_text_or_null(&json, "Country", texts.place.cc);
    json_text_or_null(&json, "City", texts.city);
    json_number(&json, "ASN", texts.place.asn);
    json_text_or_null(&json, "Org", texts.org);
    for (unsigned i = 0; i < MARKS_N; i++) {
        json_out_key(&json, MARKS[i].key);
        json_out_bool(&json, has_label(event, names, MARKS[i].label));
    }
    json_samples(&json, event);
    json_text_or_null(&json, "Protocol", record_protocol(event->protocol));
    json_text_or_null(&json, "Class", class_name(event));
    json_labels(&json, event, names);
    json_text_or_null(&json, "End", end_name(event));
    json_out_close(&json, '}');
    (void)fputc('\n', out);
}

void sink_event_csv_header(FILE *out)
{
    (void)fputs("SourceIP,Port,Traffic,First,Last,Packets,Bytes,UniqueDests,"
                "UniqueDests_estimated,UniqueDest24s,UniqueDest24s_estimated,Country,City,ASN,"
                "Org,Zmap,Masscan,Mirai,Protocol,Class,Labels,Matches,End\n",
                out);
}

/* "mirai zmap", or "mirai=12 zmap=3" */
static void csv_labels(struct csv_out *csv, const struct event *event,
                       const struct event_names *names, bool matches)
{
    char cell[EVENT_LABELS_MAX * (SIGNATURE_NAME_MAX + 16)] = "";
    size_t used = 0;
    for (unsigned i = 0; i < event->labels_n && used < sizeof cell; i++) {
        const struct event_label *label = &event->labels[i];
        const char *blank = used > 0 ? " " : "", *name = label_name(label, names);
        if (matches)
            used += (size_t)snprintf(cell + used, sizeof cell - used, "%s%s=%u", blank, name,
                                     label->packets);
        else if (label->labelled)
            used += (size_t)snprintf(cell + used, sizeof cell - used, "%s%s", blank, name);
    }
    csv_out_text(csv, cell);
}

void sink_event_csv(FILE *out, const struct event *event, const struct event_names *names)
{
    struct csv_out csv = {.out = out};
    struct texts texts;
    fill(&texts, event, names);
    csv_out_text(&csv, texts.source);
    if (event->has_port)
        csv_out_number(&csv, event->port);
    else
        csv_out_text(&csv, "");
    csv_out_text(&csv, texts.traffic);
    csv_out_text(&csv, texts.first);
    csv_out_text(&csv, texts.last);
    csv_out_number(&csv, event->packets);
    csv_out_number(&csv, event->bytes);
    csv_out_number(&csv, event->destinations);
    csv_out_bool(&csv, event->destinations_estimated);
    csv_out_number(&csv, event->networks);
    csv_out_bool(&csv, event->networks_estimated);
    csv_out_text(&csv, texts.place.cc);
    csv_out_text(&csv, texts.city);
    csv_out_number(&csv, texts.place.asn);
    csv_out_text(&csv, texts.org);
    for (unsigned i = 0; i < MARKS_N; i++)
        csv_out_bool(&csv, has_label(event, names, MARKS[i].label));
    csv_out_text(&csv, record_protocol(event->protocol));
    csv_out_text(&csv, class_name(event));
    csv_labels(&csv, event, names, false);
    csv_labels(&csv, event, names, true);
    csv_out_text(&csv, end_name(event));
    csv_out_end_row(&csv);
}
