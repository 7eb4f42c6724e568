/* Assembles the program, and joins groups (packet(7)). */
#include "source/fanout.h"

#include <assert.h>
#include <linux/if_packet.h>
#include <nightscope/decode.h>
#include <sys/socket.h>

enum {
    LABELS_MAX = 256,
    JUMPS_MAX = 1024,
    BOUNDS4_MAX = 32, /* of the tunnels' ends: jumps reach 255 instructions */
    BOUNDS6_MAX = 16,
    EXTENSIONS_MAX = 2, /* IPv6 headers before a tunnel, as of RFC 2473 section 5.1 */
    TAGS_MAX = 4,       /* VLAN tags, and MPLS labels, that are skipped */
};

enum slot { SLOT_TRUE, SLOT_FALSE, SLOT_ALWAYS };

struct assembler {
    struct fanout_program *program;
    unsigned labels_n, jumps_n;
    unsigned at[LABELS_MAX]; /* where a label stands */
    struct {
        unsigned from, label;
        enum slot slot;
    } jumps[JUMPS_MAX];
    unsigned tunnels;
    const struct prefix_set *ends;
    unsigned outer; /* label: it counts as it is */
    uint32_t seed;
};

static void emit(struct assembler *as, unsigned code, uint32_t k)
{
    assert(as->program->n < FANOUT_PROGRAM_MAX);
    as->program->code[as->program->n++] = (struct sock_filter){.code = (uint16_t)code, .k = k};
}

static unsigned label(struct assembler *as)
{
    assert(as->labels_n < LABELS_MAX);
    return as->labels_n++;
}

static void here(struct assembler *as, unsigned label)
{
    as->at[label] = as->program->n;
}

static void note_jump(struct assembler *as, unsigned label, enum slot slot)
{
    assert(as->jumps_n < JUMPS_MAX);
    as->jumps[as->jumps_n].from = as->program->n - 1;
    as->jumps[as->jumps_n].label = label;
    as->jumps[as->jumps_n++].slot = slot;
}

static void go(struct assembler *as, unsigned label)
{
    emit(as, BPF_JMP | BPF_JA, 0);
    note_jump(as, label, SLOT_ALWAYS);
}

static void go_if(struct assembler *as, unsigned test, uint32_t k, unsigned label)
{
    emit(as, BPF_JMP | test | BPF_K, k);
    note_jump(as, label, SLOT_TRUE);
}

static void go_unless(struct assembler *as, unsigned test, uint32_t k, unsigned label)
{
    emit(as, BPF_JMP | test | BPF_K, k);
    note_jump(as, label, SLOT_FALSE);
}

/* The same for a label out of a test's reach. */
static void go_far_if(struct assembler *as, unsigned test, uint32_t k, unsigned to)
{
    unsigned stay = label(as);
    go_unless(as, test, k, stay);
    go(as, to);
    here(as, stay);
}

static void link_jumps(struct assembler *as)
{
    for (unsigned i = 0; i < as->jumps_n; i++) {
        struct sock_filter *code = &as->program->code[as->jumps[i].from];
        unsigned offset = as->at[as->jumps[i].label] - as->jumps[i].from - 1;
        if (as->jumps[i].slot == SLOT_ALWAYS) {
            code->k = offset;
            continue;
        }
        assert(offset < 256);
        if (as->jumps[i].slot == SLOT_TRUE)
            code->jt = (uint8_t)offset;
        else
            code->jf = (uint8_t)offset;
    }
}

/* X is where the header lies; A is lost. */
static void advance(struct assembler *as, uint32_t bytes)
{
    emit(as, BPF_MISC | BPF_TXA, 0);
    emit(as, BPF_ALU | BPF_ADD | BPF_K, bytes);
    emit(as, BPF_MISC | BPF_TAX, 0);
}

static void load(struct assembler *as, unsigned size, uint32_t offset)
{
    emit(as, BPF_LD | size | BPF_IND, offset);
}

/* A: the type of what lies at X. Steps over tags; then A is the type behind them. */
static void skip_tags(struct assembler *as)
{
    unsigned end = label(as);
    for (unsigned i = 0; i < TAGS_MAX; i++) {
        unsigned tag = label(as);
        go_if(as, BPF_JEQ, 0x8100, tag);
        go_if(as, BPF_JEQ, 0x88a8, tag);
        go_if(as, BPF_JEQ, 0x9100, tag);
        go_if(as, BPF_JEQ, 0x9200, tag);
        go(as, end);
        here(as, tag);
        load(as, BPF_H, 2);
        emit(as, BPF_ST, 0);
        advance(as, 4);
        emit(as, BPF_LD | BPF_MEM, 0);
    }
    here(as, end);
}

