/* Signatures: what is known about scanners, as text, and the matcher that tests batches of
 * packets against all of them.
 *
 *      *.sig --> signature_set --> matcher (one a worker) --> matches (one mask a signature)
 *
 * contrib/doc/signatures.md is the reference of the language. A set is immutable once loaded
 * and may be shared by threads. A comparison with a field that the packet does not have is
 * unknown; a signature matches only where its expression is true.
 *
 * A signature may also say what holds over the packets of one source: a relation (constant,
 * increasing) and thresholds. These are only described here, with the values of one row; the
 * state layer keeps them per source. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/error.h>

#include <stddef.h>

enum {
    SIGNATURES_MAX = 16384,
    SIGNATURE_FILE_MAX = 1 << 20, /* bytes of one file */
    SIGNATURE_ERRORS_MAX = 50,
    SIGNATURE_NAME_MAX = 64,
    THRESHOLD_SETS_MAX = 2, /* thresholds of distinct values in one signature */
};

#define ORIGINS(X)                                                                             \
    X(IOT, iot)                                                                                \
    X(TOOL, tool)                                                                              \
    X(RESEARCH, research)                                                                      \
    X(WORM, worm) X(AMPLIFICATION, amplification) X(BACKSCATTER, backscatter)
enum origin {
#define X(id, name) ORIGIN_##id,
    ORIGINS(X)
#undef X
        ORIGIN_COUNT_,
};

/* The kinds of packet that are counted apart per source: the n of the evidence. */
enum candidate {
    CANDIDATE_SYN,   /* TCP with SYN and without ACK */
    CANDIDATE_TCP,   /* other TCP */
    CANDIDATE_UDP,   /* UDP */
    CANDIDATE_ICMP,  /* ICMP and ICMPv6 */
    CANDIDATE_SCTP,  /* SCTP */
    CANDIDATE_OTHER, /* all else: other protocols, later fragments, cut headers */
    CANDIDATE_COUNT_,
};
enum candidate candidate_of(const struct batch *batch, unsigned row);

enum relation {
    RELATION_NONE,
    RELATION_CONSTANT,   /* the value is the same in every probe of one run of a source */
    RELATION_INCREASING, /* the value grows from probe to probe */
};

enum cost {
    COST_COLUMN,  /* header fields */
    COST_OPTIONS, /* walks TCP options */
    COST_PAYLOAD, /* reads payload bytes: needs captures that have them */
};

enum threshold_kind {
    THRESHOLD_PACKETS,  /* matching packets of one source */
    THRESHOLD_DISTINCT, /* distinct threshold_key() among them */
};

/* A count over the matching packets of one source must be above (strict) or at least `value`.
 * value is per dark address when per_dark is set. Thresholds are off without a known dark
 * space. */
struct threshold {
    enum threshold_kind kind;
    bool strict;
    bool per_dark;
    double value;
    uint32_t span_s; /* 0: as long as evidence is kept */
    uint32_t tuple;  /* internal */
};

/* Borrowed from its set. Texts that were not given are NULL. */
struct signature {
    const char *name, *label, *title; /* label: the common name; by default the name */
    const char *since, *until;        /* these inform; they never gate */
    const char *file;                 /* where it was read ... */
    unsigned line;                    /* ... and the line of its name */
    enum origin origin;
    double chance;       /* (0,1]: that an unrelated packet (or pair, for a relation) matches */
    unsigned candidates; /* 1 << enum candidate of every kind of packet it can match */
    enum cost cost;
    enum relation relation;
    const struct threshold *thresholds; /* all must hold */
    unsigned thresholds_n;
    const char *const *references, *const *examples, *const *nears;
    unsigned references_n, examples_n, nears_n;
    uint32_t match, value, probe; /* internal: expressions */
};

struct signature_errors {
    unsigned n;      /* items filled */
    unsigned unseen; /* errors beyond them */
    struct err items[SIGNATURE_ERRORS_MAX];
};

struct signature_set;

/* NULL: out of memory. */
struct signature_set *signature_set_new(void);
void signature_set_free(struct signature_set *set);
/* Adds the signatures of a text. `origin` names it in errors. Returns 0, or -1 with the errors
 * appended to *errors; the set then holds the signatures that were right, for further checks.
 */
int signature_set_parse(struct signature_set *set, const char *origin, const char *text,
                        size_t size, struct signature_errors *errors);
