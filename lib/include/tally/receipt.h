/* tally/receipt.h - check a receipt, offline.
 *
 * A receipt is a proof file (.tlog-proof): one record of a ledger, its path in the tree, and
 * the checkpoint that its members cosigned. A trust file (.trust) says whose checkpoints to
 * believe.
 *
 * Inclusion is not approval: a denied attempt is recorded, and has a receipt too. So the
 * verdict is an output that nobody can leave out.
 *
 * No network, no files, no clock; safe on hostile input. Thread-safe. */
#ifndef TALLY_RECEIPT_H
#define TALLY_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the ledger decided about the record. */
enum tally_verdict {
    TALLY_VERDICT_NONE = 0,    /* nothing is proven, or it is a record of the ledger itself */
    TALLY_VERDICT_ALLOWED = 1, /* an event, allowed by the rules */
    TALLY_VERDICT_DENIED = 2,  /* an event, denied: it changed nothing */
    TALLY_VERDICT_VOID = 3,    /* committed, and failed verification: it changed nothing */
};

struct tally_receipt_signer {
    uint8_t key_id[32];
    uint8_t public_key[32];
    const char *meaning; /* "author", "approve", ... */
};

struct tally_receipt_cosigner {
    const char *name; /* as the trust file calls it */
    uint64_t time_s;  /* when it cosigned, by its own clock: seconds since 1970 */
};

/* What was proven. Texts are never NULL. */
struct tally_receipt {
    uint8_t ledger_id[32];
    const char *origin; /* of the ledger's checkpoints */
    uint64_t size;      /* records under the checkpoint */
    uint8_t root[32];   /* of their tree */
    const struct tally_receipt_cosigner *cosigners;
    size_t cosigners_count;
    uint32_t tolerated; /* so many stolen node keys cannot forge what the trust file believes */
    uint64_t expires_s; /* of the trust file, seconds since 1970; 0: never */

    const uint8_t *record; /* the leaf */
    size_t record_size;
    const char *kind; /* "event", "state", "config", "term", "tick" or "void" */
    uint64_t index;   /* of the record */
    uint64_t time_ms; /* of the record, ledger time: milliseconds since 1970 */

    enum tally_verdict verdict;
    /* Of an event; "" and zeros otherwise. */
    const char *type; /* "version.registered"; "" for a denied event that was cut */
    const char *subject, *actor, *on_behalf_of;
    uint8_t event_hash[32];
    uint64_t claimed_time_ms; /* by the signer's clock: proves nothing */
    const struct tally_receipt_signer *signers;
    size_t signers_count;
    const uint16_t *failed_rules; /* why it was denied, ascending */
    size_t failed_rules_count;
    uint64_t policy_version; /* that decided; 0: the built-in rule */
    bool has_manifest_root;
    uint8_t manifest_root[32]; /* of the artifact with the role "adapter" */
};

/* Check a proof file against a trust file, in this order: both are readable; the checkpoint is
 * signed and cosigned by enough; the record is in its tree at this index; it belongs to this
 * ledger; its signatures are good; it speaks of these bytes.
 *   trust, proof   contents of the two files
 *   manifest_root  32 bytes that the record's adapter must have; NULL: not compared
 *   ret_verdict    mandatory. Set in every case: TALLY_VERDICT_NONE unless the result is
 *                  TALLY_OK or TALLY_E_MISMATCH
 *   ret_receipt    the details, on TALLY_OK and TALLY_E_MISMATCH; free them with
 *                  tally_receipt_free(). NULL: not wanted
 *
 *   TALLY_OK              proven; now look at *ret_verdict
 *   TALLY_E_MALFORMED     a file or the record in it does not decode, or is over a limit
 *   TALLY_E_SIGNATURE     of the checkpoint or of the event
 *   TALLY_E_QUORUM        too few cosignatures for the trust file
 *   TALLY_E_SPLIT_VIEW    not the tree of the checkpoint that the trust file remembers
 *   TALLY_E_PROOF         the record is not in the tree at this index
 *   TALLY_E_WRONG_LEDGER  made for another ledger
 *   TALLY_E_MISMATCH      proven, and about other bytes
 *   TALLY_E_NO_MEMORY */
TALLY_API TALLY_NODISCARD enum tally_err
tally_receipt_verify(const void *trust, size_t trust_size, const void *proof, size_t proof_size,
                     const uint8_t *manifest_root, enum tally_verdict *ret_verdict,
                     struct tally_receipt **ret_receipt, struct tally_diag *diag);

/* NULL is accepted. */
TALLY_API void tally_receipt_free(struct tally_receipt *receipt);

#ifdef __cplusplus
}
#endif
#endif