/* The version of the IP header at X decides. */
static void guess_version(struct assembler *as, unsigned ip4, unsigned ip6)
{
    load(as, BPF_B, 0);
    emit(as, BPF_ALU | BPF_RSH | BPF_K, 4);
    go_if(as, BPF_JEQ, 4, ip4);
    go_if(as, BPF_JEQ, 6, ip6);
}

static void skip_labels(struct assembler *as, unsigned ip4, unsigned ip6)
{
    unsigned bottom = label(as);
    for (unsigned i = 0; i < TAGS_MAX; i++) {
        load(as, BPF_B, 2);
        emit(as, BPF_ST, 0);
        advance(as, 4);
        emit(as, BPF_LD | BPF_MEM, 0);
        go_if(as, BPF_JSET, 1, bottom);
    }
    here(as, bottom);
    guess_version(as, ip4, ip6);
}

/* A: the type of what lies at X. Goes to ip4 or ip6 with X at the header, or on. */
static void find_ip(struct assembler *as, unsigned ip4, unsigned ip6)
{
    unsigned mpls = label(as), pppoe = label(as), other = label(as);
    skip_tags(as);
    go_if(as, BPF_JEQ, 0x0800, ip4);
    go_if(as, BPF_JEQ, 0x86dd, ip6);
    go_if(as, BPF_JEQ, 0x8847, mpls);
    go_if(as, BPF_JEQ, 0x8848, mpls);
    go_if(as, BPF_JEQ, 0x8864, pppoe);
    go(as, other);
    here(as, mpls);
    skip_labels(as, ip4, ip6);
    go(as, other);
    here(as, pppoe);
    advance(as, 8);
    guess_version(as, ip4, ip6);
    here(as, other);
}

/* As MurmurHash3 ends. */
static const uint32_t MIX_FACTORS[] = {0x85ebca6b, 0xc2b2ae35};
static const uint32_t MIX_SHIFTS[] = {16, 13, 16};

/* A: a word made of the source. Mixed, it chooses the socket. */
static void mix(struct assembler *as)
{
    emit(as, BPF_ALU | BPF_XOR | BPF_K, as->seed);
    for (unsigned i = 0; i < 3; i++) {
        emit(as, BPF_MISC | BPF_TAX, 0);
        emit(as, BPF_ALU | BPF_RSH | BPF_K, MIX_SHIFTS[i]);
        emit(as, BPF_ALU | BPF_XOR | BPF_X, 0);
        if (i < 2)
            emit(as, BPF_ALU | BPF_MUL | BPF_K, MIX_FACTORS[i]);
    }
    emit(as, BPF_RET | BPF_A, 0);
}

static void hash_ip4(struct assembler *as)
{
    load(as, BPF_W, 12);
    mix(as);
}

static void hash_ip6(struct assembler *as)
{
    for (unsigned i = 0; i < 3; i++) {
        load(as, BPF_W, 8 + 4 * i);
        emit(as, BPF_ST, i);
    }
    load(as, BPF_W, 20);
    for (unsigned i = 0; i < 3; i++) {
        emit(as, BPF_LDX | BPF_MEM, i);
        emit(as, BPF_ALU | BPF_XOR | BPF_X, 0);
    }
    mix(as);
}

/* Goes to `in` if the address at X + offset is the end of a tunnel, else on. */
static void find_end4(struct assembler *as, uint32_t offset, unsigned in)
{
    const uint32_t *bounds;
    unsigned out = label(as);
    load(as, BPF_W, offset);
    for (uint32_t i = prefix_set_bounds4(as->ends, &bounds); i-- > 0;)
        go_if(as, BPF_JGE, bounds[i], i % 2 ? out : in);
    here(as, out);
}

