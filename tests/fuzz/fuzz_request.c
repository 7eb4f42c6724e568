/* Fuzzes what an HTTP client sends: the target of a request, and the headers that are looked
 * at. Whatever is taken is within its limits, and spelled out again it is the same request. */
#include "serve/gate.h"
#include "serve/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct request *request)
{
    if (request->sensors_n > REQUEST_SENSORS_MAX || request->limit == 0 ||
        request->limit > REQUEST_LIMIT_MAX || request->endpoint >= ENDPOINT_COUNT_ ||
        request->dimension >= DIMENSION_COUNT_)
        abort();
    const struct time_span *window = &request->window;
    if (window->trailing_s ? window->trailing_s < 60 : window->from_s > window->to_s)
        abort();
    for (unsigned i = 0; i < request->sensors_n; i++)
        if (strspn(request->sensors[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789._-") != strlen(request->sensors[i]))
            abort();
    if (strchr(request->file, '/') || strchr(request->file, '='))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    struct request request;
    struct denial denial;
    if (request_parse(text, &request, &denial) == 0) {
        char key[REQUEST_KEY_CAP];
        check(&request);
        request_key(&request, key);
        if (strlen(key) >= REQUEST_KEY_CAP - 1)
            abort();
    } else if (denial.status < 400 || denial.status > 499 || !denial.text[0]) {
        abort();
    }
    (void)gate_has_token(text, "0123456789abcdef");
    if (gate_is_local_host(text) && strspn(text, "[:]0123456789.localhostLOCALHOST") == 0)
        abort();
    free(text);
    return 0;
}
