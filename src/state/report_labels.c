/* Tables of tools, and what of all scans is IoT. */
#include "state/report_labels.h"

#include "signature/iot_ports.h"

#include <stdlib.h>
#include <string.h>

static int compare_tools(const void *left, const void *right)
{
    const struct report_tool *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static struct report_tool tool_row(const char *name, enum origin origin,
                                   const struct tool_tally *packets,
                                   const struct tool_tally *sources, bool estimated)
{
    return (struct report_tool){
        .name = name,
        .origin = origin,
        .packets = packets->packets,
        .sources = packets->sources + sources->sources,
        .sources_estimated = estimated,
        .labelled = packets->labelled + sources->labelled,
    };
}

/* The origin of a label is that of its first signature. */
static enum origin label_origin(const struct evidence_plan *plan, unsigned label)
{
    const struct signature_set *set = evidence_plan_signatures(plan);
    for (unsigned i = 0; i < signature_count(set); i++)
        if (evidence_label_of(plan, i) == label)
            return signature_at(set, i)->origin;
    return ORIGIN_TOOL;
}

static int fill_tools(const struct labels *labels, const struct source_tallies *held,
                      bool estimated, struct report *ret_report)
{
    const struct signature_set *set = evidence_plan_signatures(labels->plan);
    unsigned signatures = signature_count(set), names = evidence_label_count(labels->plan);
    ret_report->signatures.rows = calloc(signatures + 1, sizeof *ret_report->signatures.rows);
    ret_report->labels.rows = calloc(names + 1, sizeof *ret_report->labels.rows);
    if (!ret_report->signatures.rows || !ret_report->labels.rows)
        return -1;
    for (unsigned i = 0; i < signatures; i++) {
        const struct signature *signature = signature_at(set, i);
        ret_report->signatures.rows[i] =
            tool_row(signature->name, signature->origin, &labels->evicted.signatures[i],
                     &held->signatures[i], estimated);
    }
    for (unsigned i = 0; i < names; i++)
        ret_report->labels.rows[i] =
            tool_row(evidence_label_name(labels->plan, i), label_origin(labels->plan, i),
                     &labels->evicted.labels[i], &held->labels[i], estimated);
    qsort(ret_report->signatures.rows, signatures, sizeof(struct report_tool), compare_tools);
    qsort(ret_report->labels.rows, names, sizeof(struct report_tool), compare_tools);
    ret_report->signatures.n = ret_report->signatures.total = signatures;
    ret_report->labels.n = ret_report->labels.total = names;
    return 0;
}

static int compare_iot_ports(const void *left, const void *right)
{
    const struct report_iot_port *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets > b->packets ? -1 : 1;
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

/* Scans of the ports that IoT devices listen on, with or without the mark of an IoT device. */
static int fill_iot_ports(const struct analysis *analysis, struct report *ret_report)
{
    struct report_iot_port *rows = calloc(IOT_PORTS_COUNT + 1, sizeof *rows);
    if (!rows)
        return -1;
    size_t n = 0;
    for (size_t i = 0; i < IOT_PORTS_COUNT; i++) {
        const struct iot_port *port = &IOT_PORTS[i];
        unsigned at = (unsigned)(port->protocol == PROTOCOL_UDP) << 16 | port->port;
        const struct port_tally *all = &analysis->ports[VIEW_SCAN].rows[at];
        if (all->packets == 0)
            continue;
        struct report_iot_port *row = &rows[n++];
        *row = (struct report_iot_port){
            .protocol = port->protocol,
            .port = port->port,
            .device = port->device,
            .weakness = port->weakness,
            .packets = all->packets,
            .matched = analysis->ports[VIEW_IOT].rows[at].packets,
        };
        row->sources =
            distinct_count(&analysis->ports_pool, &all->sources, &row->sources_estimated);
        if (row->sources > row->packets)
            row->sources = row->packets; /* of an estimate */
    }
    qsort(rows, n, sizeof *rows, compare_iot_ports);
    ret_report->iot_ports.rows = rows;
    ret_report->iot_ports.n = ret_report->iot_ports.total = n;
    return 0;
}

int report_labels(const struct analysis *analysis, const struct report_input *input,
                  const struct source_tallies *held, bool estimated, struct report *ret_report)
{
    const struct labels *labels = &analysis->labels;
    ret_report->dark_known = input->dark_known;
    if (!labels->plan)
        return 0;
    ret_report->has_signatures = true;
    ret_report->iot_sources_estimated = ret_report->iot.sources_estimated =
        ret_report->unlabelled_sources_estimated = estimated;
    ret_report->iot_packets = labels->evicted.iot_packets + held->iot_packets;
    ret_report->iot_sources = labels->evicted.iot_sources + held->iot_sources;
    ret_report->iot.packets = labels->iot_packets;
    ret_report->iot.sources = labels->evicted.iot_matched_sources + held->iot_matched_sources;
    ret_report->counts[COUNT_iot_matched_sources] = ret_report->iot.sources;
    ret_report->unlabelled_packets =
        labels->evicted.unlabelled_packets + held->unlabelled_packets;
    ret_report->unlabelled_sources =
        labels->evicted.unlabelled_sources + held->unlabelled_sources;
    return fill_tools(labels, held, estimated, ret_report)
               ? -1
               : fill_iot_ports(analysis, ret_report);
}
