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

/* Two days more, at a time that the last bytes choose. */
static void go_on(struct flush_model *model, const uint8_t *data, size_t size)
{
    enum { DAY_S = 86400, DAYS = 30000 };
    unsigned day = size < 2 ? 20000 : (data[size - 2] << 8 | data[size - 1]) % DAYS;
    for (unsigned i = 0; i < 2; i++) {
        model_take_steps(model, profile_new((int64_t)(day + i) * DAY_S, PROFILE_STEP_S));
        model_advance(model, (int64_t)(day + i + 1) * DAY_S);
        (void)model_held(model);
    }
}

/* Signatures of one label. */
static void take_names(struct flush_model *model, const char *label)
{
    struct model_names *names = model_names_new(NULL, &label, 1);
    if (names)
        model_take_names(model, names);
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
        take_names(&model, "zmap");
        go_on(&model, data + 1, size - 1);
        if (model_flush_init(&model, &flush)) {
            (void)publication_newest(&flush.publication);
            model_flush_fini(&flush);
        }
    }
    model_fini(&model);
    return 0;
}
