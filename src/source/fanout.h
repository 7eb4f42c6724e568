/* The classic-BPF program by which the kernel deals packets to the sockets of a fanout group:
 * a hash of the source address, so that all packets of a source go to one of them.
 *
 * The kernel runs it on the network header; one VLAN tag is stripped by then, further ones are
 * not. A packet whose source it does not find goes to the first socket. */
#pragma once

#include <linux/filter.h>
#include <nightscope/decode.h>
#include <stdint.h>

enum { FANOUT_PROGRAM_MAX = 2048 }; /* the kernel takes 4096 */

struct fanout_program {
    unsigned n;
    struct sock_filter code[FANOUT_PROGRAM_MAX];
};

/* seed: any number; sources meet in other sockets under another one. The source is the one that
 * decode_batch() finds, inside of tunnels too, but for tunnels in tunnels and what is damaged
 * or cut within the headers of a tunnel. -1: the set of ends has too many parts for a program.
 */
int fanout_program(uint32_t seed, const struct decode_config *decode,
                   struct fanout_program *ret_program);

/* What the program returns for packets of this source: modulo the number of sockets, the kernel
 * gives them to that one, in the order in which they joined. */
uint32_t fanout_sum(uint32_t seed, const struct address *source);

/* Puts a packet socket into the group *group of its interface; -1: a new group, whose number
 * *group then is. 0, or -1 with errno. */
int fanout_join(int fd, const struct fanout_program *program, int *group);
