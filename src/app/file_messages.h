/* What a user is told of the capture files that were read. */
#pragma once

#include <nightscope/source.h>

/* Warns, unless quiet, when one file is given several times, whatever its names are: to count
 * it so often is what was asked for, and rarely what was meant. */
void file_messages_repeated(char *const *names, unsigned n, bool quiet);
/* Warns of cut files, unless quiet, and reports failed ones; true when one failed. */
bool file_messages_tell(const struct replay *replay, bool quiet);
/* Warns, unless quiet, of a time stamp that made others late. */
void file_messages_jump(const struct replay *replay, bool quiet);
