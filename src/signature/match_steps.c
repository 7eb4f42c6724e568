/* Runs the compiled signatures over a batch, compiled once for each instruction set: masks are
 * single vectors there. Nothing here allocates or fails.
 *
 * A step is computed for the rows that are asked for and not done yet; plain columns for all
 * rows at once, bytes row by row. t: rows where it is true; k: rows where it is known. */
#include <string.h>

#include "plan.h"

#include "base/prefetch.h"

#define EACH_WORD(w) for (unsigned w = 0; w < BATCH_WORDS; w++)

/* Rows that have what a step needs. */
static void known_rows(const struct matcher *matcher, const struct batch *batch, uint32_t has,
                       uint64_t ret[static BATCH_WORDS])
{
    mask_value rows = GET(matcher->rows);
    for (; has; has &= has - 1)
        rows &= GET(batch->has[__builtin_ctz(has)]);
    MASK(ret) = rows;
}

static const void *column_at(const struct batch *batch, uint32_t column)
{
    return (const uint8_t *)batch + column;
}

/* A result for all rows. */
static void memo_all(const struct matcher *matcher, struct memo *memo,
                     const uint64_t t[static BATCH_WORDS], const uint64_t k[static BATCH_WORDS])
{
    mask_value known = GET(k) & GET(matcher->rows);
    MASK(memo->k) = known;
    MASK(memo->t) = GET(t) & known;
    memo->whole = 1;
}

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* ---- plain columns, all rows ---- */

static void run_test(const struct matcher *matcher, const struct batch *batch,
                     const struct step *step, uint64_t ret[static BATCH_WORDS])
{
    const struct kernels *kernels = matcher->kernels;
    const void *column = column_at(batch, step->column);
    if (step->size == 1)
        kernels->test8(column, step->mask, step->value, ret);
    else if (step->size == 2)
        kernels->test16(column, step->mask, step->value, ret);
    else
        kernels->test32(column, step->mask, step->value, ret);
}

static void run_range(const struct matcher *matcher, const struct batch *batch,
                      const struct step *step, uint32_t lo, uint32_t span,
                      uint64_t ret[static BATCH_WORDS])
{
    const struct kernels *kernels = matcher->kernels;
    const void *column = column_at(batch, step->column);
    if (step->size == 1)
        kernels->range8(column, lo, span, ret);
    else if (step->size == 2)
        kernels->range16(column, lo, span, ret);
    else
        kernels->range32(column, lo, span, ret);
}

static void run_ranges(const struct matcher *matcher, const struct batch *batch,
                       const struct step *step, uint64_t ret[static BATCH_WORDS])
{
    if (step->op != OP_IN) {
        run_range(matcher, batch, step, step->mask, step->value, ret);
        return;
    }
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    const struct range *ranges = blob->bytes;
    uint64_t one[BATCH_WORDS];
    memset(ret, 0, sizeof one);
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++) {
        run_range(matcher, batch, step, (uint32_t)ranges[i].lo,
                  (uint32_t)(ranges[i].hi - ranges[i].lo), one);
        EACH_WORD(w) ret[w] |= one[w];
    }
}

/* ---- row by row; need and k are the rows to look at ---- */

