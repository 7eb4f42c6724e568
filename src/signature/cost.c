/* What an expression costs, estimated from the expression alone. */
#include "fields.h"
#include "set.h"

static double number_cost(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    switch ((unsigned)node->op) {
    case OP_CONST:
        return 1;
    case OP_FIELD:
        return !node->computed ? 4 : node->cost == COST_OPTIONS ? 1000 : 200;
    case OP_SLICE:
        return 300;
    default:
        return 4 + number_cost(ast, node->a) + (node->b ? number_cost(ast, node->b) : 0);
    }
}

double cost_of(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    switch ((unsigned)node->op) {
    case OP_TRUE:
        return FIELDS[node->a].kind != KIND_COMPUTED  ? 2
               : FIELDS[node->a].cost == COST_OPTIONS ? 1000
                                                      : 200;
    case OP_EQ:
    case OP_LT:
    case OP_LE:
        return number_cost(ast, node->a) + number_cost(ast, node->b);
    case OP_IN:
        return number_cost(ast, node->a) + 10;
    case OP_IN6:
        return 300;
    case OP_EQUALS:
        return node->a == FIELD_TCP_OPTIONS ? 400 : 1000;
    case OP_STARTS:
    case OP_AT:
        return 500;
    case OP_CONTAINS:
        return 20000;
    case OP_NOT:
        return cost_of(ast, node->a);
    default: /* OP_ALL, OP_ANY */
        return cost_of(ast, node->a) + cost_of(ast, node->b);
    }
}
