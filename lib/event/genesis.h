/* genesis - how a ledger begins: a file that every root key signs (docs/formats.md, "Genesis").
 *
 * The genesis event carries 32 zero bytes as ledger id. Sealed, it becomes record 0, whose leaf
 * hash is the ledger id. Thread-safe: no shared state. */
#ifndef EVENT_GENESIS_H
#define EVENT_GENESIS_H

#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/sign.h"
#include "event/batch.h"
#include "event/event.h"
#include "event/ledger_config.h"
#include "event/record.h"

enum { GENESIS_ORIGIN_SIZE = LIMIT_NAME_SIZE + 1 + 32 + 1 };

/* What goes into a new genesis. Keys are copied; texts are borrowed for the call. */
struct genesis_spec {
    const char *name;
    uint64_t time_ms;
    const struct ledger_config *config; /* version 1 */
    uint32_t root_threshold, stolen_keys;
    uint32_t root_keys_count;
    const uint8_t (*root_keys)[SIGN_PUBLIC_BYTES]; /* any order, each once */
    uint32_t principals_count;
    const struct event_principal *principals; /* any order, each id once; roles in any order */
};

/* A genesis file: perhaps not signed by everyone yet. Borrows from the arena. */
struct genesis {
    uint64_t time_ms;
    struct bytes event_bytes;
    struct event event; /* decoded; event.genesis has the facts */
    struct ledger_config config;
    uint32_t signers_count;
    struct batch_signer signers[LIMIT_GENESIS_SIGNERS]; /* verified; ascending by key id */
};

/* Make an unsigned file. Errors: TALLY_E_INVALID / TALLY_E_MALFORMED (the diag names the part),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_new(const struct genesis_spec *spec, struct arena *arena,
                                           struct bytes *ret_file, struct tally_diag *diag);
/* Decode a file and verify the signatures it has; missing ones are no error.
 * Errors: TALLY_E_TOO_LARGE, TALLY_E_MALFORMED, TALLY_E_SIGNATURE, TALLY_E_SIGNERS (by a key
 * that is no root key), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_decode(struct bytes file, struct arena *arena,
                                              struct genesis *ret_genesis,
                                              struct tally_diag *diag);
/* Add one root key's signature. Errors: TALLY_E_SIGNERS (no root key), TALLY_E_CONFLICT (it
 * signed already), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_sign(const struct genesis *genesis,
                                            const struct sign_key *root_key,
                                            struct arena *arena, struct bytes *ret_file,
                                            struct tally_diag *diag);
/* Which root keys have not signed: places in event.genesis.root_keys. Returns how many. */
uint32_t genesis_missing(const struct genesis *genesis,
                         uint32_t ret_missing[LIMIT_GENESIS_SIGNERS]);
/* The genesis record of a file that every root key signed, its ledger id, and block 1 that
 * holds it (block.h). Errors: TALLY_E_SIGNERS (a signature is missing), TALLY_E_CONFLICT (two
 * log keys have one id, a chance of 2^-32), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err genesis_seal(const struct genesis *genesis, struct arena *arena,
                                            struct bytes *ret_record,
                                            struct tally_hash *ret_ledger_id,
                                            struct bytes *ret_block, struct tally_diag *diag);
/* The file that was sealed to this record, whose event was decoded: genesis_decode and
 * genesis_seal of it check a record 0 that somebody else sealed. Data is NULL without memory.
 */
struct bytes genesis_unseal(const struct record *record, const struct event *event,
                            struct arena *arena);
/* `<name>/<first 32 hex digits of the ledger id>`: the origin of every checkpoint. */
void genesis_origin(const char *name, const struct tally_hash *ledger_id,
                    char ret_origin[GENESIS_ORIGIN_SIZE]);

#endif
