/* User and password: from a file that only its owner may read, or from the environment. */
#include <nightscope/redis.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_CAP = 1024 };

static int set(struct redis_config *config, const char *origin, const char *user, size_t user_n,
               const char *password, size_t password_n, struct err *err)
{
    if (user_n >= sizeof config->user)
        return err_set(err, origin, 0, 0, "the user name is longer than %zu bytes",
                       sizeof config->user - 1);
    if (password_n >= sizeof config->password)
        return err_set(err, origin, 0, 0, "the password is longer than %zu bytes",
                       sizeof config->password - 1);
    if (password_n == 0)
        return err_set(err, origin, 0, 0, "there is no password");
    memcpy(config->user, user, user_n);
    config->user[user_n] = '\0';
    memcpy(config->password, password, password_n);
    config->password[password_n] = '\0';
    return 0;
}

/* The first line of an open file into `line`. Returns its length, or -1 with *err. */
static ssize_t read_line(int fd, const char *file, char line[static LINE_CAP], struct err *err)
{
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < LINE_CAP; n += (size_t)got) {
        got = read(fd, line + n, LINE_CAP - n);
        if (got < 0)
            return err_set(err, file, 0, 0, "%s", strerror(errno));
    }
    const char *end = memchr(line, '\n', n);
    if (!end && n == LINE_CAP)
        return err_set(err, file, 1, 0, "longer than a user and a password can be");
    size_t length = end ? (size_t)(end - line) : n;
    if (length && line[length - 1] == '\r')
        length--;
    if (memchr(line, '\0', length))
        return err_set(err, file, 1, 0, "expected text, not a NUL byte");
    return (ssize_t)length;
}

static int from_file(struct redis_config *config, const char *file, struct err *err)
{
    char line[LINE_CAP];
    struct stat meta;
    int status = -1;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, file, 0, 0, "%s", strerror(errno));
    if (fstat(fd, &meta) != 0) {
        (void)err_set(err, file, 0, 0, "%s", strerror(errno));
        goto out;
    }
    if (!S_ISREG(meta.st_mode)) {
        (void)err_set(err, file, 0, 0, "not a file");
        goto out;
    }
    if (meta.st_mode & (S_IRWXG | S_IRWXO)) {
        (void)err_set(err, file, 0, 0,
                      "mode %03o: others than its owner can read or change these credentials; "
                      "use chmod 600",
                      meta.st_mode & 0777);
        goto out;
    }
    ssize_t n = read_line(fd, file, line, err);
    if (n < 0)
        goto out;
    const char *colon = memchr(line, ':', (size_t)n);
    size_t user_n = colon ? (size_t)(colon - line) : 0;
    const char *password = colon ? colon + 1 : line;
    status = set(config, file, line, user_n, password, (size_t)(line + n - password), err);
out:
    explicit_bzero(line, sizeof line);
    (void)close(fd); /* only read */
    return status;
}

int redis_credentials(struct redis_config *config, const char *file, const char *env_user,
                      const char *env_password, struct err *err)
{
    if (file && *file)
        return from_file(config, file, err);
    bool has_user = env_user && *env_user, has_password = env_password && *env_password;
    if (!has_user && !has_password)
        return 0;
    if (!has_password)
        return err_set(err, NULL, 0, 0, "the environment has a Redis user, but no password");
    return set(config, "environment", has_user ? env_user : "", has_user ? strlen(env_user) : 0,
               env_password, strlen(env_password), err);
}
