/* pickle - does a file run code when it is loaded? By its name, and by what is in it.
 *
 * Python's pickle is a program, and so is whatever holds one: PyTorch's zip and its older
 * forms, NumPy arrays of objects. A file counts when the programs that read such names would
 * unpickle it, or when its content is a pickle under any name. A file that is a pickle only
 * behind a header of its own is not recognised. Thread-safe: no shared state. */
#ifndef EVENT_PICKLE_H
#define EVENT_PICKLE_H

#include <stdint.h>
#include <tally/err.h>

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_NAME,     /* the name alone: .bin, .pt, ... */
    PICKLE_PROTOCOL, /* begins as a pickle of protocol 2 to 5 */
    PICKLE_TEXT,     /* begins as one of protocol 0 or 1 that fetches a function */
    PICKLE_ZIP,      /* a zip with a pickle in it, or whose directory cannot be read */
    PICKLE_ARRAY,    /* a NumPy array of objects */
};

enum pickle_kind pickle_by_name(const char *path);
/* By content, of the file behind an open descriptor. Errors: TALLY_E_IO. */
TALLY_NODISCARD enum tally_err pickle_by_content(int fd, uint64_t size,
                                                 enum pickle_kind *ret_kind);
/* Words for a kind: "its name says so". */
const char *pickle_text(enum pickle_kind kind);

#endif
