/* note/trust - the trust file: which checkpoints a verifier believes.
 *
 * A trust file is a C2SP tlog-policy (`log`, `witness`, `group`, `quorum` lines) with
 * comment lines of ours that begin with `# tally `: ledger id, Config version, root keys,
 * last verified checkpoint, expiry. docs/formats.md has the text. All log keys belong to
 * one log: they have the same name, the origin.
 *
 * A struct trust is big (some 50 KiB) and holds no pointers: put it where it fits.
 * Nothing allocates; thread-safe. */
#ifndef NOTE_TRUST_H
#define NOTE_TRUST_H

#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/vkey.h"
#include "note/checkpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>
#include <tally/verify.h>

enum {
    TRUST_LOGS_MAX = 32,
    TRUST_WITNESSES_MAX = 32, /* a set of witnesses is a uint32_t, bit = index */
    TRUST_GROUPS_MAX = 32,
    TRUST_GROUP = 32,   /* member numbers from here on are groups */
    TRUST_NOBODY = 255, /* as quorum: `quorum none` */
};

struct trust_log {
    struct vkey key;              /* VKEY_ED25519 */
    char url[LIMIT_URL_SIZE + 1]; /* "" if none */
};

struct trust_witness {
    char name[LIMIT_KEY_NAME_SIZE + 1]; /* in this file only; not the key's name */
    struct vkey key;                    /* VKEY_COSIGNATURE */
    char url[LIMIT_URL_SIZE + 1];       /* "" if none */
};

/* Satisfied when at least `threshold` of its members are. A member number below
 * TRUST_GROUP is a witness; TRUST_GROUP + i is group i, defined before. */
struct trust_group {
    char name[LIMIT_KEY_NAME_SIZE + 1];
    uint8_t threshold; /* 1..members_count */
    uint8_t members_count;
    uint8_t members[TRUST_WITNESSES_MAX + TRUST_GROUPS_MAX];
};

struct trust {
    uint32_t logs_count; /* at least 1; all with the same key name */
    struct trust_log logs[TRUST_LOGS_MAX];
    uint32_t witnesses_count;
    struct trust_witness witnesses[TRUST_WITNESSES_MAX];
    uint32_t groups_count;
    struct trust_group groups[TRUST_GROUPS_MAX];
    uint8_t quorum; /* a member number, or TRUST_NOBODY */

    /* From the `# tally` lines; a has_ flag or a zero says that the line is absent. */
    bool has_ledger;
    struct tally_hash ledger_id;
    uint64_t config_version;  /* 0: absent */
    uint32_t roots_threshold; /* 0: absent */
    uint32_t roots_count;
    struct tally_hash roots[LIMIT_GENESIS_SIGNERS]; /* key ids (sign_key_id) */
    bool has_checkpoint;
    uint64_t checkpoint_size;
    struct tally_hash checkpoint_root;
    uint64_t expires_s; /* seconds since 1970; 0: absent */
};

/* What trust_check_checkpoint() found. Borrows from the note. */
struct trust_checkpoint {
    struct checkpoint checkpoint;
    struct bytes text;                     /* the signed text */
    uint32_t log;                          /* the first of trust->logs that signed it */
    uint32_t witnesses;                    /* set of the witnesses that cosigned it */
    uint64_t times_s[TRUST_WITNESSES_MAX]; /* when, of each one in the set */
};

/* Parse a trust file. All faults of the file are looked for; the diag lists them as
 * `line N: text`, as many as fit.
 *
 *   TALLY_E_TOO_LARGE  more than LIMIT_TRUST_FILE_SIZE bytes
 *   TALLY_E_MALFORMED  any fault; *ret_trust is then in any state */
TALLY_NODISCARD enum tally_err trust_parse(const void *data, size_t size,
                                           struct trust *ret_trust, struct tally_diag *diag);

/* Bytes that trust_put() writes at most. */
#define TRUST_TEXT_MAX (64u * 1024u)
/* Write a file that parses to the same struct: `# tally` lines, logs, witnesses, groups,
 * quorum. The struct must be one that trust_parse() could return (see trust_valid()). */
void trust_put(struct bytes_writer *writer, const struct trust *trust);
/* Are the cross references of a struct made by hand in order? (Names are not looked at:
 * trust_parse() of the text does that.) */
bool trust_valid(const struct trust *trust);

/* A member of a ledger, as far as its trust file goes; borrows. */
struct trust_member {
    const char *name;                    /* path segment */
    const uint8_t *log_key, *cosign_key; /* Ed25519 public keys */
    bool voter;                          /* only those are witnesses */
};
/* Write the trust file of a ledger: a `log` line for every member, a `witness` line for every
 * voter, and `policy`, which may hold `group` and `quorum` lines and nothing else: it must not
 * bring in keys of its own. The text may still be one that trust_parse() refuses.
 *   origin  of the ledger
 *   writer  with room for TRUST_TEXT_MAX bytes
 * TALLY_E_MALFORMED: the policy is too long or has another line; a name makes no key. */
TALLY_NODISCARD enum tally_err trust_put_members(struct bytes_writer *writer,
                                                 const char *origin,
                                                 const struct trust_member *members,
                                                 uint32_t members_count, const char *policy,
                                                 struct tally_diag *diag);

/* The name that every log key has. */
const char *trust_origin(const struct trust *trust);

/* Does this set of witnesses satisfy the quorum? */
bool trust_satisfied(const struct trust *trust, uint32_t witnesses);

/* The smallest number of witnesses that any two satisfying sets have in common. */
uint32_t trust_overlap(const struct trust *trust);
/* How many stolen node keys f leave every two quorums with an honest one in common:
 * trust_overlap() - 1, and not below 0. For k of n that is k >= floor((n + f) / 2) + 1. */
uint32_t trust_tolerates(const struct trust *trust);

/* Check a signed checkpoint against the trust file: its origin, the signature of at least
 * one log key, all cosignatures of known witnesses, and the quorum. Lines by unknown keys
 * are ignored; one bad line by a known key rejects the note. Times and expiry are for the
 * caller to judge: there is no clock here.
 *
 *   TALLY_OK           believe it
 *   TALLY_E_MALFORMED  not a note, not a checkpoint, another origin, or too large
 *   TALLY_E_SIGNATURE  no known log key signed it, or a known key's line does not verify
 *   TALLY_E_QUORUM     signed, and too few witnesses. *ret_found is written in this case
 *                      too, so that a caller can say who is missing or wait for more */
TALLY_NODISCARD enum tally_err trust_check_checkpoint(const struct trust *trust,
                                                      const void *note, size_t note_size,
                                                      struct trust_checkpoint *ret_found,
                                                      struct tally_diag *diag);

#endif
