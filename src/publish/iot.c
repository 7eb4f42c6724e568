/* The labelled IoT devices by when they were last seen: the index of what is in src:<ip>. */
#include "publish/publish.h"

void publish_iot(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    char text[ADDRESS_TEXT_CAP];
    stage_key(publisher, KEPT_SOURCES_S, "iot");
    for (size_t i = 0; i < publication->labelled_n; i++) {
        const struct labelled_source *source = &publication->labelled[i];
        if (source->iot && publish_has_source(publisher, source))
            stage_member(publisher, address_format(&source->source, text), source->last_s);
    }
    stage_items_end(publisher);
}
