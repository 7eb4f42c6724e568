/* The evidence of labelled sources, a hash "src:<ip>" each. There may be hundreds of thousands:
 * naming that many staged keys in the swap would stop the server for a second. Each hash speaks
 * of one source and is replaced whole, so they are written in place, in transactions of a few
 * hundred, before the swap, whose "iot" then names no source without evidence; those that are
 * no more go after it. */
#include "publish/publish.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LIST_CAP = LABELLED_SIGNATURES_MAX * (SIGNATURE_NAME_MAX + 2) };

/* A list with commas; what does not fit is left out. */
struct list {
    char text[LIST_CAP];
    size_t n;
};

static void list_add(struct list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void list_add(struct list *list, const char *format, ...)
{
    char word[SIGNATURE_NAME_MAX + 32];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(word, sizeof word, format, args);
    va_end(args);
    size_t room = sizeof list->text - list->n;
    int n = snprintf(list->text + list->n, room, "%s%s", list->n ? "," : "", word);
    if (n > 0 && (size_t)n < room)
        list->n += (size_t)n;
    else
        list->text[list->n] = '\0';
}

static void field(struct redis_batch *batch, const char *name, const char *value)
{
    redis_batch_arg(batch, name);
    redis_batch_arg(batch, value);
}

static void field_u64(struct redis_batch *batch, const char *name, uint64_t value)
{
    redis_batch_arg(batch, name);
    redis_batch_arg_u64(batch, value);
}

/* A label that several of the signatures share is listed once. */
static bool has_label(const struct publication_signature *signatures,
                      const struct labelled_source *source, unsigned before, const char *label)
{
    for (unsigned i = 0; i < before; i++)
        if (strcmp(signatures[source->signatures[i].signature].label, label) == 0)
            return true;
    return false;
}

/* Lists in the same order: one entry a signature, least probable by chance first. */
static void add_evidence(struct redis_batch *batch,
                         const struct publication_signature *signatures,
                         const struct labelled_source *source)
{
    struct list names = {0}, labels = {0}, candidates = {0}, hits = {0}, probabilities = {0};
    for (unsigned i = 0; i < source->signatures_n; i++) {
        const struct source_evidence *evidence = &source->signatures[i];
        const struct publication_signature *signature = &signatures[evidence->signature];
        list_add(&names, "%s", signature->name);
        if (!has_label(signatures, source, i, signature->label))
            list_add(&labels, "%s", signature->label);
        list_add(&candidates, "%llu", (unsigned long long)evidence->candidates);
        list_add(&hits, "%llu", (unsigned long long)evidence->hits);
        list_add(&probabilities, "%.3g", evidence->probability);
    }
    field(batch, "labels", labels.text);
    field(batch, "signatures", names.text);
    field(batch, "n", candidates.text);
    field(batch, "k", hits.text);
    field(batch, "probability", probabilities.text);
}

/* 23/tcp; a protocol that has no name here by its number. */
static void add_ports(struct redis_batch *batch, const struct labelled_source *source)
{
    struct list ports = {0};
    for (unsigned i = 0; i < source->ports_n; i++) {
        unsigned protocol = source->ports[i] >> 16, port = source->ports[i] & 0xffff;
        const char *name = protocol == 6     ? "tcp"
                           : protocol == 17  ? "udp"
                           : protocol == 132 ? "sctp"
                                             : NULL;
        if (name)
            list_add(&ports, "%u/%s", port, name);
        else
            list_add(&ports, "%u/%u", port, protocol);
    }
    field(batch, "ports", ports.text);
    field_u64(batch, "ports_more", source->ports_more);
}

static void add_source(struct publisher *publisher, const struct labelled_source *source)
{
    struct redis_batch *batch = publisher->batch;
    char address[ADDRESS_TEXT_CAP], key[KEY_CAP];
    (void)snprintf(key, sizeof key, "%ssrc:%s", publisher->keys.prefix,
                   address_format(&source->source, address));
    redis_batch_add(batch, "UNLINK", key, NULL);
    redis_batch_command(batch, "HSET");
    redis_batch_arg(batch, key);
    add_evidence(batch, publisher->publication->signatures, source);
    field_u64(batch, "iot", source->iot);
    field_u64(batch, "packets", source->packets);
    add_ports(batch, source);
    field_u64(batch, "first", source->first_s);
    field_u64(batch, "last", source->last_s);
    field(batch, "cc", source->place.cc[0] ? source->place.cc : "??");
    field_u64(batch, "asn", source->place.asn);
    redis_batch_command(batch, "EXPIRE");
    redis_batch_arg(batch, key);
    redis_batch_arg_u64(batch, KEPT_SOURCES_S);
}

bool publish_shows(const struct publisher *publisher, const struct address *source)
{
    const struct prefix_set *withheld = publisher->publication->withheld;
    return !withheld || !prefix_set_has(withheld, source);
}

bool publish_has_source(const struct publisher *publisher, const struct labelled_source *source)
{
    return source->last_s > publisher->newest_s - KEPT_SOURCES_S &&
           publish_shows(publisher, &source->source);
}

static void send_source(struct publisher *publisher, const struct labelled_source *source,
                        unsigned *n)
{
    if (!publish_has_source(publisher, source))
        return;
    add_source(publisher, source);
    if (++*n % PUBLISH_ITEMS == 0 || redis_batch_bytes(publisher->batch) >= PUBLISH_BYTES)
        publisher_transact(publisher, NULL, NULL);
}

void publish_sources(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    unsigned n = 0;
    for (size_t i = 0; i < publication->labelled_n; i++)
        send_source(publisher, &publication->labelled[i], &n);
    publisher_transact(publisher, NULL, NULL);
}

void publish_changed_sources(struct publisher *publisher, const uint32_t *rows, size_t rows_n)
{
    unsigned n = 0;
    for (size_t i = 0; i < rows_n; i++)
        send_source(publisher, &publisher->publication->labelled[rows[i]], &n);
    publisher_transact(publisher, NULL, NULL);
}
