#include "loop/log_limit.h"

#include <stddef.h>
#include <string.h>

bool log_limit_pass(struct log_limit *limit, const char *name, uint64_t now_ms,
                    uint64_t *ret_left_out)
{
    size_t at = 0;

    while (at < LOG_LIMIT_NAMES - 1 && limit->names[at].name != NULL &&
           strcmp(limit->names[at].name, name) != 0) {
        at++;
    }
    if (limit->names[at].name == NULL || now_ms >= limit->names[at].since_ms + LOG_LIMIT_MS) {
        limit->names[at].name = name;
        limit->names[at].since_ms = now_ms;
        limit->names[at].lines = 0;
    }
    if (limit->names[at].lines == LOG_LIMIT_LINES) {
        limit->names[at].left_out++;
        return false;
    }
    limit->names[at].lines++;
    *ret_left_out = limit->names[at].left_out;
    limit->names[at].left_out = 0;
    return true;
}
