#include "store/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/hash.h"

enum {
    WITNESS_VERSION = 1,
    LOG_SIZE = 8 + 4 + 8 + 8 + 32,
    DATA_SIZE = 1 + 8 + 32 + 4 + 8 + LOG_SIZE + 8 + 32, /* version, sequence, fields */
};

struct witness {
    int fd;
    uint64_t sequence; /* of the newest place; it is place sequence % 2 */
    unsigned repaired; /* copies, when it was opened */
    struct witness_data data;
};

void witness_encode(const struct witness_data *data, uint64_t sequence,
                    uint8_t ret_slot[WITNESS_SLOT_SIZE])
{
    struct bytes_writer writer = bytes_writer(ret_slot, WITNESS_SLOT_SIZE);
    struct tally_hash hash;

    memset(ret_slot, 0, WITNESS_SLOT_SIZE);
    bytes_put_u8(&writer, WITNESS_VERSION);
    bytes_put_u64(&writer, sequence);
    bytes_put(&writer, data->ledger_id.bytes, 32);
    bytes_put_u32(&writer, data->node_id);
    bytes_put_u64(&writer, data->incarnation);
    bytes_put_u64(&writer, data->log.term);
    bytes_put_u32(&writer, data->log.vote);
    bytes_put_u64(&writer, data->log.last_index);
    bytes_put_u64(&writer, data->log.last_term);
    bytes_put(&writer, data->log.last_hash.bytes, 32);
    bytes_put_u64(&writer, data->signed_size);
    bytes_put(&writer, data->signed_root.bytes, 32);
    ASSERT(!writer.bad && writer.at == DATA_SIZE);
    hash_tagged("tally/witness/v1", ret_slot, DATA_SIZE, &hash);
    bytes_put(&writer, hash.bytes, 32);
}

bool witness_decode(const uint8_t slot[WITNESS_SLOT_SIZE], struct witness_data *ret_data,
                    uint64_t *ret_sequence)
{
    struct bytes_reader reader = bytes_reader(slot, WITNESS_SLOT_SIZE);
    const uint8_t version = bytes_get_u8(&reader);
    const uint64_t sequence = bytes_get_u64(&reader);
    struct tally_hash hash, stored;
    struct witness_data data;

    bytes_get_copy(&reader, data.ledger_id.bytes, 32);
    data.node_id = bytes_get_u32(&reader);
    data.incarnation = bytes_get_u64(&reader);
    data.log.term = bytes_get_u64(&reader);
    data.log.vote = bytes_get_u32(&reader);
    data.log.last_index = bytes_get_u64(&reader);
    data.log.last_term = bytes_get_u64(&reader);
    bytes_get_copy(&reader, data.log.last_hash.bytes, 32);
    data.signed_size = bytes_get_u64(&reader);
    bytes_get_copy(&reader, data.signed_root.bytes, 32);
    bytes_get_copy(&reader, stored.bytes, 32);
    hash_tagged("tally/witness/v1", slot, DATA_SIZE, &hash);
    if (version != WITNESS_VERSION || !hash_equal(&hash, &stored)) return false;
    while (reader.at < WITNESS_SLOT_SIZE) {
        if (bytes_get_u8(&reader) != 0) return false; /* a later version, or damage */
    }
    *ret_data = data;
    *ret_sequence = sequence;
    return true;
}

static enum tally_err refuse(const char *doing, struct tally_diag *diag)
{
    tally_diag_set(diag, "%s the witness file: %s", doing, strerror(errno));
    return TALLY_E_IO;
}

/* Both copies of the place that this sequence belongs to. */
static void encode_place(const struct witness_data *data, uint64_t sequence,
                         uint8_t ret_place[WITNESS_PLACE_SIZE])
{
    witness_encode(data, sequence, ret_place);
    memcpy(ret_place + WITNESS_SLOT_SIZE, ret_place, WITNESS_SLOT_SIZE);
}

enum tally_err witness_create(const char *path, const struct witness_data *data,
                              struct tally_diag *diag)
{
    uint8_t file[WITNESS_FILE_SIZE];

    encode_place(data, 0, file);
    encode_place(data, 1, file + WITNESS_PLACE_SIZE);
    return file_create(path, bytes_of(file, sizeof file), 0600, diag);
}

/* A file of another size is damaged, even when a copy in it is whole: no write of ours changes
 * the size, and what is gone may have been newer. */
static enum tally_err read_file(int fd, const char *path, uint8_t file[WITNESS_FILE_SIZE],
                                struct tally_diag *diag)
{
    struct stat status;

    if (fstat(fd, &status) != 0) return refuse("look at", diag);
    if (status.st_size != WITNESS_FILE_SIZE) {
        tally_diag_set(diag, "%s has %lld bytes instead of %d", path, (long long)status.st_size,
                       WITNESS_FILE_SIZE);
        return TALLY_E_CORRUPT;
    }
    if (pread(fd, file, WITNESS_FILE_SIZE, 0) != WITNESS_FILE_SIZE) return refuse("read", diag);
    return TALLY_OK;
}

/* What the file says: per place its newest whole copy, and which of its copies must be written
 * again because they differ from that one. */
struct content {
    uint8_t file[WITNESS_FILE_SIZE];
    struct witness_data data;
    uint64_t sequence;
    bool found;
    bool differs[4]; /* in the order of the file */
};