static void find_end6(struct assembler *as, uint32_t offset, unsigned in)
{
    const struct ip6 *bounds;
    unsigned out = label(as);
    for (uint32_t i = prefix_set_bounds6(as->ends, &bounds); i-- > 0;) {
        unsigned above = label(as), below = label(as);
        for (unsigned word = 0; word < 4; word++) {
            uint64_t half = word < 2 ? bounds[i].hi : bounds[i].lo;
            uint32_t bound = (uint32_t)(half >> (word % 2 ? 0 : 32));
            load(as, BPF_W, offset + 4 * word);
            go_if(as, word < 3 ? BPF_JGT : BPF_JGE, bound, above);
            go_unless(as, BPF_JGE, bound, below);
        }
        here(as, above);
        go(as, i % 2 ? out : in);
        here(as, below);
    }
    here(as, out);
}

/* X: a GRE header (RFC 2784, 2890). */
static void open_gre(struct assembler *as, unsigned inner, unsigned ethernet)
{
    load(as, BPF_B, 1);
    go_far_if(as, BPF_JSET, 7, as->outer); /* another version */
    load(as, BPF_H, 2);
    emit(as, BPF_ST, 1); /* the type */
    load(as, BPF_B, 0);
    emit(as, BPF_ST, 2);                      /* the flags */
    go_far_if(as, BPF_JSET, 0x40, as->outer); /* routing */
    advance(as, 4);
    static const uint32_t fields[] = {0x80, 0x20, 0x10}; /* checksum, key, sequence number */
    for (unsigned i = 0; i < 3; i++) {
        unsigned absent = label(as);
        emit(as, BPF_LD | BPF_MEM, 2);
        go_unless(as, BPF_JSET, fields[i], absent);
        advance(as, 4);
        here(as, absent);
    }
    emit(as, BPF_LD | BPF_MEM, 1);
    go_if(as, BPF_JEQ, 0x6558, ethernet);
    go_far_if(as, BPF_JEQ, 0x0800, inner);
    go_far_if(as, BPF_JEQ, 0x86dd, inner);
    go(as, as->outer);
}

/* A: a protocol; X: what it is the protocol of. */
static void open_tunnels(struct assembler *as, unsigned inner, unsigned version)
{
    unsigned gre = label(as), udp = label(as), ethernet = label(as);
    if (as->tunnels & TUNNEL_GRE)
        go_if(as, BPF_JEQ, 47, gre);
    if (as->tunnels & TUNNEL_IPIP) {
        go_if(as, BPF_JEQ, 4, version);
        go_if(as, BPF_JEQ, 41, version);
    }
    if (as->tunnels & TUNNEL_VXLAN)
        go_if(as, BPF_JEQ, 17, udp);
    go(as, as->outer);
    here(as, gre);
    open_gre(as, inner, ethernet);
    here(as, udp);
    unsigned valid = label(as), vxlan = label(as);
    load(as, BPF_H, 2);
    go_if(as, BPF_JEQ, 4789, vxlan);
    go(as, as->outer);
    here(as, vxlan);
    load(as, BPF_B, 8);
    go_if(as, BPF_JSET, 0x08, valid); /* RFC 7348: there is a network identifier */
    go(as, as->outer);
    here(as, valid);
    advance(as, 8 + 8);
    here(as, ethernet);
    load(as, BPF_H, 12);
    emit(as, BPF_ST, 1);
    advance(as, 14);
    emit(as, BPF_LD | BPF_MEM, 1);
    go(as, inner);
}

/* X: behind an IPv6 header; M[4]: the type of what is there. Steps over what may stand before a
 * tunnel. */
static void skip_extensions(struct assembler *as)
{
    unsigned end = label(as);
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        unsigned extension = label(as);
        emit(as, BPF_LD | BPF_MEM, 4);
        go_if(as, BPF_JEQ, 0, extension);  /* hop by hop */
        go_if(as, BPF_JEQ, 60, extension); /* destination options */
        go(as, end);
        here(as, extension);
        load(as, BPF_B, 0);
        emit(as, BPF_ST, 4);
        load(as, BPF_B, 1);
        emit(as, BPF_ALU | BPF_LSH | BPF_K, 3);
        emit(as, BPF_ALU | BPF_ADD | BPF_K, 8);
        emit(as, BPF_ALU | BPF_ADD | BPF_X, 0);
        emit(as, BPF_MISC | BPF_TAX, 0);
    }
    here(as, end);
}

/* With tunnels: what an outer header leads to, else the outer header itself: as tunnel_open()
 * decides. The place of the outer header is kept, since what is no tunnel is hashed by it. */
