#include "app/token.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int token_read(struct token *token, const char *path, struct err *err)
{
    char line[TOKEN_MAX + 3] = "";
    struct stat status;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) != 0) {
        (void)err_set(err, path, 0, 0, "%s", strerror(errno));
        if (file)
            (void)fclose(file); /* read only */
        return -1;
    }
    bool got = fgets(line, sizeof line, file);
    (void)fclose(file); /* read only */
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(err, path, 0, 0,
                       "others than its owner may read it: chmod 600, then change the token");
    size_t n = got ? strcspn(line, "\r\n") : 0;
    line[n] = '\0';
    if (n < TOKEN_MIN || n > TOKEN_MAX)
        return err_set(err, path, 1, 0, "expected a token of %d to %d characters", TOKEN_MIN,
                       TOKEN_MAX);
    for (size_t i = 0; i < n; i++)
        if (line[i] <= 0x20 || line[i] >= 0x7f)
            return err_set(err, path, 1, (unsigned)i + 1,
                           "a token has no blanks, and nothing but ASCII");
    memcpy(token->text, line, n + 1);
    return 0;
}