static void read_place(struct content *content, unsigned place)
{
    const uint8_t *const copies = content->file + (size_t)place * WITNESS_PLACE_SIZE;
    struct witness_data data, newest = {0};
    uint64_t sequences[2] = {0, 0};
    bool whole[2];
    unsigned best;

    for (unsigned i = 0; i < 2; i++) {
        whole[i] = witness_decode(copies + (size_t)i * WITNESS_SLOT_SIZE, &data, &sequences[i]);
        if (whole[i] && sequences[i] % 2 != place) whole[i] = false;
    }
    if (!whole[0] && !whole[1]) return; /* torn: the other place counts */
    best = whole[1] && (!whole[0] || sequences[1] > sequences[0]) ? 1 : 0;
    content->differs[2 * place + 1 - best] =
        !whole[1 - best] || sequences[1 - best] != sequences[best];
    if (content->found && sequences[best] < content->sequence) return;
    (void)witness_decode(copies + (size_t)best * WITNESS_SLOT_SIZE, &newest, &sequences[best]);
    content->data = newest;
    content->sequence = sequences[best];
    content->found = true;
}

static enum tally_err read_content(int fd, const char *path, struct content *ret_content,
                                   struct tally_diag *diag)
{
    enum tally_err err;

    memset(ret_content, 0, sizeof *ret_content);
    err = read_file(fd, path, ret_content->file, diag);
    if (err != TALLY_OK) return err;
    read_place(ret_content, 0);
    read_place(ret_content, 1);
    if (ret_content->found) return TALLY_OK;
    tally_diag_set(diag, "%s: none of its four copies is whole", path);
    return TALLY_E_CORRUPT;
}

static enum tally_err open_file(const char *path, int flags, int *ret_fd,
                                struct tally_diag *diag)
{
    const int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0) {
        const enum tally_err err = errno == ENOENT ? TALLY_E_NOT_FOUND : TALLY_E_IO;

        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        return err;
    }
    *ret_fd = fd;
    return TALLY_OK;
}

enum tally_err witness_read(const char *path, struct witness_data *ret_data,
                            unsigned *ret_damaged, struct tally_diag *diag)
{
    struct content content;
    int fd = -1;
    enum tally_err err = open_file(path, O_RDONLY, &fd, diag);

    if (err != TALLY_OK) return err;
    err = read_content(fd, path, &content, diag);
    close(fd);
    if (err != TALLY_OK) return err;
    *ret_data = content.data;
    *ret_damaged = 0;
    for (unsigned i = 0; i < 4; i++) *ret_damaged += content.differs[i] ? 1 : 0;
    return TALLY_OK;
}

/* Only the bad copy is written: whatever happens meanwhile, the good one beside it stays. */
static enum tally_err repair(struct witness *witness, const struct content *content,
                             struct tally_diag *diag)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *good = content->file + (size_t)(i ^ 1) * WITNESS_SLOT_SIZE;

        if (!content->differs[i]) continue;
        if (pwrite(witness->fd, good, WITNESS_SLOT_SIZE, (off_t)i * WITNESS_SLOT_SIZE) !=
            WITNESS_SLOT_SIZE) {
            return refuse("repair", diag);
        }
        witness->repaired++;
    }
    if (witness->repaired > 0 && fdatasync(witness->fd) != 0) return refuse("repair", diag);
    return TALLY_OK;
}

enum tally_err witness_open(const char *path, struct witness **ret_witness,
                            struct tally_diag *diag)
{
    struct witness *witness = calloc(1, sizeof *witness);
    struct content content;
    enum tally_err err;

    if (witness == NULL) return TALLY_E_NO_MEMORY;
    err = open_file(path, O_RDWR, &witness->fd, diag);
    if (err != TALLY_OK) {
        free(witness);
        return err;
    }
    err = read_content(witness->fd, path, &content, diag);
    if (err == TALLY_OK) err = repair(witness, &content, diag);
    if (err != TALLY_OK) {
        witness_close(witness);
        return err;
    }
    witness->data = content.data;
    witness->sequence = content.sequence;
    *ret_witness = witness;
    return TALLY_OK;
}

unsigned witness_repaired(const struct witness *witness)
{
    return witness->repaired;
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

/* Durable when it returns. */
static enum tally_err write_next(struct witness *witness, const struct witness_data *next,
                                 struct tally_diag *diag)
{
    uint8_t place[WITNESS_PLACE_SIZE];
    const uint64_t sequence = witness->sequence + 1;

    encode_place(next, sequence, place);
    if (pwrite(witness->fd, place, sizeof place, (off_t)(sequence % 2 * WITNESS_PLACE_SIZE)) !=
            WITNESS_PLACE_SIZE ||
        fdatasync(witness->fd) != 0) {
        return refuse("write", diag);
    }
    witness->data = *next;
    witness->sequence = sequence;
    return TALLY_OK;
}

enum tally_err witness_sign(struct witness *witness, uint64_t size,
                            const struct tally_hash *root, struct tally_diag *diag)
{
    struct witness_data next = witness->data;
    enum tally_err err = witness_check(&witness->data, size, root, diag);

    if (err != TALLY_OK) return err;
    if (size == witness->data.signed_size) return TALLY_OK; /* signed before a restart */
    next.signed_size = size;
    next.signed_root = *root;
    return write_next(witness, &next, diag);
}

enum tally_err witness_log(struct witness *witness, const struct witness_log *log,
                           struct tally_diag *diag)
{
    const struct witness_log *old = &witness->data.log;
    struct witness_data next = witness->data;

    ASSERT(log->term >= old->term);
    ASSERT(log->term > old->term || old->vote == 0 || log->vote == old->vote);
    next.log = *log;
    return write_next(witness, &next, diag);
}
