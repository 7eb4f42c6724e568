/* What a user is told of the capture files that were read. */
#pragma once

#include <nightscope/source.h>

/* Warns of cut files, unless quiet, and reports failed ones; true when one failed. */
bool file_messages_tell(const struct replay *replay, bool quiet);
