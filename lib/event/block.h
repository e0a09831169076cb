/* block - one entry of the Raft log: a fixed header and a body (docs/formats.md, "Blocks").
 *
 * Thread-safe: no shared state. */
#ifndef EVENT_BLOCK_H
#define EVENT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/sign.h"

enum {
    BLOCK_SIGNED_SIZE = 100, /* header bytes that hash and signature cover */
    BLOCK_HEADER_SIZE = BLOCK_SIGNED_SIZE + SIGN_SIGNATURE_BYTES,
};

enum block_kind {
    BLOCK_GENESIS = 1,    /* body: the genesis record */
    BLOCK_EVENTS = 2,     /* body: BlockEvents, perhaps empty */
    BLOCK_TERM_START = 3, /* no body */
    BLOCK_CONFIG = 4,     /* body: Config */
    BLOCK_TICK = 5,       /* no body */
};

struct block_header {
    enum block_kind kind;
    bool boundary;   /* a StateRoot record follows its records */
    uint32_t leader; /* member id; 0 in genesis */
    uint64_t index, term, time_ms;
    uint32_t body_size;
    struct tally_hash previous;              /* hash of the block before; zeros in genesis */
    struct tally_hash body_hash;             /* SHA-256 of the body */
    uint8_t signature[SIGN_SIGNATURE_BYTES]; /* by the leader's peer key; zeros in genesis */
};

void block_header_encode(const struct block_header *header,
                         uint8_t ret_bytes[BLOCK_HEADER_SIZE]);
/* Decode the header of a whole block: checks version, kind, flags, and that body_size is the
 * size of what follows the header and within LIMIT_BLOCK_SIZE. Neither body hash nor signature.
 * Errors: TALLY_E_MALFORMED. */
TALLY_NODISCARD enum tally_err block_header_decode(struct bytes block,
                                                   struct block_header *ret_header,
                                                   struct tally_diag *diag);
/* H("tally/block/v1" || 0x00 || the first 100 header bytes): the hash that chains blocks. */
void block_hash(const struct block_header *header, struct tally_hash *ret_hash);
/* Sign "tally/block/v1\n" || the first 100 header bytes. */
void block_sign(struct block_header *header, const struct sign_key *peer_key);
/* Is the body the one of the header, and the header signed by this peer key?
 * Errors: TALLY_E_CORRUPT (body), TALLY_E_SIGNATURE. */
TALLY_NODISCARD enum tally_err block_verify(struct bytes block,
                                            const struct block_header *header,
                                            const uint8_t peer_key[SIGN_PUBLIC_BYTES],
                                            struct tally_diag *diag);
/* The body of a block whose header was decoded. */
struct bytes block_body(struct bytes block);

/* Bytes that one encoded batch takes in a body. */
size_t block_batch_size(size_t batch_size);
/* Write a body of encoded batches; `size` is the sum of their block_batch_size (asserted). */
void block_body_put(const struct bytes *batches, size_t count, uint8_t *ret_body, size_t size);
/* Split the body of a BLOCK_EVENTS block into encoded batches; each is still to be checked.
 * Errors: TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err block_body_split(struct bytes body, struct arena *arena,
                                                const struct bytes **ret_batches,
                                                uint32_t *ret_count, struct tally_diag *diag);

#endif
