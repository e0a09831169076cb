/* publish - from an applied boundary to a checkpoint that outsiders can verify.
 *
 * What it is    Collects the members' cosignatures over (size, root) and assembles the signed
 * note once the publication policy of the Config is satisfied. Late cosignatures are merged
 * into the note that is published already. Never does    no I/O, no clock. It signs with the
 * node's log key; the cosign key is used by the caller (publish_cosign) after the witness is
 * durable. Who calls it  node/loop, on the loop thread. publish_cosign is pure and may run
 * anywhere. Invariants    a note is published only for a (size, root) that this node applied
 * itself; sizes published never decrease; two roots for one size are reported, never mixed.
 * Read first    docs/protocol.md "Checkpoints"; C2SP tlog-checkpoint and tlog-cosignature. */
#ifndef PUBLISH_PUBLISH_H
#define PUBLISH_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "crypto/keyfile.h"

enum { PUBLISH_COSIGNATURE_BYTES = 72 }; /* u64 time || Ed25519 signature */

/* One member's statement: every record below `size` is on my disk, I verified every signature
 * and reproduced every decision; the tree has this root. */
struct publish_cosignature {
    uint32_t member;
    uint64_t size;
    struct tally_hash root;
    uint8_t bytes[PUBLISH_COSIGNATURE_BYTES];
};

struct publish_member {
    uint32_t id;
    bool voter;
    char name[LIMIT_NAME_SIZE + 1];
    char site[LIMIT_NAME_SIZE + 1];
    uint8_t log_key[32], cosign_key[32], peer_key[32];
    uint64_t incarnation;
    char peer_url[LIMIT_URL_SIZE + 1], client_url[LIMIT_URL_SIZE + 1]; /* "": not said */
};

/* Who the members are, and who we are. Filled by publish_config_load. */
struct publish_config {
    struct tally_hash ledger_id;
    char origin[LIMIT_NAME_SIZE + 34];
    uint32_t self; /* member id; perhaps of no member (yet, or any more) */
    uint32_t members_count;
    struct publish_member members[LIMIT_MEMBERS];
    char trust_text[LIMIT_NOTE_SIZE]; /* the publication policy as a trust file */
    const struct node_keys *keys;     /* borrowed; NULL: only verifies */
};

struct publish;

/* Fill *ret_config from a ledger's identity.
 *   keys     this node's; the member of their name must have their public keys
 *   join_as  member id of a node that is no member (yet, or any more); 0: it must be one
 * Errors: TALLY_E_NOT_FOUND (no such member), TALLY_E_MISMATCH (other keys or incarnation),
 * TALLY_E_MALFORMED (Config or policy). */
struct ledger_identity;
TALLY_NODISCARD enum tally_err publish_config_load(const struct ledger_identity *identity,
                                                   const struct node_keys *keys,
                                                   uint32_t join_as,
                                                   struct publish_config *ret_config,
                                                   struct tally_diag *diag);
/* The same node under another Config. Errors: TALLY_E_MALFORMED (Config or policy),
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err publish_config_change(const struct publish_config *now,
                                                     struct bytes config,
                                                     struct publish_config *ret_next,
                                                     struct tally_diag *diag);
const struct publish_member *publish_member(const struct publish_config *config, uint32_t id);

/* Cosign (size, root) with ledger time `time_ms`. Pure. */
void publish_cosign(const struct publish_config *config, uint64_t size,
                    const struct tally_hash *root, uint64_t time_ms,
                    struct publish_cosignature *ret_cosignature);

/* `config` is copied, its keys are borrowed. Errors: TALLY_E_NO_MEMORY, TALLY_E_MALFORMED (the
 * policy). */
TALLY_NODISCARD enum tally_err publish_open(const struct publish_config *config,
                                            struct publish **ret_publish,
                                            struct tally_diag *diag);
void publish_close(struct publish *publish); /* NULL is accepted */

/* Another Config is in force from the record `size` - 1 on, which is that Config. The first
 * checkpoint that covers it needs the consent of the members before it too: who trusts those
 * can follow. Errors: TALLY_E_MALFORMED (the policy), TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err publish_change(struct publish *publish,
                                              const struct publish_config *config,
                                              uint64_t size, struct tally_diag *diag);
/* Is the last change covered by a published checkpoint? */
bool publish_settled(const struct publish *publish);

/* The newest published note of an earlier run. A note that this policy does not accept is
 * ignored. */
void publish_restore(struct publish *publish, struct bytes note);

enum publish_result {
    PUBLISH_NOTHING,   /* kept, or of no use: of no voter of the Configs applied here */
    PUBLISH_NEW,       /* a larger checkpoint is published */
    PUBLISH_MERGED,    /* the newest checkpoint got one more cosignature */
    PUBLISH_REFUSED,   /* not this member's signature */
    PUBLISH_DIVERGENT, /* properly signed, but another root for a size that we applied */
};

/* This node applied a boundary; one that was applied before is passed over. PUBLISH_DIVERGENT:
 * the restored checkpoint of this size has another root. */
enum publish_result publish_boundary(struct publish *publish, uint64_t size,
                                     const struct tally_hash *root);

/* Add a cosignature, our own or another member's; one for a size not applied here yet is kept.
 */
enum publish_result publish_add(struct publish *publish,
                                const struct publish_cosignature *cosignature);
/* Try again what publish_add kept, after publish_boundary; PUBLISH_NOTHING when nothing came of
 * it. */
enum publish_result publish_retry(struct publish *publish);

/* What the last PUBLISH_DIVERGENT was about. Member 0: the checkpoint of an earlier run, which
 * is in the store with its signatures. */
const struct publish_cosignature *publish_divergent(const struct publish *publish);

/* The largest tree of which we have this member's cosignature; 0: none. */
uint64_t publish_signed_by(const struct publish *publish, uint32_t member);
uint64_t
publish_size(const struct publish *publish); /* of the newest published checkpoint, or 0 */
/* A published checkpoint with size > index and at least `cosignatures_min` members'
 * cosignatures, the newest such; NULL: none. Borrowed until the next call that changes
 * `publish`. */
const struct buffer *publish_find(const struct publish *publish, uint64_t index,
                                  uint32_t cosignatures_min);

#endif
