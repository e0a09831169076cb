/* folder - a temporary folder of a test. A failure inside is a wrong test. */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H

#include <stddef.h>

/* Make one below TMPDIR (or /tmp); its path goes to `ret_path`. */
void folder_make(char *ret_path, size_t size);
/* Remove it with everything in it. */
void folder_remove(const char *path);

#endif
