/* Bytes as the content of a spool: the first says which of the two files. What loads is read as
 * a publication, and saves and loads again. */
#include "app/flush_model.h"

#include "app/gathering_save.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hours(const struct flush_model *model)
{
    struct bytes_out out = {0};
    struct flush_model again;
    gathering_save_hours(model->gathering, &out);
    if (!out.failed && model_init(&again) == 0) {
        struct bytes_in in = {out.bytes, out.bytes + out.n, false};
        if (!gathering_load_hours(again.gathering, &in) || in.at != in.end)
            abort();
        model_fini(&again);
    }
    free(out.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flush_model model;
    struct err err;
    if (size == 0 || model_init(&model) != 0)
        return 0;
    if (model_load_bytes(&model, "S", "spool", data[0] & 1, data + 1, size - 1, &err)) {
        struct model_flush flush;
        check_hours(&model);
        model_advance(&model, model.closed_until_s + 86400);
        if (model_flush_init(&model, &flush)) {
            (void)publication_newest(&flush.publication);
            model_flush_fini(&flush);
        }
    }
    model_fini(&model);
    return 0;
}
