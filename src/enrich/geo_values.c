#include "enrich/geo_values.h"

#include <math.h>
#include <string.h>

static bool find(MMDB_entry_s entry, const struct geo_path *path, MMDB_entry_data_s *ret_data)
{
    return MMDB_aget_value(&entry, ret_data, path->names) == MMDB_SUCCESS && ret_data->has_data;
}

bool geo_find_country(MMDB_entry_s entry, const struct geo_path *path, char ret_cc[static 3])
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        data.data_size != 2)
        return false;
    const char *cc = data.utf8_string;
    if (cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z')
        return false;
    memcpy(ret_cc, cc, 2);
    ret_cc[2] = '\0';
    return true;
}

/* "64500" or "AS64500" */
static bool parse_asn(const char *text, size_t length, uint32_t *ret_asn)
{
    if (length >= 2 && (text[0] | 0x20) == 'a' && (text[1] | 0x20) == 's') {
        text += 2;
        length -= 2;
    }
    uint64_t asn = 0;
    if (length == 0 || length > 10)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        asn = asn * 10 + (unsigned)(text[i] - '0');
    }
    if (asn == 0 || asn > UINT32_MAX)
        return false;
    *ret_asn = (uint32_t)asn;
    return true;
}

/* "-12.5"; strtod() would follow the locale. */
static bool parse_degrees(const char *text, size_t length, double *ret_degrees)
{
    bool negative = length > 0 && text[0] == '-', point = false, digits = false;
    double value = 0, unit = 1;
    if (length > 24)
        return false;
    for (size_t i = negative; i < length; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits = true;
        if (point)
            unit /= 10;
        value = point ? value + (text[i] - '0') * unit : value * 10 + (text[i] - '0');
    }
    *ret_degrees = negative ? -value : value;
    return digits;
}

bool geo_find_asn(MMDB_entry_s entry, const struct geo_path *path, uint32_t *ret_asn)
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data))
        return false;
    uint64_t asn = 0;
    switch (data.type) {
    case MMDB_DATA_TYPE_UTF8_STRING:
        return parse_asn(data.utf8_string, data.data_size, ret_asn);
    case MMDB_DATA_TYPE_UINT16:
        asn = data.uint16;
        break;
    case MMDB_DATA_TYPE_UINT32:
        asn = data.uint32;
        break;
    case MMDB_DATA_TYPE_UINT64:
        asn = data.uint64;
        break;
    case MMDB_DATA_TYPE_INT32:
        asn = data.int32 > 0 ? (uint64_t)data.int32 : 0;
        break;
    default:
        break;
    }
    if (asn == 0 || asn > UINT32_MAX)
        return false;
    *ret_asn = (uint32_t)asn;
    return true;
}

bool geo_find_name(MMDB_entry_s entry, const struct geo_path *path, char *buf, size_t cap)
{
    MMDB_entry_data_s data;
    if (!find(entry, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        data.data_size == 0)
        return false;
    size_t length = data.data_size;
    if (length >= cap) {
        length = cap - 1;
        while (length > 0 && ((unsigned char)data.utf8_string[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(buf, data.utf8_string, length);
    buf[length] = '\0';
    return buf[0] != '\0';
}

/* Degrees: a number, or a text as flat files have it. */
static bool find_degrees(MMDB_entry_s entry, const struct geo_path *path, double limit,
                         float *ret_degrees)
{
    MMDB_entry_data_s data;
    double degrees = NAN;
    if (!find(entry, path, &data))
        return false;
    switch (data.type) {
    case MMDB_DATA_TYPE_DOUBLE:
        degrees = data.double_value;
        break;
    case MMDB_DATA_TYPE_FLOAT:
        degrees = data.float_value;
        break;
    case MMDB_DATA_TYPE_INT32:
        degrees = data.int32;
        break;
    case MMDB_DATA_TYPE_UINT16:
        degrees = data.uint16;
        break;
    case MMDB_DATA_TYPE_UTF8_STRING:
        if (!parse_degrees(data.utf8_string, data.data_size, &degrees))
            return false;
        break;
    default:
        break;
    }
    if (!(fabs(degrees) <= limit)) /* not a number, too */
        return false;
    *ret_degrees = (float)degrees;
    return true;
}

bool geo_find_position(MMDB_entry_s entry, const struct geo_path *paths, float *ret_latitude,
                       float *ret_longitude)
{
    float latitude, longitude;
    if (!find_degrees(entry, &paths[0], 90, &latitude) ||
        !find_degrees(entry, &paths[1], 180, &longitude))
        return false;
    *ret_latitude = latitude;
    *ret_longitude = longitude;
    return true;
}
