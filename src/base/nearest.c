/* Letters inserted, left out, replaced, or swapped with their neighbour: the optimal string
 * alignment of F. J. Damerau, A technique for computer detection and correction of spelling
 * errors, CACM 7(3), 1964. */
#include "base/nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LEN_MAX = 48 };

struct nearest nearest_to(const char *word, size_t len)
{
    /* More than a letter in three, and it is another word. */
    size_t most = len / 3 < 3 ? len / 3 : 3;
    return (struct nearest){word, len, NULL, (unsigned)most + 1};
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][LEN_MAX + 1]; /* of prefixes of a: this one, one and two letters shorter */
    for (size_t i = 0; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            if (i == 0) {
                row[j] = (unsigned)j;
                continue;
            }
            bool differ = a[i - 1] != b[j - 1];
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + differ);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    size_t len = strlen(name);
    if (len > LEN_MAX || nearest->len > LEN_MAX)
        return;
    unsigned its = edits(nearest->word, nearest->len, name, len);
    if (its >= nearest->edits)
        return;
    nearest->edits = its;
    nearest->name = name;
}

const char *nearest_hint(const struct nearest *nearest, const char *before,
                         char ret_text[static NEAREST_HINT_CAP])
{
    ret_text[0] = '\0';
    if (nearest->name)
        (void)snprintf(ret_text, NEAREST_HINT_CAP, ", perhaps \"%s%s\"", before, nearest->name);
    return ret_text;
}
