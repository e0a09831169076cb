#include "store/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/hash.h"

enum {
    WITNESS_VERSION = 1,
    DATA_SIZE = 1 + 8 + 32 + 4 + 8 + 8 + 32, /* version, sequence, fields */
    SLOT_SIZE = 512,                         /* a slot is a sector: both never tear at once */
    FILE_SIZE = 2 * SLOT_SIZE,
};

struct witness {
    int fd;
    uint64_t sequence; /* of the newest slot; it stands at slot sequence % 2 */
    struct witness_data data;
};

static void slot_encode(const struct witness_data *data, uint64_t sequence,
                        uint8_t slot[SLOT_SIZE])
{
    struct bytes_writer writer = bytes_writer(slot, SLOT_SIZE);
    struct tally_hash hash;

    memset(slot, 0, SLOT_SIZE);
    bytes_put_u8(&writer, WITNESS_VERSION);
    bytes_put_u64(&writer, sequence);
    bytes_put(&writer, data->ledger_id.bytes, 32);
    bytes_put_u32(&writer, data->node_id);
    bytes_put_u64(&writer, data->incarnation);
    bytes_put_u64(&writer, data->signed_size);
    bytes_put(&writer, data->signed_root.bytes, 32);
    ASSERT(!writer.bad && writer.at == DATA_SIZE);
    hash_tagged("tally/witness/v1", slot, DATA_SIZE, &hash);
    bytes_put(&writer, hash.bytes, 32);
}

static bool slot_decode(const uint8_t slot[SLOT_SIZE], struct witness_data *ret_data,
                        uint64_t *ret_sequence)
{
    struct bytes_reader reader = bytes_reader(slot, SLOT_SIZE);
    struct tally_hash hash, stored;
    const uint8_t version = bytes_get_u8(&reader);

    *ret_sequence = bytes_get_u64(&reader);
    bytes_get_copy(&reader, ret_data->ledger_id.bytes, 32);
    ret_data->node_id = bytes_get_u32(&reader);
    ret_data->incarnation = bytes_get_u64(&reader);
    ret_data->signed_size = bytes_get_u64(&reader);
    bytes_get_copy(&reader, ret_data->signed_root.bytes, 32);
    bytes_get_copy(&reader, stored.bytes, 32);
    hash_tagged("tally/witness/v1", slot, DATA_SIZE, &hash);
    return version == WITNESS_VERSION && hash_equal(&hash, &stored);
}

static enum tally_err refuse(const char *doing, struct tally_diag *diag)
{
    tally_diag_set(diag, "%s the witness file: %s", doing, strerror(errno));
    return TALLY_E_IO;
}

enum tally_err witness_create(const char *path, const struct witness_data *data,
                              struct tally_diag *diag)
{
    uint8_t file[FILE_SIZE];

    slot_encode(data, 0, file);
    slot_encode(data, 1, file + SLOT_SIZE);
    return file_create(path, bytes_of(file, sizeof file), 0600, diag);
}

enum tally_err witness_open(const char *path, struct witness **ret_witness,
                            struct tally_diag *diag)
{
    struct witness *witness = calloc(1, sizeof *witness);
    uint8_t file[FILE_SIZE];
    bool found = false;
    enum tally_err err = TALLY_OK;

    if (witness == NULL) return TALLY_E_NO_MEMORY;
    witness->fd = open(path, O_RDWR | O_CLOEXEC);
    if (witness->fd < 0) {
        err = errno == ENOENT ? TALLY_E_NOT_FOUND : TALLY_E_IO;
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        free(witness);
        return err;
    }
    memset(file, 0, sizeof file);
    if (pread(witness->fd, file, sizeof file, 0) < 0) err = refuse("read", diag);
    for (int i = 0; i < 2 && err == TALLY_OK; i++) {
        struct witness_data data;
        uint64_t sequence;

        if (!slot_decode(file + i * SLOT_SIZE, &data, &sequence)) continue;
        if (sequence % 2 != (uint64_t)i || (found && sequence < witness->sequence)) continue;
        witness->data = data;
        witness->sequence = sequence;
        found = true;
    }
    if (err == TALLY_OK && !found) {
        tally_diag_set(diag, "%s: neither of its two slots is whole", path);
        err = TALLY_E_CORRUPT;
    }
    if (err != TALLY_OK) {
        witness_close(witness);
        return err;
    }
    *ret_witness = witness;
    return TALLY_OK;
}

void witness_close(struct witness *witness)
{
    if (witness == NULL) return;
    close(witness->fd);
    free(witness);
}

struct witness_data witness_data(const struct witness *witness)
{
    return witness->data;
}

enum tally_err witness_check(const struct witness_data *data, uint64_t size,
                             const struct tally_hash *root, struct tally_diag *diag)
{
    if (size > data->signed_size) return TALLY_OK;
    if (size == data->signed_size && hash_equal(root, &data->signed_root)) return TALLY_OK;
    tally_diag_set(diag,
                   "a tree of %llu records was signed already; another one of %llu never is",
                   (unsigned long long)data->signed_size, (unsigned long long)size);
    return TALLY_E_SPLIT_VIEW;
}

enum tally_err witness_sign(struct witness *witness, uint64_t size,
                            const struct tally_hash *root, struct tally_diag *diag)
{
    uint8_t slot[SLOT_SIZE];
    struct witness_data next = witness->data;
    const uint64_t sequence = witness->sequence + 1;
    enum tally_err err = witness_check(&witness->data, size, root, diag);

    if (err != TALLY_OK) return err;
    if (size == witness->data.signed_size) return TALLY_OK; /* signed before a restart */
    next.signed_size = size;
    next.signed_root = *root;
    slot_encode(&next, sequence, slot);
    if (pwrite(witness->fd, slot, sizeof slot, (off_t)(sequence % 2 * SLOT_SIZE)) !=
            SLOT_SIZE ||
        fdatasync(witness->fd) != 0) {
        return refuse("write", diag);
    }
    witness->data = next;
    witness->sequence = sequence;
    return TALLY_OK;
}
