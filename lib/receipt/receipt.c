#include "receipt/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "event/batch.h"
#include "event/event.h"
#include "event/event_types.h"
#include "event/record.h"
#include "note/tlogproof.h"
#include "note/trust.h"

/* Decoding the extra data and the record, each with its canonical form, stays far below. */
enum { ARENA_SIZE_MAX = 8 * 1024 * 1024 };

/* The receipt and all that it borrows. The receipt comes first: a pointer to it is one to the
 * whole. */
struct checked {
    struct tally_receipt receipt;
    struct arena *arena;
    struct trust trust;
    struct trust_checkpoint checkpoint;
    struct tlogproof proof;
    struct proof_extra extra;
    struct tally_hash leaf;
    struct record record;
    struct event event;
    struct tally_receipt_cosigner cosigners[TRUST_WITNESSES_MAX];
    struct tally_receipt_signer signers[LIMIT_GENESIS_SIGNERS];
};

/* ---- making -------------------------------------------------------------------------- */

enum tally_err receipt_format(const struct receipt_parts *parts, struct arena *arena,
                              struct bytes *ret_file)
{
    const struct bytes extra = proof_extra_encode(&parts->extra, arena);

    if (extra.data == NULL) return TALLY_E_NO_MEMORY;
    const size_t size_max =
        tlogproof_size_max(extra.size, parts->path_count, parts->checkpoint.size);
    uint8_t *data = arena_alloc(arena, size_max);
    if (data == NULL) return TALLY_E_NO_MEMORY;
    struct bytes_writer writer = bytes_writer(data, size_max);

    tlogproof_put(&writer, extra, parts->index, parts->path, parts->path_count,
                  parts->checkpoint);
    ASSERT(!writer.bad);
    *ret_file = bytes_of(data, writer.at);
    return TALLY_OK;
}

/* ---- checking ------------------------------------------------------------------------ */

enum tally_err receipt_path_root(const struct tally_hash *leaf, uint64_t index, uint64_t size,
                                 const struct tally_hash *path, uint32_t path_count,
                                 struct tally_hash *ret_root)
{
    struct tally_hash hash = *leaf;
    uint64_t node = index;
    uint64_t last = size - 1; /* fn and sn of the RFC */