static void open_outer(struct assembler *as, unsigned ip4, unsigned ip6)
{
    unsigned inner = label(as), version = label(as), hash4 = label(as), hash6 = label(as);
    unsigned outer6 = label(as), transport = label(as), end4 = label(as), end6 = label(as);
    as->outer = label(as);
    here(as, ip4);
    emit(as, BPF_STX, 3);
    load(as, BPF_H, 6);
    go_far_if(as, BPF_JSET, 0x3fff, as->outer); /* a fragment */
    find_end4(as, 12, end4);
    find_end4(as, 16, end4);
    go(as, as->outer);
    here(as, end4);
    load(as, BPF_B, 9);
    emit(as, BPF_ST, 4);
    load(as, BPF_B, 0);
    emit(as, BPF_ALU | BPF_AND | BPF_K, 15);
    emit(as, BPF_ALU | BPF_LSH | BPF_K, 2);
    emit(as, BPF_ALU | BPF_ADD | BPF_X, 0);
    emit(as, BPF_MISC | BPF_TAX, 0);
    go(as, transport);
    here(as, ip6);
    emit(as, BPF_STX, 3);
    find_end6(as, 8, end6);
    find_end6(as, 24, end6);
    go(as, as->outer);
    here(as, end6);
    load(as, BPF_B, 6);
    emit(as, BPF_ST, 4);
    advance(as, 40);
    skip_extensions(as);
    here(as, transport);
    emit(as, BPF_LD | BPF_MEM, 4);
    open_tunnels(as, inner, version);
    here(as, inner);
    find_ip(as, hash4, hash6);
    go(as, as->outer);
    here(as, version);
    guess_version(as, hash4, hash6);
    here(as, as->outer);
    emit(as, BPF_LDX | BPF_MEM, 3);
    guess_version(as, hash4, outer6);
    here(as, hash4);
    hash_ip4(as);
    here(as, outer6);
    here(as, hash6);
    hash_ip6(as);
}

int fanout_program(uint32_t seed, const struct decode_config *decode,
                   struct fanout_program *ret_program)
{
    const uint32_t *bounds4;
    const struct ip6 *bounds6;
    struct assembler as = {.program = ret_program, .seed = seed, .tunnels = decode->tunnels};
    as.ends = decode->tunnel_ends;
    ret_program->n = 0;
    bool opens = as.tunnels && as.ends;
    if (opens && (prefix_set_bounds4(as.ends, &bounds4) > BOUNDS4_MAX ||
                  prefix_set_bounds6(as.ends, &bounds6) > BOUNDS6_MAX))
        return -1;
    unsigned ip4 = label(&as), ip6 = label(&as);
    emit(&as, BPF_LDX | BPF_IMM, 0);
    emit(&as, BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    find_ip(&as, ip4, ip6);
    emit(&as, BPF_RET | BPF_K, 0);
    if (opens) {
        open_outer(&as, ip4, ip6);
    } else {
        here(&as, ip4);
        hash_ip4(&as);
        here(&as, ip6);
        hash_ip6(&as);
    }
    link_jumps(&as);
    return 0;
}

uint32_t fanout_sum(uint32_t seed, const struct address *source)
{
    uint64_t high = source->v6.hi, low = source->v6.lo;
    uint32_t a = source->is6 ? (uint32_t)(high >> 32) ^ (uint32_t)high ^ (uint32_t)(low >> 32) ^
                                   (uint32_t)low
                             : source->v4;
    a ^= seed;
    for (unsigned i = 0; i < 3; i++) {
        a ^= a >> MIX_SHIFTS[i];
        if (i < 2)
            a *= MIX_FACTORS[i];
    }
    return a;
}

int fanout_join(int fd, const struct fanout_program *program, int *group)
{
    bool first = *group < 0;
    unsigned mode = PACKET_FANOUT_CBPF | (first ? PACKET_FANOUT_FLAG_UNIQUEID : 0U);
    int argument = (int)((first ? 0U : (unsigned)*group) | mode << 16);
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument) != 0)
        return -1;
    if (!first)
        return 0;
    socklen_t size = sizeof argument;
    if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, &size) != 0)
        return -1;
    *group = argument & 0xffff;
    struct sock_fprog code = {(unsigned short)program->n, (struct sock_filter *)program->code};
    return setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &code, sizeof code);
}
