#include "app/flush_model.h"

#include <stdlib.h>
#include <string.h>

int model_init(struct flush_model *model)
{
    *model = (struct flush_model){
        .gathering = gathering_new(),
        .feed = calloc(2 * FEED_MAX, sizeof *model->feed),
        .feed_labels = calloc(MODEL_FEED_LABELS_MAX, sizeof *model->feed_labels),
        .label_map = calloc(MODEL_LABELS_MAX, sizeof *model->label_map),
        .all_due = true,
        .acked_minute_s = -1,
        .acked_hour_s = -1,
        .acked_day_s = -1,
    };
    if (model->gathering && model->feed && model->feed_labels && model->label_map)
        return 0;
    model_fini(model);
    return -1;
}

void model_fini(struct flush_model *model)
{
    gathering_free(model->gathering);
    free(model->minutes);
    free(model->feed);
    for (size_t i = 0; i < model->feed_labels_n; i++)
        free(model->feed_labels[i]);
    free(model->feed_labels);
    free(model->label_map);
    report_free(model->report);
    free(model->report_json);
    free(model->labelled);
    if (model->labelled_names != model->names)
        model_names_free(model->labelled_names);
    model_names_free(model->names);
    free(model->acked);
    names_fini(&model->memory.names);
    *model = (struct flush_model){0};
}

/* The oldest minutes go when there are more than are kept: what was never acknowledged of them
 * is lost, and counted. */
static void drop_minutes(struct flush_model *model)
{
    for (size_t i = 0; i < MODEL_MINUTES_DROPPED; i++)
        model->drops += model->minutes[i].start_s > model->acked_minute_s;
    model->minutes_n -= MODEL_MINUTES_DROPPED;
    memmove(model->minutes, model->minutes + MODEL_MINUTES_DROPPED,
            model->minutes_n * sizeof *model->minutes);
}

void model_add_minute(struct flush_model *model, const struct window *window, uint32_t seconds)
{
    if (model->minutes_n && window->start_s <= model->minutes[model->minutes_n - 1].start_s) {
        model->refused++; /* known already: an id that Redis would refuse */
        return;
    }
    if (model->minutes_n == MODEL_MINUTES_MAX + MODEL_MINUTES_DROPPED)
        drop_minutes(model);
    if (model->minutes_n == model->minutes_cap) {
        size_t cap = model->minutes_cap ? 2 * model->minutes_cap : 64;
        struct report_minute *grown = realloc(model->minutes, cap * sizeof *grown);
        if (!grown) {
            model->refused++;
            return;
        }
        model->minutes = grown;
        model->minutes_cap = cap;
    }
    struct report_minute *row = &model->minutes[model->minutes_n++];
    *row = (struct report_minute){
        .start_s = window->start_s, .seconds = seconds, .dports = window_dports(window)};
    memcpy(row->counts, window->counts, sizeof row->counts);
    gathering_add_minute(model->gathering, window, seconds);
    model->any_due = true;
}

/* Steps that come again are those of a run that ended between their file and its checkpoint:
 * profiles have them. The series has them too, unless that run ended between the two files. */
void model_take_steps(struct flush_model *model, struct profile *steps)
{
    int64_t known_s = gathering_newest_step(model->gathering);
    for (struct profile **at = &steps; *at;) {
        struct profile *step = *at;
        if (step->start_s > known_s) {
            at = &step->next;
            continue;
        }
        *at = step->next;
        if (step->start_s + PROFILE_STEP_S > model->closed_until_s)
            gathering_add_sources(model->gathering, step);
        profile_free(step);
    }
    gathering_add_steps(model->gathering, steps);
}

void model_roll(struct flush_model *model)
{
    if (!model->minutes_n)
        return;
    int64_t until_s = model->minutes[model->minutes_n - 1].start_s + 60;
    if (until_s > model->closed_until_s)
        until_s = model->closed_until_s;
    gathering_roll(model->gathering, until_s);
}

void model_advance(struct flush_model *model, int64_t closed_until_s)
{
    if (closed_until_s <= model->closed_until_s)
        return;
    model->closed_until_s = closed_until_s;
    gathering_advance(model->gathering, closed_until_s);
    model_roll(model);
    model->any_due |= gathering_version(model->gathering) != model->acked_version;
}

/* A copy of the label that stays: signatures may be reloaded. */
static const char *keep_label(struct flush_model *model, const char *label)
{
    if (!label)
        return NULL;
    for (size_t i = 0; i < model->feed_labels_n; i++)
        if (strcmp(model->feed_labels[i], label) == 0)
            return model->feed_labels[i];
    char *copy = model->feed_labels_n < MODEL_FEED_LABELS_MAX ? strdup(label) : NULL;
    if (!copy) {
        model->refused++;
        return NULL;
    }
    return model->feed_labels[model->feed_labels_n++] = copy;
}

/* Only whole milliseconds go, since packets of one are numbered from its first. */
static void trim_feed(struct flush_model *model)
{
    if (model->feed_n <= FEED_MAX)
        return;
    size_t first = model->feed_n - FEED_MAX;
    int64_t cut_ms = model->feed[first - 1].ts_ns / 1000000;
    while (first < model->feed_n && model->feed[first].ts_ns / 1000000 == cut_ms)
        first++;
    model->feed_n -= first;
    memmove(model->feed, model->feed + first, model->feed_n * sizeof *model->feed);
    model->acked_feed_n = model->acked_feed_n > first ? model->acked_feed_n - first : 0;
}

