#include "publish/series_fields.h"

enum { DPORTS_FIELD = COUNT_sources + 2 };

/* "seconds" is before all counts; those after `sources` also have "dports" before them. */
#define FIELD(name) [COUNT_##name + 1 + (COUNT_##name > COUNT_sources)] = #name,
const char *const SERIES_FIELDS[SERIES_FIELD_COUNT_] = {
    [0] = "seconds", [DPORTS_FIELD] = "dports", COUNTS(FIELD)};
#undef FIELD

uint64_t series_value(const struct series_values *values, unsigned field)
{
    if (field == 0)
        return values->seconds;
    if (field == DPORTS_FIELD)
        return values->dports;
    return values->counts[field < DPORTS_FIELD ? field - 1 : field - 2];
}