    if (index >= size) return TALLY_E_PROOF;
    for (uint32_t i = 0; i < path_count; i++) {
        if (last == 0) return TALLY_E_PROOF;
        if ((node & 1) == 1 || node == last) {
            hash_node(&path[i], &hash, &hash);
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash_node(&hash, &path[i], &hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if (last != 0) return TALLY_E_PROOF;
    *ret_root = hash;
    return TALLY_OK;
}

/* Limits are a matter of form to whoever reads a file. */
static enum tally_err unreadable(enum tally_err err)
{
    return err == TALLY_E_TOO_LARGE || err == TALLY_E_INVALID ? TALLY_E_MALFORMED : err;
}

/* A trust file must say which ledger it is about, and its origin must agree. */
static enum tally_err check_trust(const struct trust *trust, struct tally_diag *diag)
{
    char hex[2 * TALLY_HASH_BYTES + 1];
    const char *origin = trust_origin(trust);
    const char *slash = strrchr(origin, '/');

    if (!trust->has_ledger) {
        tally_diag_set(diag, "the trust file has no line '# tally ledger <id>'");
        return TALLY_E_MALFORMED;
    }
    bytes_hex(trust->ledger_id.bytes, TALLY_HASH_BYTES, hex);
    if (slash == NULL || strlen(slash + 1) != 32 || strncmp(slash + 1, hex, 32) != 0) {
        tally_diag_set(diag,
                       "the trust file's origin %.120s is not that of its ledger %.32s...",
                       origin, hex);
        return TALLY_E_WRONG_LEDGER;
    }
    return TALLY_OK;
}

static enum tally_err read_files(struct checked *checked, struct bytes trust,
                                 struct bytes proof, struct tally_diag *diag)
{
    struct tally_diag detail = {""};
    enum tally_err err = trust_parse(trust.data, trust.size, &checked->trust, &detail);

    if (err != TALLY_OK) {
        tally_diag_set(diag, "trust file: %s", detail.text);
        return unreadable(err);
    }
    err = check_trust(&checked->trust, diag);
    if (err != TALLY_OK) return err;
    err = tlogproof_parse(proof.data, proof.size, &checked->proof, &detail);
    if (err != TALLY_OK) {
        tally_diag_set(diag, "proof file: %s", detail.text);
        return unreadable(err);
    }
    return TALLY_OK;
}

static enum tally_err check_checkpoint(struct checked *checked, struct tally_diag *diag)
{
    const struct trust *trust = &checked->trust;
    const struct bytes note = checked->proof.checkpoint;
    struct trust_checkpoint *found = &checked->checkpoint;
    const enum tally_err err = trust_check_checkpoint(trust, note.data, note.size, found, diag);

    if (err != TALLY_OK) return unreadable(err);
    /* What was verified before is final; without a consistency proof only equal sizes compare.
     */
    if (trust->has_checkpoint && trust->checkpoint_size == found->checkpoint.size &&
        !hash_equal(&trust->checkpoint_root, &found->checkpoint.root)) {
        tally_diag_set(diag, "two trees of %llu records: keep both files as evidence",
                       (unsigned long long)found->checkpoint.size);
        return TALLY_E_SPLIT_VIEW;
    }
    return TALLY_OK;
}

static enum tally_err check_inclusion(struct checked *checked, struct tally_diag *diag)
{
    const struct tlogproof *proof = &checked->proof;
    const size_t extra_size = tlogproof_extra_size(proof);
    uint8_t *extra = NULL;

    if (extra_size == 0 || extra_size > PROOF_EXTRA_SIZE_MAX) {
        tally_diag_set(diag, extra_size == 0 ? "proof file: the record is not in it (no extra)"
                                             : "proof file: its extra data is too large");
        return TALLY_E_MALFORMED;
    }
    extra = arena_alloc(checked->arena, extra_size);
    if (extra == NULL) return TALLY_E_NO_MEMORY;
    tlogproof_extra(proof, extra);
    enum tally_err err =
        proof_extra_decode(bytes_of(extra, extra_size), checked->arena, &checked->extra, diag);
    if (err != TALLY_OK) return unreadable(err);

    hash_leaf(checked->extra.record.data, checked->extra.record.size, &checked->leaf);
    err = tally_verify_inclusion(&checked->leaf, proof->index,
                                 checked->checkpoint.checkpoint.size, proof->hashes,
                                 proof->hashes_count, &checked->checkpoint.checkpoint.root);
    if (err != TALLY_OK) {
        tally_diag_set(diag, "the record is not number %llu of the %llu in the tree",
                       (unsigned long long)proof->index,
                       (unsigned long long)checked->checkpoint.checkpoint.size);
        return TALLY_E_PROOF;
    }
    err = record_decode(checked->extra.record, checked->arena, &checked->record, diag);
    if (err != TALLY_OK) return unreadable(err);
    if (checked->record.index != proof->index) {
        tally_diag_set(diag, "the record says it is number %llu, the proof says %llu",
                       (unsigned long long)checked->record.index,
                       (unsigned long long)proof->index);
        return TALLY_E_PROOF;
    }
    return TALLY_OK;
}

static bool is_genesis(const struct checked *checked)
{
    return checked->event.type == EVENT_LEDGER_GENESIS;
}

/* The genesis event cannot name its ledger: the ledger is named after its leaf. */
static enum tally_err check_ledger(struct checked *checked, struct tally_diag *diag)
{
    const struct tally_hash *found =
        is_genesis(checked) ? &checked->leaf : &checked->event.ledger_id;
    char hex[2 * TALLY_HASH_BYTES + 1];

    if (hash_equal(found, &checked->trust.ledger_id)) return TALLY_OK;
    bytes_hex(found->bytes, TALLY_HASH_BYTES, hex);
    tally_diag_set(diag, "the event was made for the ledger %s", hex);
    return TALLY_E_WRONG_LEDGER;
}

static enum tally_err bad_signature(struct tally_diag *diag, uint32_t number, const char *text)
{
    tally_diag_set(diag, "signature %u of the event: %s", number + 1, text);
    return TALLY_E_SIGNATURE;
}

/* One signature of the event over the batch that it was signed in. */
static enum tally_err check_signer(struct checked *checked, uint32_t number,
                                   struct tally_diag *diag)
{
    const struct event *event = &checked->event;
    const struct record_signer *signer = &checked->record.event.signers[number];
    const uint8_t *public_key = checked->extra.public_keys[number];
    uint8_t message[BATCH_MESSAGE_BYTES];
    struct tally_hash key_id, root;

    sign_key_id(public_key, &key_id);
    if (!hash_equal(&key_id, &signer->key_id))
        return bad_signature(diag, number, "the public key is not that of its key id");
    if (!hash_equal(&event->signers[number].key_id, &key_id) ||
        event->signers[number].meaning != signer->meaning)
        return bad_signature(diag, number, "not a signer that the event requires");
    if (signer->batch_size > LIMIT_BLOCK_EVENTS ||
        receipt_path_root(&event->hash, signer->batch_index, signer->batch_size,
                          checked->extra.batch_path, checked->extra.batch_path_count,
                          &root) != TALLY_OK)
        return bad_signature(diag, number, "the batch path does not fit");
    batch_message(&event->ledger_id, signer->meaning, signer->batch_size, &root, message);
    if (sign_verify(public_key, message, sizeof message, signer->signature,
                    sizeof signer->signature) != TALLY_OK)
        return bad_signature(diag, number, "does not verify");

    struct tally_receipt_signer *to = &checked->signers[number];
    memcpy(to->key_id, key_id.bytes, sizeof to->key_id);
    memcpy(to->public_key, public_key, sizeof to->public_key);
    to->meaning = event_meaning_name(signer->meaning);
    return TALLY_OK;
}

static enum tally_err check_signers(struct checked *checked, struct tally_diag *diag)
{
    const uint32_t count = checked->record.event.signers_count;

    if (count == 0 || count != checked->extra.public_keys_count ||
        count != checked->event.signers_count) {
        tally_diag_set(diag, "the event has %u signatures, %u public keys, and requires %u",
                       count, checked->extra.public_keys_count, checked->event.signers_count);
        return TALLY_E_SIGNATURE;
    }
    for (uint32_t i = 0; i < count; i++) {
        const enum tally_err err = check_signer(checked, i, diag);

        if (err != TALLY_OK) return err;
    }
    return TALLY_OK;
}

static enum tally_err check_event(struct checked *checked, struct tally_diag *diag)
{
    enum tally_err err = record_event(&checked->record, checked->arena, &checked->event, diag);

    if (err != TALLY_OK) return unreadable(err);
    err = check_ledger(checked, diag);
    if (err != TALLY_OK) return err;
    return check_signers(checked, diag);
}

/* ---- telling ------------------------------------------------------------------------- */

static void tell_checkpoint(struct checked *checked)
{
    struct tally_receipt *receipt = &checked->receipt;
    const struct trust_checkpoint *found = &checked->checkpoint;

    memcpy(receipt->ledger_id, checked->trust.ledger_id.bytes, TALLY_HASH_BYTES);
    receipt->origin = trust_origin(&checked->trust);
    receipt->size = found->checkpoint.size;
    memcpy(receipt->root, found->checkpoint.root.bytes, TALLY_HASH_BYTES);
    receipt->tolerated = trust_tolerates(&checked->trust);
    receipt->expires_s = checked->trust.expires_s;
    receipt->cosigners = checked->cosigners;
    for (uint32_t i = 0; i < checked->trust.witnesses_count; i++) {
        if ((found->witnesses >> i & 1) == 0) continue;
        checked->cosigners[receipt->cosigners_count++] = (struct tally_receipt_cosigner){
            .name = checked->trust.witnesses[i].name, .time_s = found->times_s[i]};
    }
}

static void tell_record(struct checked *checked)
{
    struct tally_receipt *receipt = &checked->receipt;
    const struct record *record = &checked->record;

    receipt->record = checked->extra.record.data;
    receipt->record_size = checked->extra.record.size;
    receipt->kind = record_kind_name(record->kind);
    receipt->index = record->index;
    receipt->time_ms = record->time_ms;
    receipt->type = receipt->subject = receipt->actor = receipt->on_behalf_of = "";
    receipt->verdict = record->kind == RECORD_VOID ? TALLY_VERDICT_VOID : TALLY_VERDICT_NONE;
}

static void tell_event(struct checked *checked)
{
    struct tally_receipt *receipt = &checked->receipt;
    const struct event *event = &checked->event;
    const struct record_decision *decision = &checked->record.event.decision;
    const struct event_type_info *info = event_type_info(event->type);
    const struct event_artifact *adapter = event_artifact(event, "adapter");

    receipt->verdict = decision->allowed ? TALLY_VERDICT_ALLOWED : TALLY_VERDICT_DENIED;
    receipt->type = info == NULL ? "" : info->name;
    receipt->subject = event->subject;
    receipt->actor = event->actor;
    receipt->on_behalf_of = event->on_behalf_of;
    memcpy(receipt->event_hash, event->hash.bytes, TALLY_HASH_BYTES);
    receipt->claimed_time_ms = event->claimed_time_ms;
    receipt->signers = checked->signers;
    receipt->signers_count = checked->record.event.signers_count;
    receipt->failed_rules = decision->failed_rules;
    receipt->failed_rules_count = decision->failed_rules_count;
    receipt->policy_version = decision->policy_version;
    receipt->has_manifest_root = adapter != NULL;
    if (adapter != NULL)
        memcpy(receipt->manifest_root, adapter->manifest_root.bytes, TALLY_HASH_BYTES);
}

static enum tally_err compare_bytes(const struct tally_receipt *receipt,
                                    const uint8_t *manifest_root, struct tally_diag *diag)
{
    char recorded[65], found[65];

    if (manifest_root == NULL) return TALLY_OK;
    if (!receipt->has_manifest_root) {
        tally_diag_set(diag, "the record speaks of no adapter");
        return TALLY_E_MISMATCH;
    }
    if (memcmp(receipt->manifest_root, manifest_root, TALLY_HASH_BYTES) == 0) return TALLY_OK;
    bytes_hex(receipt->manifest_root, TALLY_HASH_BYTES, recorded);
    bytes_hex(manifest_root, TALLY_HASH_BYTES, found);
    tally_diag_set(diag, "recorded manifest root %s, these bytes have %s", recorded, found);
    return TALLY_E_MISMATCH;
}

enum tally_err tally_receipt_verify(const void *trust, size_t trust_size, const void *proof,
                                    size_t proof_size, const uint8_t *manifest_root,
                                    enum tally_verdict *ret_verdict,
                                    struct tally_receipt **ret_receipt, struct tally_diag *diag)
{
    struct checked *checked = calloc(1, sizeof *checked);
    enum tally_err err = TALLY_E_NO_MEMORY;

    *ret_verdict = TALLY_VERDICT_NONE;
    if (checked == NULL) return TALLY_E_NO_MEMORY;
    err = arena_open(ARENA_SIZE_MAX, &checked->arena);
    if (err == TALLY_OK) err = sign_init();
    if (err == TALLY_OK)
        err =
            read_files(checked, bytes_of(trust, trust_size), bytes_of(proof, proof_size), diag);
    if (err == TALLY_OK) err = check_checkpoint(checked, diag);
    if (err == TALLY_OK) err = check_inclusion(checked, diag);
    const bool event = err == TALLY_OK && checked->record.kind == RECORD_EVENT;
    if (event) err = check_event(checked, diag);
    if (err != TALLY_OK) {
        tally_receipt_free(&checked->receipt);
        return err;
    }

    tell_checkpoint(checked);
    tell_record(checked);
    if (event) tell_event(checked);
    err = compare_bytes(&checked->receipt, manifest_root, diag);
    *ret_verdict = checked->receipt.verdict;
    if (ret_receipt != NULL)
        *ret_receipt = &checked->receipt;
    else
        tally_receipt_free(&checked->receipt);
    return err;
}

void tally_receipt_free(struct tally_receipt *receipt)
{
    struct checked *checked = (struct checked *)receipt; /* its first member */

    if (checked == NULL) return;
    arena_close(checked->arena);
    free(checked);
}
