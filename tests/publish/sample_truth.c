/* What a sample holds, as JSON, row by row and in no order that matters. */
#include "sample.h"
#include "sink/json_out.h"
#include "state/profile_tables.h"

static void text(struct json_out *json, const char *key, const char *value)
{
    json_out_key(json, key);
    json_out_text(json, value);
}

static void number(struct json_out *json, const char *key, uint64_t value)
{
    json_out_key(json, key);
    json_out_number(json, value);
}

/* A text: JSON's own numbers are whole here. */
static void decimal(struct json_out *json, const char *key, double value)
{
    char digits[40];
    (void)snprintf(digits, sizeof digits, "%.17g", value);
    text(json, key, digits);
}

static void counts(struct json_out *json, const uint64_t values[static COUNT_COUNT_])
{
#define X(name) number(json, #name, values[COUNT_##name]);
    COUNTS(X)
#undef X
}

static void table(struct json_out *json, const struct profile_table *rows)
{
    for (uint32_t i = 0; i < rows->n; i++) {
        json_out_open(json, '[');
        if (rows->is6) {
            char buf[ADDRESS_TEXT_CAP];
            json_out_text(json, address_format(
                                    &(struct address){.is6 = true, .v6 = rows->keys6[i]}, buf));
        } else {
            json_out_number(json, rows->keys[i]);
        }
        json_out_number(json, rows->packets[i]);
        json_out_number(json, rows->has_sets ? *profile_table_set(rows, i) : 0);
        json_out_close(json, ']');
    }
}

static void profile(struct json_out *json, const struct profile *profile)
{
    static const char *const VIEWS[] = {"all", "iot"};
    static const char *const DIMENSIONS[] = {
#define X(id, name) #name,
        PROFILE_DIMENSIONS(X)
#undef X
    };
    json_out_open(json, '{');
    const struct profile_tables *tables = profile->tables;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        json_out_key(json, VIEWS[view]);
        json_out_open(json, '{');
        for (unsigned i = 0; i < PROFILE_DIMENSION_COUNT_; i++) {
            json_out_key(json, DIMENSIONS[i]);
            json_out_open(json, '{');
            number(json, "others", tables->tables[view][i].others);
            json_out_key(json, "rows");
            json_out_open(json, '[');
            table(json, &tables->tables[view][i]);
            if (i == PROFILE_SRC)
                table(json, &tables->sources6[view]);
            json_out_close(json, ']');
            json_out_close(json, '}');
        }
        json_out_close(json, '}');
    }
    json_out_key(json, "sketches");
    json_out_open(json, '[');
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        static const char HEX[] = "0123456789abcdef";
        char digits[2 * PROFILE_SKETCH_REGISTERS + 1];
        for (unsigned i = 0; i < PROFILE_SKETCH_REGISTERS; i++) {
            digits[2 * i] = HEX[tables->sketches[sketch][i] >> 4];
            digits[2 * i + 1] = HEX[tables->sketches[sketch][i] & 15];
        }
        digits[2 * PROFILE_SKETCH_REGISTERS] = '\0';
        json_out_text(json, digits);
    }
    json_out_close(json, ']');
    json_out_close(json, '}');
}

