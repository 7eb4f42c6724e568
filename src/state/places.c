/* The two tables of places. */
#include "state/places.h"

#include "base/hash.h"

#include <stdlib.h>

enum { ROWS_FIRST = 256 };

unsigned cc_pack(const char cc[static 3])
{
    if (cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z')
        return CC_UNKNOWN;
    return 1U + 26U * (unsigned)(cc[0] - 'A') + (unsigned)(cc[1] - 'A');
}

void cc_text(unsigned cc, char ret_text[static 3])
{
    ret_text[0] = cc == CC_UNKNOWN ? '?' : (char)('A' + (cc - 1) / 26);
    ret_text[1] = cc == CC_UNKNOWN ? '?' : (char)('A' + (cc - 1) % 26);
    ret_text[2] = '\0';
}

void places_fini(struct places *places)
{
    free(places->rows);
    *places = (struct places){0};
}

static struct as_row *find(struct as_row *rows, size_t cap, uint32_t asn)
{
    size_t i = hash_u64(asn, HASH_FIXED) & (cap - 1);
    while (rows[i].used && rows[i].asn != asn)
        i = (i + 1) & (cap - 1);
    return &rows[i];
}

static bool grow(struct places *places)
{
    size_t cap = places->cap ? places->cap * 2 : ROWS_FIRST;
    struct as_row *rows = calloc(cap, sizeof *rows);
    if (!rows)
        return false;
    for (size_t i = 0; i < places->cap; i++)
        if (places->rows[i].used)
            *find(rows, cap, places->rows[i].asn) = places->rows[i];
    free(places->rows);
    places->rows = rows;
    places->cap = cap;
    return true;
}

static struct as_row *make_row(struct places *places, uint32_t asn,
                               const struct address *address)
{
    if (places->n + 1 > places->cap / 2 && !grow(places))
        return NULL;
    struct as_row *row = find(places->rows, places->cap, asn);
    if (!row->used) {
        *row = (struct as_row){.used = true, .asn = asn, .low = *address};
        places->n++;
    } else if (address_compare(address, &row->low) < 0) {
        row->low = *address;
    }
    return row;
}

bool places_add(struct places *places, unsigned cc, uint32_t asn, const struct address *address,
                const uint64_t packets[static VIEW_COUNT_])
{
    if (!packets[VIEW_SCAN] && !packets[VIEW_BACKSCATTER])
        return true;
    struct as_row *row = make_row(places, asn, address);
    for (unsigned view = 0; view < VIEW_COUNT_; view++) {
        struct place_tally tally = {packets[view], packets[view] != 0};
        places->countries[cc][view].packets += tally.packets;
        places->countries[cc][view].sources += tally.sources;
        if (!row)
            continue;
        row->tallies[view].packets += tally.packets;
        row->tallies[view].sources += tally.sources;
    }
    return row;
}

struct address places_lowest(const struct places *places, uint32_t asn)
{
    return find(places->rows, places->cap, asn)->low;
}

static void add_tallies(struct place_tally *into, const struct place_tally *from)
{
    for (unsigned view = 0; view < VIEW_COUNT_; view++) {
        into[view].packets += from[view].packets;
        into[view].sources += from[view].sources;
    }
}

bool places_add_asn(struct places *places, uint32_t asn, const struct address *address,
                    const struct place_tally tallies[static VIEW_COUNT_])
{
    struct as_row *row = make_row(places, asn, address);
    if (row)
        add_tallies(row->tallies, tallies);
    return row;
}

bool places_merge(struct places *into, const struct places *from)
{
    bool complete = true;
    for (unsigned cc = 0; cc < CC_COUNT_; cc++)
        add_tallies(into->countries[cc], from->countries[cc]);
    for (size_t i = 0; i < from->cap; i++) {
        if (!from->rows[i].used)
            continue;
        complete &=
            places_add_asn(into, from->rows[i].asn, &from->rows[i].low, from->rows[i].tallies);
    }
    return complete;
}