void model_add_feed(struct flush_model *model, const struct feed_packet *packets, size_t n)
{
    for (size_t i = n > FEED_MAX ? n - FEED_MAX : 0; i < n; i++) {
        if (model->feed_n == 2 * FEED_MAX)
            trim_feed(model);
        if (model->feed_n && packets[i].ts_ns < model->feed[model->feed_n - 1].ts_ns)
            continue; /* not by time, as it was agreed upon: an id that Redis would refuse */
        struct feed_packet *packet = &model->feed[model->feed_n++];
        *packet = packets[i];
        packet->label = keep_label(model, packet->label);
        model->any_due = true;
    }
    trim_feed(model);
}

void model_take_report(struct flush_model *model, struct report *report, char *json, size_t n,
                       struct labelled_source *labelled, size_t labelled_n)
{
    report_free(model->report);
    free(model->report_json);
    free(model->labelled);
    model->report = report;
    model->report_json = json;
    model->report_json_len = n;
    model->labelled = labelled;
    model->labelled_n = labelled_n;
    if (model->labelled_names != model->names) {
        model_names_free(model->labelled_names);
        model->labelled_names = model->names;
    }
    model->any_due = true;
}

uint64_t model_held(const struct flush_model *model)
{
    uint64_t held = gathering_hours_after(model->gathering, model->acked_hour_s);
    for (size_t i = model->minutes_n;
         i-- > 0 && model->minutes[i].start_s > model->acked_minute_s;)
        held++;
    return held;
}

uint64_t model_bytes(const struct flush_model *model)
{
    return model->minutes_cap * sizeof *model->minutes + 2 * FEED_MAX * sizeof *model->feed +
           model->report_json_len + model->labelled_n * sizeof *model->labelled +
           model->acked_n * sizeof *model->acked + gathering_bytes(model->gathering);
}

/* The index of a label; that of the names before is tried first. labels_n: there is none. */
static size_t find_label(const struct model_names *names, const char *label, size_t before)
{
    if (before < names->labels_n && strcmp(names->labels[before], label) == 0)
        return before;
    size_t i = 0;
    while (i < names->labels_n && strcmp(names->labels[i], label) != 0)
        i++;
    return i;
}

/* Signatures come and go between runs, while days of rankings stay for a year: labels that are
 * counted there and have no signature any more are added to the names. */
static void keep_labels(struct flush_model *model, struct model_names *names)
{
    struct model_names *old = model->names;
    bool *used = calloc(old->labels_n + 1, sizeof *used);
    size_t n = names->labels_n + old->labels_n;
    char **labels = realloc(names->labels, (n + 1) * sizeof *labels);
    if (labels)
        names->labels = labels;
    model->refused += !labels;
    bool known = used && gathering_note_labels(model->gathering, used, old->labels_n);
    for (size_t i = 0; i < old->labels_n; i++) {
        size_t at = find_label(names, old->labels[i], i);
        model->label_map[i] = UINT16_MAX;
        bool kept = (!known || used[i]) && labels && at < UINT16_MAX;
        if (at == names->labels_n && kept) {
            names->labels[names->labels_n++] = old->labels[i];
            old->labels[i] = NULL;
        }
        if (at < names->labels_n)
            model->label_map[i] = (uint16_t)at;
    }
    free(used);
    gathering_relabel(model->gathering, model->label_map, (unsigned)old->labels_n);
}

void model_take_names(struct flush_model *model, struct model_names *names)
{
    if (model->names)
        keep_labels(model, names);
    if (model->labelled_names != model->names)
        model_names_free(model->names);
    model->names = names;
    if (!model->labelled_n && model->labelled_names != names) {
        model_names_free(model->labelled_names);
        model->labelled_names = names;
    }
}

void model_names_free(struct model_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->signatures_n && names->signatures; i++) {
        free((char *)names->signatures[i].name); /* ours: const only for readers */
        free((char *)names->signatures[i].label);
    }
    for (size_t i = 0; i < names->labels_n && names->labels; i++)
        free(names->labels[i]);
    free(names->signatures);
    free(names->labels);
    free(names);
}

struct model_names *model_names_new(const struct signature_set *signatures,
                                    const char *const *labels, size_t labels_n)
{
    struct model_names *names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->signatures_n = signatures ? signature_count(signatures) : 0;
    names->labels_n = labels_n;
    names->signatures = calloc(names->signatures_n + 1, sizeof *names->signatures);
    names->labels = calloc(labels_n + 1, sizeof *names->labels);
    bool copied = names->signatures && names->labels;
    for (unsigned i = 0; copied && i < names->signatures_n; i++) {
        const struct signature *signature = signature_at(signatures, i);
        names->signatures[i] =
            (struct publication_signature){strdup(signature->name), strdup(signature->label)};
        copied = names->signatures[i].name && names->signatures[i].label;
    }
    for (size_t i = 0; copied && i < labels_n; i++)
        copied = (names->labels[i] = strdup(labels[i]));
    if (copied)
        return names;
    model_names_free(names);
    return NULL;
}