/* The same for a file, or for all *.sig files of a folder in the order of their names. A folder
 * without any is not an error. */
int signature_set_load(struct signature_set *set, const char *path,
                       struct signature_errors *errors);

/* Adds a signature `known-NAME` for each name of a list of published scanner prefixes: lines of
 * a prefix and a name, `#` starts a comment. */
int signature_set_load_scanners(struct signature_set *set, const char *path,
                                struct signature_errors *errors);

/* Adds, for every signature of `old` whose name is not in the set, one of its name and label
 * that matches nothing: what was counted under the name can stay. */
int signature_set_keep_names(struct signature_set *set, const struct signature_set *old,
                             struct signature_errors *errors);

unsigned signature_count(const struct signature_set *set);
const struct signature *signature_at(const struct signature_set *set, unsigned index);
/* Index of a name, or -1. */
int signature_find(const struct signature_set *set, const char *name);
const char *origin_name(enum origin origin);
/* Estimated nanoseconds a packet when every packet is a candidate: for comparing signatures. */
double signature_cost_ns(const struct signature_set *set, unsigned index);
/* The match expression as text that parses to the same expression. Like snprintf: returns the
 * length, cuts at cap. */
size_t signature_print(const struct signature_set *set, unsigned index, char *buf, size_t cap);

/* The value of a relation in this row; false when the packet lacks one of its fields. */
bool signature_relation_value(const struct signature_set *set, unsigned index,
                              const struct batch *batch, unsigned row, uint64_t *ret_value);
/* A hash of what makes a probe distinct: the signature's `distinct`, by default destination,
 * port and sequence number or identifier. The same in every run and on every machine. */
uint64_t signature_probe_key(const struct signature_set *set, unsigned index,
                             const struct batch *batch, unsigned row);
/* Its upper 32 bits for the default: what most signatures share. */
uint32_t signature_usual_probe(const struct signature_set *set, const struct batch *batch,
                               unsigned row);
/* The same for the tuple of a THRESHOLD_DISTINCT. */
uint64_t threshold_key(const struct signature_set *set, const struct threshold *threshold,
                       const struct batch *batch, unsigned row);

/* Kleene's three truth values. */
enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* The truth of a signature for one row, by walking its expression: slow, and the reference that
 * the matcher is compared with. */
enum truth signature_truth(const struct signature_set *set, unsigned index,
                           const struct batch *batch, unsigned row);

/* One part of an expression, outermost first. Texts are valid during the call. */
struct explanation {
    unsigned depth;     /* 0: the whole expression */
    enum truth truth;   /* of this part, for this row */
    const char *text;   /* the part, in the language */
    const char *values; /* "ip.id = 54321, tcp.seq = ?" for a comparison; "" for and, or, not */
};
void signature_explain(const struct signature_set *set, unsigned index,
                       const struct batch *batch, unsigned row,
                       void (*each)(void *context, const struct explanation *part),
                       void *context);

/* What matched in a batch. Walk hits[] rather than all signatures: most match nothing. */
struct matches {
    unsigned count;            /* signatures: mask[0..count-1] */
    unsigned hits_n;           /* signatures with a bit set in their mask ... */
    uint32_t *hits;            /* ... ascending */
    uint64_t any[BATCH_WORDS]; /* rows that match some signature ... */
    uint64_t iot[BATCH_WORDS]; /* ... of origin iot */
    uint64_t (*mask)[BATCH_WORDS];
    const struct kernels *kernels; /* private */
};
/* The rows in mask[index], ascending; returns how many. There must be room for some more. */
enum { MATCHES_ROWS_CAP = BATCH_CAP + 64 };
unsigned matches_rows(const struct matches *matches, unsigned index,
                      uint8_t ret_rows[static MATCHES_ROWS_CAP]);
struct matches *matches_new(const struct signature_set *set);
void matches_free(struct matches *matches);

/* The compiled signatures with their scratch memory: one a thread. The set must outlive it. */
struct matcher;
struct matcher *matcher_new(const struct signature_set *set);
void matcher_free(struct matcher *matcher);
/* Fills *ret_matches, which must be of the same set. Hot path: cannot fail. */
void matcher_run(struct matcher *matcher, const struct batch *batch,
                 struct matches *ret_matches);
/* "avx512", "avx2" or "baseline": the instruction set in use. */
const char *matcher_isa(const struct matcher *matcher);
