/* Bytes as a saved profile. The checksum is put right first, or little else would be reached;
 * what loads must save as the same bytes, and merge and close like any profile. */
#include <nightscope/profile.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_save(const struct profile *profile, const uint8_t *bytes, size_t n)
{
    size_t saved_n;
    uint8_t *saved = profile_save(profile, &saved_n);
    if (!saved || saved_n != n || memcmp(saved, bytes, n) != 0)
        abort();
    free(saved);
}

static void check_tops(const struct profile *profile)
{
    struct profile_row rows[16];
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++) {
            for (unsigned order = PROFILE_BY_PACKETS; order <= PROFILE_BY_SOURCES; order++) {
                uint64_t others;
                size_t n = profile_top(profile, view, dimension, order, rows, 16, &others);
                if (n > 16 || n > profile_count(profile, view, dimension))
                    abort();
                for (size_t i = 0; i < n; i++)
                    if (rows[i].sources > rows[i].packets)
                        abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    uint8_t *bytes = malloc(size);
    if (!bytes)
        abort();
    memcpy(bytes, data, size - 4);
    unsigned long crc = crc32_z(0, bytes, size - 4);
    for (unsigned i = 0; i < 4; i++)
        bytes[size - 4 + i] = (uint8_t)(crc >> (8 * i));
    struct profile *profile = profile_load(bytes, size);
    if (profile) {
        check_save(profile, bytes, size);
        check_tops(profile);
        struct profile *other = profile_load(bytes, size);
        if (!other || profile_merge(other, profile) != 0)
            abort();
        profile_close(other);
        check_tops(other);
        for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++)
            if (profile_sketch_count(other, sketch) > profile_packets(other, sketch))
                abort();
        profile_free(other);
    }
    profile_free(profile);
    free(bytes);
    return 0;
}
