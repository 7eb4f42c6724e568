/* Signatures that a reload has taken away stay, as such that match nothing: what was counted
 * under their names has to be kept under these names. */
#include <nightscope/signature.h>

#include <stdio.h>
#include <stdlib.h>

static int add_retired(struct signature_set *set, const struct signature *old,
                       struct signature_errors *errors)
{
    char text[4096];
    int size =
        snprintf(text, sizeof text,
                 "signature %s\n    title %s, which is no longer looked for\n    label %s\n"
                 "    origin %s\n    chance 2^-64\n    match ip.id == 0 and ip.id == 1\n",
                 old->name, old->name, old->label, origin_name(old->origin));
    return signature_set_parse(set, old->name, text, (size_t)size, errors);
}

int signature_set_keep_names(struct signature_set *set, const struct signature_set *old,
                             struct signature_errors *errors)
{
    int status = 0;
    for (unsigned i = 0; status == 0 && i < signature_count(old); i++)
        if (signature_find(set, signature_at(old, i)->name) < 0)
            status = add_retired(set, signature_at(old, i), errors);
    return status;
}
