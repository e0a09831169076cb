/* Any bytes as a file that a command or a node finds: the first byte chooses a public or secret
 * key file of a user or a node, a .pending file, the witness file, or one whole copy in it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/keyfile.h"
#include "store/witness.h"
#include "tally/pending.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITNESS_DATA_SIZE = 153, KINDS = 7 }; /* docs/formats.md, "Witness file" */

/* A file in memory; its path opens it anew. */
static int file_of(struct bytes bytes, char ret_path[64])
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);

    ASSERT(fd >= 0);
    ASSERT(fchmod(fd, S_IRUSR | S_IWUSR) == 0);
    ASSERT(write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
    (void)snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void try_key(int kind, const char *path)
{
    struct tally_diag diag;
    struct user_key user;
    struct node_keys node;
    struct node_public public;
    struct vkey vkey;

    if (kind == 0 && keyfile_user_public_load(path, &vkey, &diag) == TALLY_OK)
        ASSERT(strlen(vkey.name) <= LIMIT_KEY_NAME_SIZE);
    if (kind == 1 && keyfile_node_public_load(path, &public, &diag) == TALLY_OK)
        ASSERT(keyfile_name_valid(public.name) && public.incarnation != 0);
    if (kind == 2 && keyfile_user_load(path, &user, &diag) == TALLY_OK)
        ASSERT(keyfile_name_valid(user.name));
    if (kind == 3 && keyfile_node_load(path, &node, &diag) == TALLY_OK)
        ASSERT(keyfile_name_valid(node.name) && node.incarnation != 0);
}

static void try_pending(struct bytes bytes)
{
    struct pending pending;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return;
    if (pending_parse(bytes, arena, &pending, NULL) == TALLY_OK) {
        ASSERT(pending_is(bytes));
        ASSERT(pending.signers_count <= LIMIT_EVENT_SIGNERS);
    }
    arena_close(arena);
}

static void try_witness(const char *path)
{
    struct witness_data data;
    unsigned damaged = 0;

    if (witness_read(path, &data, &damaged, NULL) == TALLY_OK) ASSERT(damaged < 4);
}

/* With a right checksum behind any fields: what decodes encodes to the same bytes. */
static void try_slot(struct bytes bytes)
{
    uint8_t slot[WITNESS_SLOT_SIZE] = {0}, again[WITNESS_SLOT_SIZE];
    struct witness_data data;
    struct tally_hash hash;
    uint64_t sequence = 0;

    if (bytes.size > 0)
        memcpy(slot, bytes.data,
               bytes.size < WITNESS_DATA_SIZE ? bytes.size : WITNESS_DATA_SIZE);
    hash_tagged("tally/witness/v1", slot, WITNESS_DATA_SIZE, &hash);
    memcpy(slot + WITNESS_DATA_SIZE, hash.bytes, sizeof hash.bytes);
    if (!witness_decode(slot, &data, &sequence)) {
        ASSERT(slot[0] != 1); /* another version, and nothing else */
        return;
    }
    witness_encode(&data, sequence, again);
    ASSERT(memcmp(slot, again, sizeof slot) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];

    if (size == 0 || sign_init() != TALLY_OK) return 0;
    const int kind = data[0] % KINDS;
    const struct bytes bytes = bytes_of(data + 1, size - 1);

    if (kind == 4) {
        try_pending(bytes);
    } else if (kind == 6) {
        try_slot(bytes);
    } else {
        const int fd = file_of(bytes, path);

        if (kind == 5)
            try_witness(path);
        else
            try_key(kind, path);
        (void)close(fd);
    }
    return 0;
}
