#include "sink/record.h"

#include <assert.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define RECORD_OF(type, array)                                                                 \
    {                                                                                          \
        .fields = array, .n = COUNT_OF(array), .size = sizeof(type)                            \
    }

/* One row of an array of struct field. AT is a member of `type`, AS the same with flags;
 * ESTIMATE names the bool that says whether a value is exact, BOUNDED also the packets that an
 * estimate cannot exceed. */
#define MEMBER(type, member)                                                                   \
    .offset = offsetof(type, member), .cap = sizeof(((const type *)NULL)->member)
#define AT(type, label, what, member)                                                          \
    {                                                                                          \
        .name = label, .kind = what, MEMBER(type, member)                                      \
    }
#define AS(type, label, what, member, flag)                                                    \
    {                                                                                          \
        .name = label, .kind = what, MEMBER(type, member), .flags = flag                       \
    }
#define ESTIMATE(type, label, what, member, flag)                                              \
    {                                                                                          \
        .name = label, .kind = what, MEMBER(type, member), .can_estimate = true,               \
        .estimated = offsetof(type, flag)                                                      \
    }
/* A sum that is short of what a part had cut off. */
#define PARTIAL(type, label, what, member, flag)                                               \
    {                                                                                          \
        .name = label, .kind = what, .flags = FIELD_ADDS, MEMBER(type, member),                \
        .can_estimate = true, .estimated = offsetof(type, flag)                                \
    }
#define BOUNDED(type, label, what, member, flag, packets)                                      \
    {                                                                                          \
        .name = label, .kind = what, MEMBER(type, member), .can_estimate = true,               \
        .estimated = offsetof(type, flag), .bounded = true, .bound = offsetof(type, packets)   \
    }
#define GROUP(label, of)                                                                       \
    {                                                                                          \
        .name = label, .kind = FIELD_GROUP, .record = &(of)                                    \
    }
#define TABLE(type, label, member, of, what)                                                   \
    {.name = label,                                                                            \
     .kind = FIELD_TABLE,                                                                      \
     .flags = what,                                                                            \
     .offset = offsetof(type, member),                                                         \
     .record = &(of)},                                                                         \
    {                                                                                          \
        .name = label "_total", .kind = FIELD_SIZE, .flags = what, MEMBER(type, member.total)  \
    }

/* Rows of tables */

static const struct field FILE_COLUMNS[] = {
    AS(struct file_status, "name", FIELD_NAME, name, FIELD_REQUIRED),
    AT(struct file_status, "frames", FIELD_U64, frames),
    {.name = "error", .kind = FIELD_ERROR},
    AS(struct file_status, "dropped", FIELD_U64, dropped, FIELD_NONZERO),
    AS(struct file_status, "cut", FIELD_BOOL, cut, FIELD_NONZERO),
};
static const struct record FILE_RECORD = RECORD_OF(struct file_status, FILE_COLUMNS);

static const struct field PORT_COLUMNS[] = {
    AS(struct report_port, "proto", FIELD_PROTOCOL, protocol, FIELD_KEY),
    AS(struct report_port, "port", FIELD_U16, port, FIELD_KEY),
    PARTIAL(struct report_port, "packets", FIELD_U64, packets, packets_estimated),
    BOUNDED(struct report_port, "sources", FIELD_U64, sources, sources_estimated, packets),
};
static const struct record PORT = RECORD_OF(struct report_port, PORT_COLUMNS);

static const struct field COUNTRY_COLUMNS[] = {
    AS(struct report_country, "cc", FIELD_TEXT, cc, FIELD_COUNTRY | FIELD_KEY),
    PARTIAL(struct report_country, "packets", FIELD_U64, packets, packets_estimated),
    BOUNDED(struct report_country, "sources", FIELD_U64, sources, sources_estimated, packets),
};
static const struct record COUNTRY = RECORD_OF(struct report_country, COUNTRY_COLUMNS);

static const struct field ASN_COLUMNS[] = {
    AS(struct report_asn, "asn", FIELD_U32, asn, FIELD_KEY),
    AT(struct report_asn, "name", FIELD_TEXT, name),
    PARTIAL(struct report_asn, "packets", FIELD_U64, packets, packets_estimated),
    BOUNDED(struct report_asn, "sources", FIELD_U64, sources, sources_estimated, packets),
};
static const struct record ASN = RECORD_OF(struct report_asn, ASN_COLUMNS);

