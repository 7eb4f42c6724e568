/* Runs a fuzzer over the files named on the command line (folders: every file in them), for
 * compilers without a fuzzing engine and for replaying the corpus as a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t cap = 1 << 16, size = 0, got;
    uint8_t *data = malloc(cap);
    while (data && (got = fread(data + size, 1, cap - size, file)) > 0) {
        size += got;
        if (size == cap)
            data = realloc(data, cap *= 2);
    }
    (void)fclose(file); /* read only */
    if (!data)
        abort();
    uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees a read past the end */
    if (!exact)
        abort();
    for (size_t i = 0; i < size; i++)
        exact[i] = data[i];
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

static unsigned run(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return run_file(path);
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    unsigned runs = 0;
    for (int i = 0; i < count; i++) {
        char child[4096];
        if (names[i]->d_name[0] != '.' &&
            snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name) < (int)sizeof child)
            runs += run(child);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return runs;
}

int main(int argc, char **argv)
{
    unsigned runs = 0;
    for (int i = 1; i < argc; i++)
        runs += run(argv[i]);
    printf("%u inputs\n", runs);
    return runs > 0 ? 0 : 1; /* an empty corpus is a broken test */
}
