/* Packets and sources by country and by AS, for every view. Filled from the source tables when
 * a report is made, and when sources are evicted. */
#pragma once

#include <nightscope/packet.h>

#include <stddef.h>

/* What has tables of its own: two classes, and the packets that match an IoT signature. */
enum view {
    VIEW_SCAN = CLASS_SCAN,
    VIEW_BACKSCATTER = CLASS_BACKSCATTER,
    VIEW_CLASSES_,
    VIEW_IOT = VIEW_CLASSES_,
    VIEW_COUNT_,
};

struct place_tally {
    uint64_t packets, sources;
};

enum { CC_UNKNOWN = 0, CC_COUNT_ = 1 + 26 * 26 };

/* Two capital letters as a number of 10 bits, and back; anything else is CC_UNKNOWN, "??". */
unsigned cc_pack(const char cc[static 3]);
void cc_text(unsigned cc, char ret_text[static 3]);

struct as_row {
    bool used;
    uint32_t asn;
    struct address low; /* the lowest address seen of it: its name is looked up by that */
    struct place_tally tallies[VIEW_COUNT_];
};

struct places {
    struct place_tally countries[CC_COUNT_][VIEW_COUNT_];
    struct as_row *rows; /* open addressing, cap is a power of two */
    size_t n, cap;
};

void places_fini(struct places *places);
/* Adds a source that sent packets[view] packets to each view. False: memory; the country is
 * counted, the AS is not. */
bool places_add(struct places *places, unsigned cc, uint32_t asn, const struct address *address,
                const uint64_t packets[static VIEW_COUNT_]);
/* Adds tallies of an AS alone, seen with this address. False: memory. */
bool places_add_asn(struct places *places, uint32_t asn, const struct address *address,
                    const struct place_tally tallies[static VIEW_COUNT_]);
/* The lowest address seen of an AS that is in the table. */
struct address places_lowest(const struct places *places, uint32_t asn);
bool places_merge(struct places *into, const struct places *from);