static const struct field SOURCE_COLUMNS[] = {
    AS(struct report_source, "ip", FIELD_ADDRESS, ip, FIELD_KEY),
    PARTIAL(struct report_source, "packets", FIELD_U64, packets, packets_estimated),
    ESTIMATE(struct report_source, "ports", FIELD_U64, ports, ports_estimated),
    ESTIMATE(struct report_source, "destinations", FIELD_U64, destinations,
             destinations_estimated),
    {.name = "labels",
     .kind = FIELD_LIST,
     MEMBER(struct report_source, labels),
     .count = offsetof(struct report_source, labels_n)},
    AS(struct report_source, "first", FIELD_TIME_S, first_s, FIELD_LOWEST),
    AS(struct report_source, "last", FIELD_TIME_S, last_s, FIELD_HIGHEST),
    AS(struct report_source, "cc", FIELD_TEXT, cc, FIELD_COUNTRY),
    AT(struct report_source, "asn", FIELD_U32, asn),
};
static const struct record SOURCE = RECORD_OF(struct report_source, SOURCE_COLUMNS);

static const struct field TOOL_COLUMNS[] = {
    AS(struct report_tool, "name", FIELD_NAME, name, FIELD_REQUIRED | FIELD_KEY),
    AT(struct report_tool, "packets", FIELD_U64, packets),
    BOUNDED(struct report_tool, "sources", FIELD_U64, sources, sources_estimated, packets),
    ESTIMATE(struct report_tool, "labelled", FIELD_U64, labelled, sources_estimated),
};
static const struct record TOOL = RECORD_OF(struct report_tool, TOOL_COLUMNS);

static const struct field IOT_PORT_COLUMNS[] = {
    AS(struct report_iot_port, "proto", FIELD_PROTOCOL, protocol, FIELD_KEY),
    AS(struct report_iot_port, "port", FIELD_U16, port, FIELD_KEY),
    AT(struct report_iot_port, "device", FIELD_NAME, device),
    AT(struct report_iot_port, "weakness", FIELD_NAME, weakness),
    AT(struct report_iot_port, "packets", FIELD_U64, packets),
    BOUNDED(struct report_iot_port, "sources", FIELD_U64, sources, sources_estimated, packets),
    AT(struct report_iot_port, "matched", FIELD_U64, matched),
};
static const struct record IOT_PORT = RECORD_OF(struct report_iot_port, IOT_PORT_COLUMNS);

/* The order is that of every series nightscope writes. */
#define MINUTE_COUNT(name) AT(struct report_minute, #name, FIELD_U64, counts[COUNT_##name])
#define MINUTE_DISTINCT(label, member, flag)                                                   \
    ESTIMATE(struct report_minute, label, FIELD_U64, member, flag)
static const struct field MINUTE_COLUMNS[] = {
    AS(struct report_minute, "t", FIELD_START_S, start_s, FIELD_KEY),
    AS(struct report_minute, "seconds", FIELD_U32, seconds, FIELD_HIGHEST),
    MINUTE_COUNT(packets),
    MINUTE_COUNT(bytes),
    MINUTE_COUNT(tcp),
    MINUTE_COUNT(udp),
    MINUTE_COUNT(icmp),
    MINUTE_COUNT(icmp6),
    MINUTE_COUNT(sctp),
    MINUTE_COUNT(other),
    MINUTE_COUNT(scan),
    MINUTE_COUNT(backscatter),
    MINUTE_COUNT(class_other),
    MINUTE_DISTINCT("sources", counts[COUNT_sources], sources_estimated),
    MINUTE_DISTINCT("dports", dports, dports_estimated),
    MINUTE_COUNT(iot_matched),
    MINUTE_DISTINCT("iot_matched_sources", counts[COUNT_iot_matched_sources],
                    sources_estimated),
    MINUTE_COUNT(mirai),
    MINUTE_COUNT(zmap),
    MINUTE_COUNT(masscan),
    MINUTE_COUNT(nmap),
    MINUTE_COUNT(not_counted),
    MINUTE_COUNT(dropped),
    MINUTE_COUNT(late),
};
static_assert(COUNT_OF(MINUTE_COLUMNS) == COUNT_COUNT_ + 3, "t, seconds, dports, every count");
const struct record RECORD_MINUTE = RECORD_OF(struct report_minute, MINUTE_COLUMNS);

