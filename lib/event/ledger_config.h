/* ledger_config - who the members of a ledger are (Config in proto/event.proto).
 *
 * Thread-safe: no shared state. */
#ifndef EVENT_LEDGER_CONFIG_H
#define EVENT_LEDGER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/sign.h"

struct ledger_member {
    uint32_t id; /* from 1; never used again */
    char name[LIMIT_NAME_SIZE + 1], site[LIMIT_NAME_SIZE + 1];
    uint8_t log_key[SIGN_PUBLIC_BYTES], cosign_key[SIGN_PUBLIC_BYTES],
        peer_key[SIGN_PUBLIC_BYTES];
    uint64_t incarnation;
    bool voter; /* else a learner */
};

enum { LEDGER_POLICY_SIZE = 4096 };

struct ledger_config {
    uint64_t version; /* from 1 */
    bool has_previous;
    struct tally_hash previous_digest; /* of version - 1; absent in version 1 */
    uint64_t authorising_index;
    uint32_t members_count;
    struct ledger_member members[LIMIT_MEMBERS]; /* by id */
    char policy[LEDGER_POLICY_SIZE]; /* `group` and `quorum` lines over member names */
};

/* Decode and check: 1..LIMIT_VOTERS voters, ids ascending, names and keys unique (also across
 * the three kinds of keys), names path segments. The policy's text is for note/trust.h to
 * parse. Errors: TALLY_E_MALFORMED, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err ledger_config_decode(struct bytes bytes, struct arena *arena,
                                                    struct ledger_config *ret_config,
                                                    struct tally_diag *diag);
/* Encode into the arena; the data is NULL without memory. */
struct bytes ledger_config_encode(const struct ledger_config *config, struct arena *arena);
/* SHA-256 of the encoding: what the next version names. */
void ledger_config_digest(struct bytes encoded, struct tally_hash *ret_digest);
/* The member with this id or name, or NULL. */
const struct ledger_member *ledger_config_member(const struct ledger_config *config,
                                                 uint32_t id);
const struct ledger_member *ledger_config_named(const struct ledger_config *config,
                                                const char *name);
uint32_t ledger_config_voters(const struct ledger_config *config);

#endif
