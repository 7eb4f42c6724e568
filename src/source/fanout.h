/* The classic-BPF program by which the kernel deals packets to the sockets of a fanout group:
 * a hash of the source address, so that all packets of a source go to one of them.
 *
 * The kernel runs it on the network header; one VLAN tag is stripped by then, further ones are
 * not. A packet whose source it does not find goes to the first socket. */
#pragma once

#include <linux/filter.h>
#include <nightscope/packet.h>
#include <stdint.h>

enum { FANOUT_PROGRAM_MAX = 512 };

struct fanout_program {
    unsigned n;
    struct sock_filter code[FANOUT_PROGRAM_MAX];
};

/* seed: any number; sources meet in other sockets under another one. tunnels: TUNNEL_* whose
 * inner source counts. */
void fanout_program(uint32_t seed, unsigned tunnels, struct fanout_program *ret_program);

/* What the program returns for packets of this source: modulo the number of sockets, the kernel
 * gives them to that one, in the order in which they joined. */
uint32_t fanout_sum(uint32_t seed, const struct address *source);

/* Puts a packet socket into the group *group of its interface; -1: a new group, whose number
 * *group then is. 0, or -1 with errno. */
int fanout_join(int fd, const struct fanout_program *program, int *group);