static bool in_ranges(const struct range *ranges, size_t n, uint64_t value)
{
    size_t from = 0;
    while (n > 0) { /* the first range that does not end before the value */
        size_t half = n / 2;
        if (ranges[from + half].hi < value) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return ranges[from].lo <= value && value <= ranges[from].hi;
}

/* Lists the rows of a mask if they are few. */
static bool list_few(const uint64_t mask[static BATCH_WORDS], struct rows *ret_rows)
{
    uint8_t rows[ROW_LIST_CAP];
    unsigned n = mask_list(mask, rows);
    if (n > FEW_ROWS)
        return false;
    ret_rows->n = n;
    ret_rows->unknown = 0;
    memcpy(ret_rows->row, rows, FEW_ROWS);
    return true;
}

/* Results of a few rows: bit i is of rows->row[i]. */
static void spread(const struct rows *rows, uint32_t holds, uint64_t t[static BATCH_WORDS],
                   uint64_t k[static BATCH_WORDS])
{
    for (unsigned i = 0; i < rows->n; i++) {
        unsigned row = rows->row[i];
        bool known = !(rows->unknown >> i & 1);
        k[row / 64] &= ~((uint64_t)!known << row % 64);
        t[row / 64] |= (uint64_t)((holds >> i & 1) & known) << row % 64;
    }
}

static void run_set(struct matcher *matcher, const struct batch *batch, const struct step *step,
                    uint64_t t[static BATCH_WORDS], uint64_t k[static BATCH_WORDS])
{
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    const struct range *ranges = blob->bytes;
    size_t n = blob->size / sizeof *ranges;
    struct rows few;
    if (list_few(k, &few)) {
        uint64_t value[FEW_ROWS];
        uint32_t holds = 0;
        number_few(matcher, batch, step->a, &few, value);
        for (unsigned i = 0; i < few.n; i++)
            if (!(few.unknown >> i & 1) && value[i] <= ranges[n - 1].hi)
                holds |= (uint32_t)in_ranges(ranges, n, value[i]) << i;
        spread(&few, holds, t, k);
        return;
    }
    number_run64(matcher, batch, step->a, 0, k);
    const uint64_t *values = number_column64(matcher, 0);
    EACH_WORD(w)
    for (uint64_t bits = k[w]; bits; bits &= bits - 1) {
        unsigned row = 64 * w + (unsigned)__builtin_ctzll(bits);
        if (values[row] <= ranges[n - 1].hi && in_ranges(ranges, n, values[row]))
            t[w] |= bits & -bits;
    }
}

static void compare_few(struct matcher *matcher, const struct batch *batch,
                        const struct step *step, struct rows *few,
                        uint64_t t[static BATCH_WORDS], uint64_t k[static BATCH_WORDS])
{
    uint64_t a[FEW_ROWS], b[FEW_ROWS];
    uint32_t holds = 0;
    number_few(matcher, batch, step->a, few, a);
    number_few(matcher, batch, step->b, few, b);
    for (unsigned i = 0; i < few->n; i++) {
        if (few->unknown >> i & 1)
            continue;
        bool truth = step->op == OP_EQ   ? a[i] == b[i]
                     : step->op == OP_LT ? a[i] < b[i]
                                         : a[i] <= b[i];
        holds |= (uint32_t)truth << i;
    }
    spread(few, holds, t, k);
}

/* A side of a comparison as a column. What is made of columns alone may be kept for the batch,
 * as others compare with the same. */
static const uint32_t *side32(struct matcher *matcher, const struct batch *batch, uint32_t id,
                              unsigned slot, unsigned kept, uint64_t k[static BATCH_WORDS])
{
    if (!kept) {
        number_run32(matcher, batch, id, slot, k);
        return number_column32(matcher, slot);
    }
    struct kept_number *number = &matcher->kept[kept - 1];
    if (number->epoch != matcher->epoch) {
        number->epoch = matcher->epoch;
        number_run32(matcher, batch, id, slot, k);
        memcpy(number->column, number_column32(matcher, slot), sizeof number->column);
    }
    return number->column;
}

static void run_compare(struct matcher *matcher, const struct batch *batch,
                        const struct step *step, uint64_t t[static BATCH_WORDS],
                        uint64_t k[static BATCH_WORDS])
{
    enum node_op op = (enum node_op)step->op;
    const struct kernels *kernels = matcher->kernels;
    struct rows few;
    if (!step->whole && list_few(k, &few)) {
        compare_few(matcher, batch, step, &few, t, k);
        return;
    }
    if (step->how == HOW_COMPARE64) {
        number_run64(matcher, batch, step->a, 0, k);
        number_run64(matcher, batch, step->b, 1, k);
        kernels->compare64(op, number_column64(matcher, 0), number_column64(matcher, 1), t);
        return;
    }
    const struct node *b = ast_at(&matcher->set->ast, step->b);
    const uint32_t *left = side32(matcher, batch, step->a, 0, step->kept[0], k);
    uint32_t value = (uint32_t)b->value;
    if (b->op != OP_CONST)
        kernels->compare32(op, left, side32(matcher, batch, step->b, 1, step->kept[1], k), t);
    else if (op == OP_EQ)
        kernels->test32(left, UINT32_MAX, value, t);
    else if (op == OP_LE || value > 0)
        kernels->range32(left, 0, value - (op == OP_LT), t);
    /* else: nothing is below 0, and t begins as that */
}

static unsigned find_long_literal(const struct matcher *matcher, const uint8_t *bytes,
                                  uint32_t len)
{
    const struct option_literals *literals = &matcher->option_literals;
    struct options_key key = options_key(bytes, len);
    for (uint32_t at = key.hash & literals->mask; literals->table[at].blob;
         at = (at + 1) & literals->mask)
        if (options_key_is(matcher, &literals->table[at], &key, bytes))
            return literals->table[at].id;
    return 0;
}

/* Number of the literal that a row's options are, or 0. What lies before them is headers, so
 * that as many bytes as a key has can be read up to their end, and no branch depends on how
 * many there are. */
static inline unsigned row_literal(const struct matcher *matcher, const uint8_t *bytes,
                                   uint32_t len)
{
    static_assert(OPTIONS_KEY_BYTES == 24, "three words");
#define ONES 255, 255, 255, 255, 255, 255, 255, 255
    static const uint8_t KEEP[2 * OPTIONS_KEY_BYTES] = {[OPTIONS_KEY_BYTES] = ONES, ONES, ONES};
#undef ONES
    const struct option_literals *literals = &matcher->option_literals;
    if (__builtin_expect(len > OPTIONS_KEY_BYTES, 0))
        return find_long_literal(matcher, bytes, len);
    const uint8_t *from = bytes + len - OPTIONS_KEY_BYTES, *keep = KEEP + len;
    uint64_t a = load64(from) & load64(keep), b = load64(from + 8) & load64(keep + 8),
             c = load64(from + 16) & load64(keep + 16);
    for (uint32_t at = options_key_hash(a, b, c, len) & literals->mask;;
         at = (at + 1) & literals->mask) {
        const struct options_key *key = &literals->table[at].key;
        bool same = ((key->words[0] ^ a) | (key->words[1] ^ b) | (key->words[2] ^ c) |
                     (key->len ^ len)) == 0;
        if (same | !literals->table[at].blob)
            return same ? literals->table[at].id : 0; /* of a free one it is 0, too */
    }
}

/* The options of a row are looked up once, among all literals. */
static void run_options(struct matcher *matcher, const struct batch *batch,
                        const struct step *step, uint64_t t[static BATCH_WORDS],
                        const uint64_t k[static BATCH_WORDS])
{
    uint64_t left[BATCH_WORDS];
    uint8_t rows[ROW_LIST_CAP];
    MASK(left) = GET(k) & ~GET(matcher->ids_done);
    MASK(matcher->ids_done) |= GET(k);
    unsigned n = mask_list(left, rows);
    for (unsigned i = 0; i < n; i++) {
        unsigned row = rows[i];
        matcher->option_ids[row] =
            (uint16_t)row_literal(matcher, batch->ip[row] + batch->transport[row] + 20,
                                  batch->tcp_hdr_len[row] - 20U);
    }
    matcher->kernels->test16(matcher->option_ids, UINT16_MAX, step->id, t);
    MASK(t) &= GET(k);
}

/* Truth of a comparison of bytes for one row: 1 true, 0 false, -1 unknown. */
static int bytes_test(const struct kernels *kernels, const struct step *step,
                      const struct blob *blob, const uint8_t *at, size_t len, size_t caplen)
{
    if (step->op == OP_CONTAINS) {
        if (blob->size > len)
            return 0;
        if (caplen >= blob->size && kernels->find(at, caplen, blob->bytes, blob->size))
            return 1;
        if (caplen == len)
            return 0;
        if (caplen <= len - blob->size)
            return -1; /* it may be all behind what was captured */
        /* Could it begin among the captured bytes? */
        for (size_t from = caplen < blob->size ? 0 : caplen - blob->size + 1;
             from + blob->size <= len; from++) {
            size_t overlap = from < caplen ? caplen - from : 0;
            if (overlap == 0 || memcmp(at + from, blob->bytes, overlap) == 0)
                return -1;
        }
        return 0;
    }
    size_t offset = step->op == OP_AT ? step->offset : 0;
    if (step->op == OP_EQUALS ? len != blob->size : offset + blob->size > len)
        return 0;
    size_t there = offset < caplen ? caplen - offset : 0;
    if (there > blob->size)
        there = blob->size;
    if (there && memcmp(at + offset, blob->bytes, there) != 0)
        return 0;
    return there == blob->size ? 1 : -1;
}

/* Where a row's field of bytes is. */
struct view {
    const uint8_t *at;
    size_t len, caplen;
};

static inline struct view view_of(struct matcher *matcher, const struct batch *batch,
                                  uint32_t field, unsigned row)
{
    if (field == FIELD_PAYLOAD)
        return (struct view){batch->ip[row] + batch->payload[row], batch->payload_len[row],
                             batch->payload_caplen[row]};
    if (field == FIELD_TCP_KINDS) {
        const struct tcp_options *options = matcher_options(matcher, batch, row);
        return (struct view){options->kinds, options->kinds_n, options->kinds_n};
    }
    size_t len = batch->tcp_hdr_len[row] - 20U;
    return (struct view){batch->ip[row] + batch->transport[row] + 20, len, len};
}

/* 1: true; 0: false, as t has it already; -1: unknown, as there are bytes missing. */
static inline void note_truth(int truth, unsigned row, uint64_t t[static BATCH_WORDS],
                              uint64_t k[static BATCH_WORDS])
{
    if (truth > 0)
        mask_set(t, row);
    else if (truth < 0)
        k[row / 64] &= ~((uint64_t)1 << row % 64);
}

static void run_bytes(struct matcher *matcher, const struct batch *batch,
                      const struct step *step, uint64_t t[static BATCH_WORDS],
                      uint64_t k[static BATCH_WORDS])
{
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    uint8_t rows[ROW_LIST_CAP];
    unsigned n = mask_list(k, rows);
    for (unsigned i = 0; i < n; i++) {
        struct view view = view_of(matcher, batch, step->a, rows[i]);
        if (step->op != OP_CONTAINS && step->offset <= view.caplen &&
            !head_may(&step->head, view.at + step->offset, view.caplen - step->offset))
            continue;
        note_truth(bytes_test(matcher->kernels, step, blob, view.at, view.len, view.caplen),
                   rows[i], t, k);
    }
}

static int literals_test(const struct matcher *matcher, const struct literals *literals,
                         unsigned from, unsigned end, const uint8_t *at, size_t len,
                         size_t caplen)
{
    int truth = 0;
    for (unsigned i = from; i < end && truth <= 0; i++) {
        const struct literal *literal = &literals->items[i];
        const struct blob *blob = ast_blob_at(&matcher->set->ast, literal->blob);
        if (!head_may(&literal->head, at, caplen))
            continue;
        int its = bytes_test(matcher->kernels, &(struct step){.op = literal->op}, blob, at, len,
                             caplen);
        truth = its ? its : truth;
    }
    return truth;
}

static void run_literals(const struct matcher *matcher, const struct batch *batch,
                         const struct step *step, uint64_t t[static BATCH_WORDS],
                         uint64_t k[static BATCH_WORDS])
{
    const struct literals *literals = &matcher->literals[step->b];
    uint8_t rows[ROW_LIST_CAP];
    unsigned n = mask_list(k, rows);
    for (unsigned i = 0; i < n; i++) {
        unsigned row = rows[i], from = 0, end = literals->first[256];
        const uint8_t *at = batch->ip[row] + batch->payload[row];
        if (batch->payload_caplen[row] > 0) {
            from = literals->first[*at];
            end = literals->first[*at + 1];
        }
        if (from != end)
            note_truth(literals_test(matcher, literals, from, end, at, batch->payload_len[row],
                                     batch->payload_caplen[row]),
                       row, t, k);
    }
}

static bool not_below(struct ip6 a, struct ip6 b)
{
    return a.hi > b.hi || (a.hi == b.hi && a.lo >= b.lo);
}

static void run_address(struct matcher *matcher, const struct batch *batch,
                        const struct step *step, uint64_t t[static BATCH_WORDS],
                        const uint64_t k[static BATCH_WORDS])
{
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    const struct range6 *ranges = blob->bytes;
    const struct ip6 *column = step->a == FIELD_IPV6_SRC ? batch->src6 : batch->dst6;
    EACH_WORD(w)
    for (uint64_t bits = k[w]; bits; bits &= bits - 1) {
        struct ip6 address = column[64 * w + (unsigned)__builtin_ctzll(bits)];
        for (size_t i = 0; i < blob->size / sizeof *ranges; i++)
            if (not_below(address, ranges[i].lo) && not_below(ranges[i].hi, address))
                t[w] |= bits & -bits;
    }
}

static void run_true(const struct batch *batch, const struct step *step,
                     struct matcher *matcher, uint64_t t[static BATCH_WORDS],
                     uint64_t k[static BATCH_WORDS])
{
    EACH_WORD(w)
    for (uint64_t bits = k[w]; bits; bits &= bits - 1) {
        unsigned row = 64 * w + (unsigned)__builtin_ctzll(bits);
        uint64_t value = 0;
        if (step->a == FIELD_TCP_SACK_PERM)
            value = matcher_options(matcher, batch, row)->has_sack_perm;
        else if (!field_read(batch, row, (enum field_id)step->a, &value))
            k[w] &= ~(bits & -bits);
        if (value)
            t[w] |= bits & -bits;
    }
}

/* ---- all steps ---- */

static void run(struct matcher *matcher, const struct batch *batch, uint32_t index,
                const uint64_t need[static BATCH_WORDS]);

static inline const struct memo *ask(struct matcher *matcher, const struct batch *batch,
                                     uint32_t index, const uint64_t need[static BATCH_WORDS])
{
    const struct memo *memo = &matcher->memos[index];
    if (memo->epoch != matcher->epoch || !memo->whole)
        run(matcher, batch, index, need);
    return memo;
}

/* and, or: the second side is asked for only where the first does not decide. */
static void run_pair(struct matcher *matcher, const struct batch *batch,
                     const struct step *step, const uint64_t need[static BATCH_WORDS],
                     uint64_t t[static BATCH_WORDS], uint64_t k[static BATCH_WORDS])
{
    uint64_t open[BATCH_WORDS];
    const struct memo *a = ask(matcher, batch, step->a, need);
    bool all = step->how == HOW_ALL;
    mask_value at = GET(a->t), ak = GET(a->k), asked = GET(need);
    mask_value decided = asked & at;
    if (all)
        decided = asked & ak & ~at;
    MASK(open) = asked & ~decided;
    MASK(k) = decided;
    if (!all)
        MASK(t) = decided;
    if (mask_is_empty(open))
        return;
    const struct memo *b = ask(matcher, batch, step->b, open);
    mask_value bt = GET(b->t) & GET(open), bk = GET(b->k) & GET(open);
    if (all) { /* here a is true or unknown */
        MASK(t) |= at & bt;
        MASK(k) |= (bk & ~bt) | (ak & bk);
    } else { /* here a is false or unknown */
        MASK(t) |= bt;
        MASK(k) |= bt | (ak & bk);
    }
}

/* The rows of `need` that are not done: into t and k, which begin as 0 and what is there. */
static void run_rows(struct matcher *matcher, const struct batch *batch,
                     const struct step *step, const uint64_t need[static BATCH_WORDS],
                     uint64_t t[static BATCH_WORDS], uint64_t k[static BATCH_WORDS])
{
    switch ((enum how)step->how) {
    case HOW_SET:
        run_set(matcher, batch, step, t, k);
        return;
    case HOW_COMPARE32:
    case HOW_COMPARE64:
        run_compare(matcher, batch, step, t, k);
        return;
    case HOW_OPTIONS:
        run_options(matcher, batch, step, t, k);
        return;
    case HOW_BYTES:
        run_bytes(matcher, batch, step, t, k);
        return;
    case HOW_LITERALS:
        run_literals(matcher, batch, step, t, k);
        return;
    case HOW_ADDRESS:
        run_address(matcher, batch, step, t, k);
        return;
    case HOW_TRUE:
        run_true(batch, step, matcher, t, k);
        return;
    case HOW_ALL:
    case HOW_ANY:
        run_pair(matcher, batch, step, need, t, k);
        return;
    case HOW_NOT: {
        const struct memo *a = ask(matcher, batch, step->a, need);
        MASK(k) = GET(a->k);
        MASK(t) = GET(a->k) & ~GET(a->t);
        return;
    }
    case HOW_TEST:
    case HOW_RANGES:
    case HOW_DISPATCH:
    case HOW_PRESENT:
        return; /* run_whole() does these */
    }
}

/* and, or, not of steps that are whole themselves. */
static void combine(struct matcher *matcher, const struct batch *batch, const struct step *step,
                    uint64_t t[static BATCH_WORDS], uint64_t k[static BATCH_WORDS])
{
    const struct memo *a = ask(matcher, batch, step->a, matcher->rows);
    mask_value at = GET(a->t), ak = GET(a->k);
    if (step->how == HOW_NOT) {
        MASK(t) = ak & ~at;
        MASK(k) = ak;
        return;
    }
    const struct memo *b = ask(matcher, batch, step->b, matcher->rows);
    mask_value bt = GET(b->t), bk = GET(b->k);
    if (step->how == HOW_ALL) {
        MASK(t) = at & bt;
        MASK(k) = (ak & ~at) | (bk & ~bt) | (at & bt);
    } else {
        MASK(t) = at | bt;
        MASK(k) = at | bt | (ak & bk);
    }
}

static void run_whole(struct matcher *matcher, const struct batch *batch,
                      const struct step *step, struct memo *memo)
{
    uint64_t t[BATCH_WORDS] = {0}, k[BATCH_WORDS];
    known_rows(matcher, batch, step->has, k);
    switch ((unsigned)step->how) {
    case HOW_TEST:
        run_test(matcher, batch, step, t);
        break;
    case HOW_RANGES:
        run_ranges(matcher, batch, step, t);
        break;
    case HOW_DISPATCH: /* was not found in this batch */
        break;
    case HOW_PRESENT:
        MASK(t) = GET(batch->has[step->value]);
        break;
    case HOW_COMPARE32:
    case HOW_COMPARE64:
        run_compare(matcher, batch, step, t, k);
        break;
    default:
        combine(matcher, batch, step, t, k);
    }
    memo_all(matcher, memo, t, k);
}

static void run(struct matcher *matcher, const struct batch *batch, uint32_t index,
                const uint64_t need[static BATCH_WORDS])
{
    const struct step *step = &matcher->steps[index];
    struct memo *memo = &matcher->memos[index];
    if (memo->epoch != matcher->epoch) {
        memo->epoch = matcher->epoch;
        if (step->whole) {
            run_whole(matcher, batch, step, memo);
            return;
        }
        memo->whole = 0;
        MASK(memo->done) = MASK(memo->t) = MASK(memo->k) = (mask_value){0};
    }
    if (memo->whole)
        return;
    uint64_t left[BATCH_WORDS], t[BATCH_WORDS] = {0}, k[BATCH_WORDS];
    MASK(left) = GET(need) & ~GET(memo->done);
    if (mask_is_empty(left))
        return;
    known_rows(matcher, batch, step->has, k);
    MASK(k) &= GET(left);
    run_rows(matcher, batch, step, left, t, k);
    MASK(memo->done) |= GET(left);
    MASK(memo->k) |= GET(k) & GET(left);
    MASK(memo->t) |= GET(t) & GET(k) & GET(left);
}

/* ---- signatures ---- */

/* Steps that were found wake their signatures. */
static void wake(struct matcher *matcher, const struct batch *batch, unsigned woken_n)
{
    for (unsigned i = 0; i < woken_n; i++) {
        uint32_t index = matcher->woken[i];
        struct memo *memo = &matcher->memos[index];
        uint64_t k[BATCH_WORDS];
        known_rows(matcher, batch, matcher->steps[index].has, k);
        memo_all(matcher, memo, memo->t, k);
        if (mask_is_empty(memo->t))
            continue;
        for (uint32_t at = matcher->wakes_first[index]; at < matcher->wakes_first[index + 1];
             at++)
            matcher->awake[matcher->wakes[at] / 64] |= (uint64_t)1 << (matcher->wakes[at] % 64);
    }
}

/* Moves a conjunct that left no row one place forward, past another that costs about the same:
 * what is false of the packets of today is soon asked first, and the others seldom. */
static void conjunct_advance(const struct matcher *matcher, uint32_t *conjuncts, uint32_t i)
{
    uint32_t index = conjuncts[i], before = i ? conjuncts[i - 1] : index;
    if (!step_is_mask(&matcher->steps[index]) || !step_is_mask(&matcher->steps[before]))
        return;
    conjuncts[i] = before;
    conjuncts[i ? i - 1 : 0] = index;
}

static bool signature_run(struct matcher *matcher, const struct batch *batch,
                          const struct plan_signature *signature,
                          uint64_t ret[static BATCH_WORDS])
{
    uint32_t *conjuncts = matcher->conjuncts + signature->first;
    mask_value rows = GET(matcher->rows);
    for (uint32_t i = 0; i < signature->n; i++) {
        uint64_t asked[BATCH_WORDS];
        MASK(asked) = rows;
        rows &= GET(ask(matcher, batch, conjuncts[i], asked)->t);
        MASK(asked) = rows;
        if (mask_is_empty(asked)) {
            conjunct_advance(matcher, conjuncts, i);
            return false;
        }
    }
    MASK(ret) = rows;
    return true;
}

/* Payloads are behind the headers that decoding has read: most are not in the cache yet. */
static void prefetch_payloads(const struct matcher *matcher, const struct batch *batch)
{
    uint64_t rows[BATCH_WORDS];
    matcher->kernels->range16(batch->payload_caplen, 1, UINT16_MAX - 1, rows);
    uint8_t list[ROW_LIST_CAP];
    MASK(rows) &= GET(matcher->rows);
    unsigned n = mask_list(rows, list);
    for (unsigned i = 0; i < n; i++)
        prefetch(batch->ip[list[i]] + batch->payload[list[i]]);
}

void MATCH(struct matcher *matcher, const struct batch *batch, struct matches *ret_matches)
{
    struct matches *matches = ret_matches;
    for (unsigned i = 0; i < matches->hits_n; i++)
        memset(matches->mask[matches->hits[i]], 0, sizeof matches->mask[0]);
    matches->hits_n = 0;
    memset(matches->any, 0, sizeof matches->any);
    memset(matches->iot, 0, sizeof matches->iot);
    matcher->epoch++;
    memset(matcher->options_done, 0, sizeof matcher->options_done);
    memset(matcher->ids_done, 0, sizeof matcher->ids_done);
    EACH_WORD(w)
    {
        unsigned rows = batch->n > 64 * w ? batch->n - 64 * w : 0;
        matcher->rows[w] = rows >= 64 ? UINT64_MAX : ((uint64_t)1 << rows) - 1;
    }
    prefetch_payloads(matcher, batch);
    memcpy(matcher->awake, matcher->always, matcher->words * sizeof *matcher->awake);
    wake(matcher, batch, DISPATCH(matcher, batch));
    for (unsigned word = 0; word < matcher->words; word++) {
        for (uint64_t bits = matcher->awake[word]; bits; bits &= bits - 1) {
            uint32_t index = 64 * word + (uint32_t)__builtin_ctzll(bits);
            const struct plan_signature *signature = &matcher->signatures[index];
            if (!signature_run(matcher, batch, signature, matches->mask[index]))
                continue;
            matches->hits[matches->hits_n++] = index;
            MASK(matches->any) |= GET(matches->mask[index]);
            if (signature->iot)
                MASK(matches->iot) |= GET(matches->mask[index]);
        }
    }
}
