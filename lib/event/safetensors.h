/* safetensors - what the header of a .safetensors file says; no weight is read.
 *
 * The file: u64 size of the header (little-endian), the header (a JSON object, one member per
 * tensor, and `__metadata__`), then the tensors' bytes. A file passes only if every program
 * that reads it sees the same tensors: names once, sizes right, and every byte behind the
 * header in exactly one tensor. Thread-safe: no shared state. */
#ifndef EVENT_SAFETENSORS_H
#define EVENT_SAFETENSORS_H

#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"

enum {
    SAFETENSORS_FORMAT_MAX = 100 * 1000 * 1000, /* of a header, by the format */
    SAFETENSORS_HEADER_MAX = 16 * 1024 * 1024,  /* that we read: some 150,000 tensors */
    SAFETENSORS_TENSORS_MAX = 256 * 1024,
    SAFETENSORS_METADATA_MAX = 512, /* pairs */
    SAFETENSORS_DTYPES = 24,        /* kinds of numbers, the unknown one included */
};

/* Unusual, and harmless to readers: another writer, or a changed file. */
enum {
    SAFETENSORS_SPACED = 1 << 0,    /* white space inside the header */
    SAFETENSORS_PADDED = 1 << 1,    /* more than 7 spaces behind it, or others */
    SAFETENSORS_UNALIGNED = 1 << 2, /* the first tensor's place is no multiple of 8 */
    SAFETENSORS_UNORDERED = 1 << 3, /* tensors are not listed in the order of their bytes */
    SAFETENSORS_FIELDS = 1 << 4,    /* a tensor has a field that the format does not know */
    SAFETENSORS_DTYPE = 1 << 5,     /* a kind of numbers that we do not know: size unchecked */
    SAFETENSORS_ODDITIES = 6,
};

struct safetensors_dtype {
    const char *name; /* "F32"; "?" for all that are unknown */
    uint64_t tensors, parameters, size;
};

struct safetensors_pair {
    const char *key, *value; /* UTF-8, as the file says: anything */
};

/* Texts live in the arena or for ever. */
struct safetensors_view {
    uint64_t header_size, data_size, tensors, parameters;
    uint32_t oddities;
    uint32_t dtypes_count; /* those that occur, in the order of the format's list */
    struct safetensors_dtype dtypes[SAFETENSORS_DTYPES];
    uint32_t metadata_count;
    const struct safetensors_pair *metadata; /* in the order of the file */
};

/* The size of the header by the first 8 bytes of a file of `file_size` bytes.
 * Errors: TALLY_E_MALFORMED, TALLY_E_TOO_LARGE (beyond SAFETENSORS_HEADER_MAX). */
TALLY_NODISCARD enum tally_err safetensors_header_size(const uint8_t *first, uint64_t file_size,
                                                       uint64_t *ret_size,
                                                       struct tally_diag *diag);
/* A header, and how many bytes follow it. Errors: TALLY_E_MALFORMED, and what is wrong with
 * which tensor in the diag; TALLY_E_TOO_LARGE (too many tensors or pairs); TALLY_E_NO_MEMORY.
 */
TALLY_NODISCARD enum tally_err safetensors_parse(struct bytes header, uint64_t data_size,
                                                 struct arena *arena,
                                                 struct safetensors_view *ret_view,
                                                 struct tally_diag *diag);
/* The header of the file behind an open descriptor, read from its start. Errors: as above, and
 * TALLY_E_IO. */
TALLY_NODISCARD enum tally_err safetensors_read(int fd, struct arena *arena,
                                                struct safetensors_view *ret_view,
                                                struct tally_diag *diag);

/* What is unusual about it, in words; `bit` is one of those above. */
const char *safetensors_oddity(uint32_t bit);

#endif
