/* Steps of a plan: what tells, of one part of an expression, in which rows it is true. */
#pragma once

#include "plan.h"

struct compiler {
    struct matcher *matcher;
    const struct ast *ast;
    uint32_t *step_of; /* of a node; UINT32_MAX: none yet */
    uint32_t literals_n;
    bool failed; /* out of memory */
};

/* The step of a node, compiled when it is first asked for. Nodes that are the same are one
 * step. A refused allocation is noted, and gives a step that must not be run. */
uint32_t step_compile(struct compiler *compiler, uint32_t id);
