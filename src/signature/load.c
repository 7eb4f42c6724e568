/* The set of signatures: its memory, and reading it from files and folders. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "parse.h"
#include "set.h"

struct signature_set *signature_set_new(void)
{
    struct signature_set *set = calloc(1, sizeof *set);
    static const struct tuple PROBE = {
        .n = 3, .parts = {{PART_DESTINATION, 0}, {PART_PORT, 0}, {PART_NONCE, 0}}};
    if (!set)
        return NULL;
    if (ast_init(&set->ast) < 0 || tuple_intern(set, &PROBE) != 0) {
        signature_set_free(set);
        return NULL;
    }
    return set;
}

void signature_set_free(struct signature_set *set)
{
    if (!set)
        return;
    ast_fini(&set->ast);
    free(set->signatures);
    free(set->tuples);
    free(set);
}

unsigned signature_count(const struct signature_set *set)
{
    return set->n;
}

const struct signature *signature_at(const struct signature_set *set, unsigned index)
{
    return &set->signatures[index];
}

int signature_find(const struct signature_set *set, const char *name)
{
    for (unsigned i = 0; i < set->n; i++)
        if (strcmp(set->signatures[i].name, name) == 0)
            return (int)i;
    return -1;
}

size_t signature_print(const struct signature_set *set, unsigned index, char *buf, size_t cap)
{
    return ast_print(&set->ast, set->signatures[index].match, buf, cap);
}

double signature_cost_ns(const struct signature_set *set, unsigned index)
{
    return cost_of(&set->ast, set->signatures[index].match) / 100;
}

static int fail(struct signature_errors *errors, const char *path, const char *what)
{
    struct diag diag = {path, errors, 0};
    diag_report(&diag, 0, 0, "%s", what);
    return -1;
}

static int load_file(struct signature_set *set, const char *path,
                     struct signature_errors *errors)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return fail(errors, path, strerror(errno));
    char *text = malloc(SIGNATURE_FILE_MAX + 1);
    size_t size = text ? fread(text, 1, SIGNATURE_FILE_MAX + 1, file) : 0;
    int result;
    if (!text)
        result = fail(errors, path, "out of memory");
    else if (ferror(file))
        result = fail(errors, path, "cannot be read");
    else
        result = signature_set_parse(set, path, text, size, errors);
    free(text);
    (void)fclose(file); /* only read */
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load_folder(struct signature_set *set, const char *path,
                       struct signature_errors *errors)
{
    DIR *folder = opendir(path);
    if (!folder)
        return fail(errors, path, strerror(errno));
    char **names = NULL;
    size_t n = 0, cap = 0;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(folder));) {
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || len < 5 || strcmp(entry->d_name + len - 4, ".sig") != 0)
            continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 32;
            char **grown = realloc(names, cap * sizeof *grown);
            if (!grown) {
                result = fail(errors, path, "out of memory");
                break;
            }
            names = grown;
        }
        if (asprintf(&names[n], "%s/%s", path, entry->d_name) < 0)
            result = fail(errors, path, "out of memory");
        else
            n++;
    }
    (void)closedir(folder); /* only read */
    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (load_file(set, names[i], errors) < 0)
            result = -1;
        free(names[i]);
    }
    free(names);
    return result;
}

int signature_set_load(struct signature_set *set, const char *path,
                       struct signature_errors *errors)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fail(errors, path, strerror(errno));
    return S_ISDIR(status.st_mode) ? load_folder(set, path, errors)
                                   : load_file(set, path, errors);
}
