/* The last step of a publication: all that it wrote is still there. Somebody may have removed
 * keys after the swap had named them, and a server that is short of memory drops some; another
 * attempt writes them again. One transaction asks for thousands, so that what is removed before
 * it ends shows, and keys that go later go after the publication. */
#include "publish/publish.h"

#include <stdio.h>

enum { VERIFY_KEYS = 4096 }; /* of one transaction */

static void ask(struct publisher *publisher, size_t asked)
{
    struct redis_replies replies = {0};
    if (!asked)
        return;
    publisher_transact(publisher, NULL, &replies);
    int64_t there = 0;
    for (size_t i = 0; i < replies.n; i++)
        there += replies.items[i].number;
    redis_replies_free(&replies);
    if (publisher->status != REDIS_DONE || there == (int64_t)asked)
        return;
    (void)err_set(publisher->err, publisher->keys.prefix, 0, 0,
                  "keys vanished as they were written: is the server short of memory?");
    publisher_fail(publisher, REDIS_BUSY);
}

/* One more key of the command that is being built. */
static void add(struct publisher *publisher, size_t *asked, const char *text, size_t len)
{
    if (*asked == VERIFY_KEYS) {
        ask(publisher, *asked);
        *asked = 0;
    }
    if (*asked % PUBLISH_ITEMS == 0)
        redis_batch_command(publisher->batch, "EXISTS");
    redis_batch_arg_bytes(publisher->batch, text, len);
    ++*asked;
}

void publish_verify(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    char text[ADDRESS_TEXT_CAP], key[KEY_CAP];
    size_t asked = 0;
    for (size_t i = 0; i < publication->labelled_n; i++) {
        const struct labelled_source *source = &publication->labelled[i];
        if (!publish_has_source(publisher, source))
            continue;
        int n = snprintf(key, sizeof key, "%ssrc:%s", publisher->keys.prefix,
                         address_format(&source->source, text));
        add(publisher, &asked, key, (size_t)n);
    }
    for (size_t i = 0; i < publisher->staged_n; i++) {
        const struct name *name = &publisher->staged[i].name;
        add(publisher, &asked, name->text, name->len);
    }
    ask(publisher, asked);
}
