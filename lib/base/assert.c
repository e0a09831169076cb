#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void base_assert_fail(const char *text, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this must never happen: %s\n", file, line, text);
    fflush(stderr);
    abort();
}
