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
    bool voter;                                                        /* else a learner */
    char peer_url[LIMIT_URL_SIZE + 1], client_url[LIMIT_URL_SIZE + 1]; /* "": not said */
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

enum member_action { MEMBER_ADD = 1, MEMBER_PROMOTE = 2, MEMBER_REMOVE = 3 };

/* One change of the members, as an event of type ledger.member_changed says it. */
struct member_change {
    enum member_action action;
    struct ledger_member member;
    const char *policy; /* complete */
    uint64_t config_version;
};

struct Tally__Member; /* event.pb-c.h */

/* Decode and check one member. Errors: TALLY_E_MALFORMED. */
TALLY_NODISCARD enum tally_err ledger_member_take(const struct Tally__Member *from,
                                                  struct ledger_member *ret_member,
                                                  struct tally_diag *diag);
/* The Config that follows `now` (whose encoding is `now_bytes`) by an authorised change.
 *   next_id            the member id that was never used before
 *   authorising_index  of the event's record
 * Errors: TALLY_E_INVALID (the diag says what is wrong with the change), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err ledger_config_change(
    const struct ledger_config *now, struct bytes now_bytes, const struct member_change *change,
    uint32_t next_id, uint64_t authorising_index, struct arena *arena,
    struct ledger_config *ret_next, struct tally_diag *diag);

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
