/* Names of hourly files; private to hourly.c and left_lines.c. */
#pragma once

/* PATH/STEM.FORM.gz, or with a number before the form, that nothing has, not even half-written;
 * to be freed. NULL with errno. */
char *hourly_free_name(const char *path, const char *stem, const char *form);
