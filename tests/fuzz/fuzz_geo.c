/* A MaxMind DB file: opened, probed, asked. The library maps files, so the input becomes one in
 * memory. */
#include <nightscope/geo.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libmaxminddb 1.7 forgets what it read of damaged metadata; only its own memory is meant. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct address ADDRESSES[] = {
        {.v4 = 0},          {.v4 = 0xc0000201}, {.v4 = 0xc6336401},
        {.v4 = 0xcb007101}, {.v4 = 0x0a010203}, {.is6 = true, .v6 = {0x20010db800000000, 1}},
        {.v4 = 0xffffffff}, {.is6 = true},      {.is6 = true, .v6 = {UINT64_MAX, UINT64_MAX}},
    };
    char path[64];
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    struct geo *geo = geo_new();
    if (file < 0 || !geo || write(file, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (geo_open(geo, path, NULL) == 0) {
        enum { N = sizeof ADDRESSES / sizeof ADDRESSES[0] };
        struct locator locator = geo_locator(geo);
        struct place places[N];
        locator.locate_all(locator.context, ADDRESSES, N, places);
        for (size_t i = 0; i < N; i++) {
            struct place place = locator.locate(locator.context, &ADDRESSES[i]);
            if (strcmp(places[i].cc, place.cc) != 0 || places[i].asn != place.asn)
                abort();
            char name[96];
            locator.as_name(locator.context, &ADDRESSES[i], name, sizeof name);
            if ((place.cc[0] && strlen(place.cc) != 2) || strlen(name) >= sizeof name)
                abort();
        }
    }
    geo_free(geo);
    (void)close(file);
    return 0;
}
