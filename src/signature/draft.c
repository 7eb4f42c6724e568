/* A signature while its lines are read: begun by its name, and added to the set if it has what
 * it needs and nothing was wrong with it. */
#include "draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *keep(struct signature_set *set, const void *items, size_t size)
{
    void *copy = arena_alloc(&set->ast.arena, size ? size : 1);
    if (copy && size)
        memcpy(copy, items, size);
    return copy;
}

/* What the evidence of a source can keep for one signature. */
static void check_thresholds(struct file_reader *reader, const struct draft *draft)
{
    const struct signature *signature = &draft->signature;
    unsigned sets = 0;
    bool spans_differ = false;
    for (unsigned i = 0; i < signature->thresholds_n; i++) {
        sets += draft->thresholds[i].kind == THRESHOLD_DISTINCT;
        spans_differ |= draft->thresholds[i].span_s != draft->thresholds[0].span_s;
    }
    if (signature->thresholds_n > 0 && signature->relation != RELATION_NONE)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: has a relation and a threshold; make it two signatures",
                    signature->name);
    if (sets > THRESHOLD_SETS_MAX)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: more than %d thresholds of distinct values", signature->name,
                    THRESHOLD_SETS_MAX);
    if (spans_differ)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: its thresholds have different spans; make it two signatures",
                    signature->name);
}

void draft_close(struct file_reader *reader)
{
    struct draft *draft = &reader->draft;
    struct signature *signature = &draft->signature;
    struct signature_set *set = reader->set;
    static const enum key NEEDED[] = {KEY_TITLE, KEY_ORIGIN, KEY_MATCH};
    if (!reader->open)
        return;
    reader->open = false;
    reader->parser.defines = reader->file_defines;
    for (size_t i = 0; i < sizeof NEEDED / sizeof NEEDED[0]; i++)
        if (!(draft->seen & 1U << NEEDED[i]))
            diag_report(&reader->diag, signature->line, 1, "signature %s: no \"%s\"",
                        signature->name, KEY_NAMES[NEEDED[i]]);
    if (!(draft->seen & 1U << KEY_CHANCE) && signature->thresholds_n == 0)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: neither \"chance\" nor a threshold", signature->name);
    check_thresholds(reader, draft);
    if (reader->diag.count != draft->errors_before || !draft->valid_name)
        return;
    if (set->n == set->cap) {
        unsigned cap = set->cap ? 2 * set->cap : 64;
        struct signature *grown = realloc(set->signatures, cap * sizeof *grown);
        if (!grown) {
            diag_report(&reader->diag, signature->line, 1, "out of memory");
            return;
        }
        set->signatures = grown;
        set->cap = cap;
    }
    if (!signature->label)
        signature->label = signature->name;
    signature->cost = (enum cost)ast_at(&set->ast, signature->match)->cost;
    signature->candidates = candidates_of(&set->ast, signature->match);
    signature->thresholds =
        keep(set, draft->thresholds, signature->thresholds_n * sizeof draft->thresholds[0]);
    signature->references =
        keep(set, draft->references, signature->references_n * sizeof(char *));
    signature->examples = keep(set, draft->examples, signature->examples_n * sizeof(char *));
    signature->nears = keep(set, draft->nears, signature->nears_n * sizeof(char *));
    if (!signature->thresholds || !signature->references || !signature->examples ||
        !signature->nears)
        diag_report(&reader->diag, signature->line, 1, "out of memory");
    else if (signature->candidates == 0)
        diag_report(&reader->diag, signature->line, 1, "signature %s: no packet can match",
                    signature->name);
    else
        set->signatures[set->n++] = *signature;
}

void draft_open(struct file_reader *reader, const struct line *line, const char *at)
{
    struct signature_set *set = reader->set;
    reader->draft = (struct draft){.errors_before = reader->diag.count};
    reader->draft.signature.chance = 1;
    reader->draft.signature.line = line->number;
    reader->open = true;
    const char *name = file_text(reader, line, at);
    if (!name) {
        reader->draft.signature.name = "?";
        return;
    }
    reader->draft.signature.name = name;
    reader->draft.signature.file =
        arena_text(&set->ast.arena, reader->diag.origin, strlen(reader->diag.origin));
    reader->draft.valid_name = text_is_name(name, strlen(name));
    int other = signature_find(set, name);
    char message[SIGNATURE_NAME_MAX + 400];
    if (!reader->draft.valid_name) {
        file_report(reader, line, at,
                    "expected a name of a-z, 0-9, \"-\", \".\" and \"_\", at most 64 long");
    } else if (other >= 0) {
        (void)snprintf(message, sizeof message, "\"%s\": the name is taken, see %.200s:%u",
                       name, set->signatures[other].file, set->signatures[other].line);
        file_report(reader, line, at, message);
    } else if (set->n >= SIGNATURES_MAX) {
        file_report(reader, line, at, "more than 16384 signatures");
    }
}