static void labelled(struct json_out *json, const struct sample *sample,
                     const struct labelled_source *source)
{
    char buf[ADDRESS_TEXT_CAP];
    json_out_open(json, '{');
    text(json, "ip", address_format(&source->source, buf));
    text(json, "cc", source->place.cc);
    number(json, "asn", source->place.asn);
    number(json, "first", source->first_s);
    number(json, "last", source->last_s);
    number(json, "packets", source->packets);
    number(json, "iot", source->iot);
    number(json, "ports_more", source->ports_more);
    json_out_key(json, "evidence");
    json_out_open(json, '[');
    for (unsigned i = 0; i < source->signatures_n; i++) {
        const struct source_evidence *evidence = &source->signatures[i];
        const struct signature *signature =
            signature_at(sample->signatures, evidence->signature);
        json_out_open(json, '{');
        text(json, "signature", signature->name);
        text(json, "label", signature->label);
        number(json, "n", evidence->candidates);
        number(json, "k", evidence->hits);
        decimal(json, "probability", evidence->probability);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
    json_out_key(json, "ports");
    json_out_open(json, '[');
    for (unsigned i = 0; i < source->ports_n; i++)
        json_out_number(json, source->ports[i]);
    json_out_close(json, ']');
    json_out_close(json, '}');
}

static void packet(struct json_out *json, const struct feed_packet *packet)
{
    static const char *const PROTOCOL_NAMES[] = {"tcp",   "udp",  "icmp",
                                                 "icmp6", "sctp", "other"};
    static const char *const CLASS_NAMES[] = {"scan", "backscatter", "other"};
    char buf[ADDRESS_TEXT_CAP];
    json_out_open(json, '{');
    number(json, "ts_ns", (uint64_t)packet->ts_ns);
    text(json, "src", address_format(&packet->source, buf));
    text(json, "cc", packet->place.cc);
    number(json, "asn", packet->place.asn);
    text(json, "proto", PROTOCOL_NAMES[packet->protocol]);
    text(json, "class", CLASS_NAMES[packet->class]);
    text(json, "label", packet->label ? packet->label : "");
    number(json, "iot", packet->iot);
    if (packet->has_port)
        number(json, "dport", packet->dport);
    if (packet->has_position) {
        decimal(json, "lat", (double)packet->latitude);
        decimal(json, "lon", (double)packet->longitude);
    }
    json_out_close(json, '}');
}

static void facts(struct json_out *json, const struct sample *sample)
{
    const struct publication *publication = &sample->publication;
    text(json, "sensor", publication->sensor);
    text(json, "withheld", sample->withheld);
    text(json, "incarnation", publication->incarnation);
    text(json, "version", publication->version);
    text(json, "state", publication->state);
    number(json, "started", (uint64_t)publication->started_s);
    number(json, "flushed", (uint64_t)publication->flushed_s);
    number(json, "dark_size", publication->dark_size);
    number(json, "resends", publication->resends);
    number(json, "drops", publication->drops);
    number(json, "signatures", publication->signatures_n);
    number(json, "has_time", sample->report.has_time);
    number(json, "first_ns", (uint64_t)sample->report.first_ns);
    number(json, "last_ns", (uint64_t)sample->report.last_ns);
    number(json, "frames", sample->report.frames);
    number(json, "ports_total", sample->report.scan.ports.total);
    number(json, "located", sample->report.located);
    number(json, "refused_seconds", sample->report.refused_seconds);
    text(json, "report", publication->report_json);
    json_out_key(json, "labels");
    json_out_open(json, '[');
    for (size_t i = 0; i < publication->labels_n; i++)
        json_out_text(json, publication->labels[i]);
    json_out_close(json, ']');
    json_out_key(json, "totals");
    json_out_open(json, '{');
    counts(json, sample->report.counts);
    json_out_close(json, '}');
}

static void series(struct json_out *json, const struct sample *sample)
{
    json_out_key(json, "minutes");
    json_out_open(json, '[');
    for (size_t i = 0; i < sample->publication.minutes_n; i++) {
        const struct report_minute *minute = &sample->minutes[i];
        json_out_open(json, '{');
        number(json, "start", (uint64_t)minute->start_s);
        number(json, "seconds", minute->seconds);
        number(json, "dports", minute->dports);
        counts(json, minute->counts);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
    json_out_key(json, "hours");
    json_out_open(json, '[');
    for (size_t i = 0; i < sample->publication.hours_n; i++) {
        const struct publication_hour *hour = &sample->hours[i];
        json_out_open(json, '{');
        number(json, "start", (uint64_t)hour->start_s);
        number(json, "seconds", hour->seconds);
        number(json, "dports", hour->dports);
        counts(json, hour->counts);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

void sample_truth(struct json_out *json, const struct sample *sample)
{
    const struct publication *publication = &sample->publication;
    json_out_open(json, '{');
    facts(json, sample);
    series(json, sample);
    json_out_key(json, "days");
    json_out_open(json, '[');
    for (size_t i = 0; i < publication->days_n; i++) {
        json_out_open(json, '{');
        number(json, "start", (uint64_t)publication->days[i].start_s);
        json_out_key(json, "profile");
        profile(json, publication->days[i].profile);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
    if (publication->hour) {
        json_out_key(json, "hour");
        profile(json, publication->hour);
    }
    if (publication->day) {
        json_out_key(json, "day");
        profile(json, publication->day);
    }
    json_out_key(json, "labelled");
    json_out_open(json, '[');
    for (size_t i = 0; i < publication->labelled_n; i++)
        labelled(json, sample, &publication->labelled[i]);
    json_out_close(json, ']');
    json_out_key(json, "feed");
    json_out_open(json, '[');
    for (size_t i = 0; i < publication->feed_n; i++)
        packet(json, &publication->feed[i]);
    json_out_close(json, ']');
    json_out_close(json, '}');
}