/* Groups of struct report */

#define TOTAL(label, name) AT(struct report, label, FIELD_U64, counts[COUNT_##name])

static const struct field NOT_COUNTED_FIELDS[] = {
#define X(id, name, text) AT(struct report, #name, FIELD_U64, not_counted[REASON_##id]),
    REASONS(X)
#undef X
};
static const struct record NOT_COUNTED = RECORD_OF(struct report, NOT_COUNTED_FIELDS);

static const struct field PROTOCOL_FIELDS[] = {
#define X(id, name) TOTAL(#name, name),
    PROTOCOLS(X)
#undef X
};
static const struct record PROTOCOL_TOTALS = RECORD_OF(struct report, PROTOCOL_FIELDS);

static const struct field CLASS_FIELDS[] = {
    TOTAL("scan", scan),
    TOTAL("backscatter", backscatter),
    TOTAL("other", class_other),
};
static_assert(COUNT_OF(CLASS_FIELDS) == CLASS_COUNT_, "every class");
static const struct record CLASS_TOTALS = RECORD_OF(struct report, CLASS_FIELDS);

/* Estimated all or none: the group says so. */
#define CLASS_SOURCE(label, id, count)                                                         \
    {                                                                                          \
        .name = label, .kind = FIELD_U64, MEMBER(struct report, class_sources[CLASS_##id]),    \
        .bounded = true, .estimated = offsetof(struct report, class_sources_estimated),        \
        .bound = offsetof(struct report, counts[COUNT_##count])                                \
    }
static const struct field CLASS_SOURCE_FIELDS[] = {
    CLASS_SOURCE("scan", SCAN, scan),
    CLASS_SOURCE("backscatter", BACKSCATTER, backscatter),
    CLASS_SOURCE("other", OTHER, class_other),
};
static_assert(COUNT_OF(CLASS_SOURCE_FIELDS) == CLASS_COUNT_, "every class");
static const struct record CLASS_SOURCES = RECORD_OF(struct report, CLASS_SOURCE_FIELDS);

static const struct field CHECKSUM_FIELDS[] = {
#define X(id, name) AT(struct report, #name, FIELD_U64, bad_checksum[CHECKSUM_##id]),
    CHECKSUMS(X)
#undef X
};
static const struct record BAD_CHECKSUM = RECORD_OF(struct report, CHECKSUM_FIELDS);

static const struct field LIMIT_FIELDS[] = {
#define X(name) AT(struct report, #name, FIELD_U64, limits.name),
    LIMITS(X)
#undef X
};
static const struct record LIMIT_TOTALS = RECORD_OF(struct report, LIMIT_FIELDS);

/* The tables of a view: places before sources where scans are shown, the contract's order. */
#define VIEW_PORTS(view) TABLE(struct report, "ports", view.ports, PORT, 0)
#define VIEW_PLACES(view)                                                                      \
    TABLE(struct report, "countries", view.countries, COUNTRY, FIELD_LOCATED),                 \
        TABLE(struct report, "asns", view.asns, ASN, FIELD_LOCATED)
#define VIEW_SOURCES(view) TABLE(struct report, "top_sources", view.top_sources, SOURCE, 0)

static const struct field IOT_FIELDS[] = {
    AT(struct report, "packets", FIELD_U64, iot_packets),
    ESTIMATE(struct report, "sources", FIELD_U64, iot_sources, iot_sources_estimated),
    AT(struct report, "matched", FIELD_U64, iot.packets),
    BOUNDED(struct report, "matched_sources", FIELD_U64, iot.sources, iot.sources_estimated,
            iot.packets),
    VIEW_PORTS(iot),
    VIEW_PLACES(iot),
    VIEW_SOURCES(iot),
};
static const struct record IOT = RECORD_OF(struct report, IOT_FIELDS);

static const struct field BACKSCATTER_FIELDS[] = {
    VIEW_PORTS(backscatter),
    VIEW_SOURCES(backscatter),
    AT(struct report, "packets", FIELD_U64, backscatter.packets),
    BOUNDED(struct report, "sources", FIELD_U64, backscatter.sources,
            backscatter.sources_estimated, backscatter.packets),
    VIEW_PLACES(backscatter),
};
static const struct record BACKSCATTER = RECORD_OF(struct report, BACKSCATTER_FIELDS);

static const struct field UNLABELLED_FIELDS[] = {
    AS(struct report, "packets", FIELD_U64, unlabelled_packets, FIELD_SIGNED),
    {.name = "sources",
     .kind = FIELD_U64,
     .flags = FIELD_SIGNED,
     MEMBER(struct report, unlabelled_sources),
     .can_estimate = true,
     .estimated = offsetof(struct report, unlabelled_sources_estimated)},
};
static const struct record UNLABELLED = RECORD_OF(struct report, UNLABELLED_FIELDS);

#define TOOLS(label, member)                                                                   \
    {                                                                                          \
        .name = label, .kind = FIELD_MAP, .flags = FIELD_SIGNED | FIELD_BY_KEY,                \
        .offset = offsetof(struct report, member), .record = &TOOL                             \
    }

static const struct field REPORT_FIELDS[] = {
    {.name = "schema", .kind = FIELD_CONSTANT, .text = "nightscope.report/1"},
    {.name = "files", .kind = FIELD_FILES, .record = &FILE_RECORD},
    AS(struct report, "first", FIELD_TIME_NS, first_ns, FIELD_LOWEST),
    AS(struct report, "last", FIELD_TIME_NS, last_ns, FIELD_HIGHEST),
    AT(struct report, "frames", FIELD_U64, frames),
    TOTAL("packets", packets),
    TOTAL("bytes", bytes),
    GROUP("not_counted", NOT_COUNTED),
    TOTAL("late", late),
    TOTAL("dropped", dropped),
    AT(struct report, "from_dark", FIELD_U64, from_dark),
    GROUP("protocols", PROTOCOL_TOTALS),
    AT(struct report, "ipv6", FIELD_U64, ipv6),
    AT(struct report, "fragments", FIELD_U64, fragments),
    AT(struct report, "cut", FIELD_U64, cut),
    AT(struct report, "decapsulated", FIELD_U64, decapsulated),
    GROUP("bad_checksum", BAD_CHECKSUM),
    GROUP("classes", CLASS_TOTALS),
    {.name = "class_sources",
     .kind = FIELD_GROUP,
     .can_estimate = true,
     .estimated = offsetof(struct report, class_sources_estimated),
     .record = &CLASS_SOURCES},
    BOUNDED(struct report, "sources", FIELD_U64, sources, sources_estimated,
            counts[COUNT_packets]),
    BOUNDED(struct report, "destinations", FIELD_U64, destinations, destinations_estimated,
            counts[COUNT_packets]),
    GROUP("iot", IOT),
    TOOLS("signatures", signatures),
    TOOLS("labels", labels),
    GROUP("unlabelled", UNLABELLED),
    {.name = "thresholds",
     .kind = FIELD_CONSTANT,
     .flags = FIELD_DARKLESS,
     .text = "off: --dark not given"},
    {.name = "iot_ports",
     .kind = FIELD_TABLE,
     .flags = FIELD_SIGNED,
     .offset = offsetof(struct report, iot_ports),
     .file = "iot_services", /* iot_ports.csv is the table "ports" of "iot" */
     .record = &IOT_PORT},
    AS(struct report, "iot_ports_total", FIELD_SIZE, iot_ports.total, FIELD_SIGNED),
    VIEW_PORTS(scan),
    VIEW_PLACES(scan),
    VIEW_SOURCES(scan),
    GROUP("backscatter", BACKSCATTER),
    {.name = "series",
     .kind = FIELD_TABLE,
     .flags = FIELD_BY_KEY,
     .offset = offsetof(struct report, series),
     .record = &RECORD_MINUTE},
    GROUP("limits", LIMIT_TOTALS),
};
const struct record RECORD_REPORT = RECORD_OF(struct report, REPORT_FIELDS);
