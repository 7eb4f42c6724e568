#include "app/file_messages.h"

#include "app/message.h"

bool file_messages_tell(const struct replay *replay, bool quiet)
{
    bool failed = false;
    for (unsigned i = 0; i < replay_file_count(replay); i++) {
        const struct file_status *file = replay_file(replay, i);
        if (file->failed) {
            message_error(&file->error);
            failed = true;
        } else if (file->cut && !quiet) {
            char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
            err_format(&file->error, text, sizeof text);
            message_warning("%s", text);
        }
    }
    return failed;
}
