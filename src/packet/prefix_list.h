/* The text of a prefix set as a sorted list of prefixes. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PREFIX_LIST_MAX = 1000000,             /* prefixes */
    PREFIX_FILE_BYTES_MAX = 128 * 1048576, /* length of one @FILE */
};

typedef unsigned __int128 address128;

/* First and last address; out: `!PREFIX`. */
struct prefix {
    address128 start, end;
    bool is6, out;
};

/* IPv4 first; within a family by start, longer prefixes after those that cover them; no two
 * equal. */
struct prefix_list {
    struct prefix *prefixes;
    uint32_t n, n4, cap;
};

/* Fills an empty list from the text of prefix_set_parse(). 0, or -1 and *err. The caller calls
 * prefix_list_fini() in both cases. */
int prefix_list_parse(struct prefix_list *list, const char *text, const char *origin,
                      struct err *err);
void prefix_list_fini(struct prefix_list *list);
