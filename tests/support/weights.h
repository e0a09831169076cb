/* weights - safetensors files of a test. A failure inside is a wrong test. */
#ifndef SUPPORT_WEIGHTS_H
#define SUPPORT_WEIGHTS_H

#include <stddef.h>

/* A file with this header, whatever it says, and `data_size` zero bytes behind it. */
void weights_write(const char *path, const char *header, size_t data_size);
/* An honest one: two tensors of BF16, 12 parameters, one text. */
void weights_write_honest(const char *path);

#endif
