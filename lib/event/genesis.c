#include "event/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/vkey.h"
#include "event/block.h"
#include "event/canon.h"
#include "ledger.pb-c.h"

static const struct tally_hash no_ledger; /* 32 zero bytes: there is none yet */

void genesis_origin(const char *name, const struct tally_hash *ledger_id,
                    char ret_origin[GENESIS_ORIGIN_SIZE])
{
    char id[33];

    bytes_hex(ledger_id->bytes, 16, id);
    snprintf(ret_origin, GENESIS_ORIGIN_SIZE, "%s/%s", name, id);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(((const ProtobufCBinaryData *)a)->data,
                  ((const ProtobufCBinaryData *)b)->data, SIGN_PUBLIC_BYTES);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_principals(const void *a, const void *b)
{
    return strcmp((*(Tally__GenesisPrincipal *const *)a)->id,
                  (*(Tally__GenesisPrincipal *const *)b)->id);
}

static int compare_signers(const void *a, const void *b)
{
    const Tally__RequiredSigner *const *x = a, *const *y = b;

    return memcmp((*x)->key_id.data, (*y)->key_id.data, 32);
}

static ProtobufCBinaryData *sorted_keys(const uint8_t (*keys)[SIGN_PUBLIC_BYTES],
                                        uint32_t count, struct arena *arena)
{
    ProtobufCBinaryData *sorted = arena_zalloc(arena, count, sizeof *sorted);

    if (sorted == NULL) return NULL;
    for (uint32_t i = 0; i < count; i++) sorted[i] = canon_data(keys[i], SIGN_PUBLIC_BYTES);
    if (count > 0) qsort(sorted, count, sizeof *sorted, compare_keys);
    return sorted;
}

static Tally__GenesisPrincipal **encode_principals(const struct genesis_spec *spec,
                                                   struct arena *arena)
{
    Tally__GenesisPrincipal **sorted =
        arena_zalloc(arena, spec->principals_count, sizeof(void *));

    if (sorted == NULL) return NULL;
    for (uint32_t i = 0; i < spec->principals_count; i++) {
        const struct event_principal *from = &spec->principals[i];
        Tally__GenesisPrincipal *to = arena_alloc(arena, sizeof *to);

        if (to == NULL) return NULL;
        tally__genesis_principal__init(to);
        to->id = (char *)from->id;
        to->kind = (Tally__PrincipalKind)from->kind;
        to->n_public_keys = from->keys_count;
        to->public_keys = sorted_keys(from->public_keys, from->keys_count, arena);
        to->n_roles = from->roles_count;
        to->roles = arena_zalloc(arena, from->roles_count, sizeof(char *));
        if (to->public_keys == NULL || to->roles == NULL) return NULL;
        for (uint32_t k = 0; k < from->roles_count; k++) to->roles[k] = (char *)from->roles[k];
        if (to->n_roles > 0) qsort(to->roles, to->n_roles, sizeof(char *), compare_texts);
        sorted[i] = to;
    }
    if (spec->principals_count > 0) {
        qsort(sorted, spec->principals_count, sizeof(void *), compare_principals);
    }
    return sorted;
}

/* Every root key signs, as author. */
static Tally__RequiredSigner **required_signers(const ProtobufCBinaryData *keys, uint32_t count,
                                                struct arena *arena)
{
    Tally__RequiredSigner **signers = arena_zalloc(arena, count, sizeof(void *));

    for (uint32_t i = 0; signers != NULL && i < count; i++) {
        struct tally_hash *key_id = arena_alloc(arena, sizeof *key_id);

        signers[i] = arena_alloc(arena, sizeof *signers[i]);
        if (signers[i] == NULL || key_id == NULL) return NULL;
        tally__required_signer__init(signers[i]);
        sign_key_id(keys[i].data, key_id);
        signers[i]->key_id = canon_data(key_id->bytes, 32);
        signers[i]->meaning = TALLY__MEANING__MEANING_AUTHOR;
    }
    if (signers != NULL) qsort(signers, count, sizeof(void *), compare_signers);
    return signers;
}

static struct bytes encode_file(uint64_t time_ms, struct bytes event,
                                const struct batch_signer *signers, uint32_t signers_count,
                                struct arena *arena)
{
    Tally__GenesisFile file = TALLY__GENESIS_FILE__INIT;
    Tally__BatchSigner encoded[LIMIT_GENESIS_SIGNERS];
    Tally__BatchSigner *pointers[LIMIT_GENESIS_SIGNERS];

    for (uint32_t i = 0; i < signers_count; i++) {
        tally__batch_signer__init(&encoded[i]);
        encoded[i].public_key = canon_data(signers[i].public_key, SIGN_PUBLIC_BYTES);
        encoded[i].meaning = (Tally__Meaning)signers[i].meaning;
        encoded[i].signature = canon_data(signers[i].signature, SIGN_SIGNATURE_BYTES);
        pointers[i] = &encoded[i];
    }
    file.time_ms = time_ms;
    file.event = canon_data(event.data, event.size);
    file.n_signers = signers_count;
    file.signers = pointers;
    return canon_pack(&file, arena);
}

enum tally_err genesis_new(const struct genesis_spec *spec, struct arena *arena,
                           struct bytes *ret_file, struct tally_diag *diag)
{
    Tally__Event event = TALLY__EVENT__INIT;
    Tally__LedgerGenesis payload = TALLY__LEDGER_GENESIS__INIT;
    ProtobufCMessage *config = NULL;
    char subject[LIMIT_SUBJECT_SIZE + 1];
    const struct bytes config_bytes = ledger_config_encode(spec->config, arena);
    struct genesis checked;
    struct bytes encoded, file;
    uint8_t id[EVENT_ID_BYTES];
    enum tally_err err;

    if (config_bytes.data == NULL) return TALLY_E_NO_MEMORY;
    err = canon_unpack(&tally__config__descriptor, config_bytes, arena, &config, diag);
    if (err != TALLY_OK) return err;
    if (spec->root_keys_count == 0 || spec->root_keys_count > LIMIT_GENESIS_SIGNERS) {
        tally_diag_set(diag, "a ledger has 1 to %d root keys", (int)LIMIT_GENESIS_SIGNERS);
        return TALLY_E_INVALID;
    }
    snprintf(subject, sizeof subject, "ledger/%s", spec->name);
    payload.name = (char *)spec->name;
    payload.feature_level = 1;
    payload.config = (Tally__Config *)config;
    payload.root_threshold = spec->root_threshold;
    payload.stolen_keys = spec->stolen_keys;
    payload.n_root_keys = spec->root_keys_count;
    payload.root_keys = sorted_keys(spec->root_keys, spec->root_keys_count, arena);
    payload.n_principals = spec->principals_count;
    payload.principals = encode_principals(spec, arena);
    if (payload.root_keys == NULL || payload.principals == NULL) return TALLY_E_NO_MEMORY;

    /* Nothing random: the same words give the same genesis. */
    event_id_make(spec->time_ms, (const uint8_t[10]){0}, id);
    event.schema = 1;
    event.ledger_id = canon_data(no_ledger.bytes, 32);
    event.event_id = canon_data(id, sizeof id);
    event.subject = subject;
    event.n_required_signers = spec->root_keys_count;
    event.required_signers = required_signers(payload.root_keys, spec->root_keys_count, arena);
    if (event.required_signers == NULL) return TALLY_E_NO_MEMORY;
    event.claimed_time_ms = spec->time_ms;
    event.payload_case = TALLY__EVENT__PAYLOAD_LEDGER_GENESIS;
    event.ledger_genesis = &payload;
    encoded = canon_pack(&event, arena);
    if (encoded.data == NULL) return TALLY_E_NO_MEMORY;
    file = encode_file(spec->time_ms, encoded, NULL, 0, arena);
    if (file.data == NULL) return TALLY_E_NO_MEMORY;
    err = genesis_decode(file, arena, &checked, diag);
    if (err == TALLY_OK) *ret_file = file;
    return err;
}

/* Keys ascending and each once, so that nobody counts twice. */
static enum tally_err check_keys(const struct event_genesis *facts, struct tally_diag *diag)
{
    for (uint32_t i = 1; i < facts->root_keys_count; i++) {
        if (memcmp(facts->root_keys[i - 1], facts->root_keys[i], SIGN_PUBLIC_BYTES) >= 0) {
            tally_diag_set(diag, "root keys are not ascending, each once");
            return TALLY_E_MALFORMED;
        }
    }
    for (uint32_t p = 0; p < facts->principals_count; p++) {
        for (uint32_t k = 0; k < facts->principals[p].keys_count; k++) {
            for (uint32_t q = 0; q <= p; q++) {
                for (uint32_t l = 0; l < facts->principals[q].keys_count; l++) {
                    if (q == p && l >= k) break;
                    if (memcmp(facts->principals[p].public_keys[k],
                               facts->principals[q].public_keys[l], SIGN_PUBLIC_BYTES) == 0) {
                        tally_diag_set(diag, "principals %s and %s share a key",
                                       facts->principals[q].id, facts->principals[p].id);
                        return TALLY_E_MALFORMED;
                    }
                }
            }
        }
    }
    return TALLY_OK;
}

/* The required signers are the root keys, as authors: else nobody could check the record. Both
 * lists hold each key once and are equally long. */
static enum tally_err check_required(const struct event *event, struct tally_diag *diag)
{
    for (uint32_t i = 0; i < event->genesis.root_keys_count; i++) {
        struct tally_hash key_id;
        bool required = false;

        sign_key_id(event->genesis.root_keys[i], &key_id);
        for (uint32_t k = 0; k < event->signers_count && !required; k++) {
            required = event->signers[k].meaning == MEANING_AUTHOR &&
                       hash_equal(&event->signers[k].key_id, &key_id);
        }
        if (!required) {
            tally_diag_set(diag, "root key %u is no required signer of the event", (unsigned)i);
            return TALLY_E_MALFORMED;
        }
    }
    return TALLY_OK;
}

/* What the envelope says must agree with the payload and the file: root keys sign the event
 * only. */
static enum tally_err check_envelope(const struct genesis *genesis, struct tally_diag *diag)
{
    const struct event *event = &genesis->event;

    if (event->type != EVENT_LEDGER_GENESIS || !hash_equal(&event->ledger_id, &no_ledger) ||
        event->actor[0] != '\0' || event->on_behalf_of[0] != '\0' ||
        event->signers_count != event->genesis.root_keys_count) {
        tally_diag_set(diag, "the event is no ledger.genesis that every root key must sign");
        return TALLY_E_MALFORMED;
    }
    if (strcmp(strchr(event->subject, '/') + 1, event->genesis.name) != 0) {
        tally_diag_set(diag, "the subject %s does not name the ledger %s", event->subject,
                       event->genesis.name);
        return TALLY_E_MALFORMED;
    }
    if (event->claimed_time_ms != genesis->time_ms) {
        tally_diag_set(diag, "the file's time is not the one that the root keys sign");
        return TALLY_E_MALFORMED;
    }
    return check_required(event, diag);
}

static enum tally_err check_signers(const Tally__GenesisFile *file, struct genesis *genesis,
                                    struct tally_diag *diag)
{
    uint8_t message[BATCH_MESSAGE_BYTES];

    batch_message(&no_ledger, MEANING_AUTHOR, 1, &genesis->event.hash, message);
    for (uint32_t i = 0; i < file->n_signers; i++) {
        const Tally__BatchSigner *from = file->signers[i];
        struct batch_signer *to = &genesis->signers[i];
        bool root = false;

        if (from->public_key.len != SIGN_PUBLIC_BYTES ||
            from->signature.len != SIGN_SIGNATURE_BYTES ||
            from->meaning != TALLY__MEANING__MEANING_AUTHOR) {
            tally_diag_set(diag, "signer %u is not well-formed", (unsigned)i);
            return TALLY_E_MALFORMED;
        }
        memcpy(to->public_key, from->public_key.data, SIGN_PUBLIC_BYTES);
        memcpy(to->signature, from->signature.data, SIGN_SIGNATURE_BYTES);
        to->meaning = MEANING_AUTHOR;
        sign_key_id(to->public_key, &to->key_id);
        if (i > 0 && memcmp(genesis->signers[i - 1].key_id.bytes, to->key_id.bytes, 32) >= 0) {
            tally_diag_set(diag, "signers are not ascending by key id");
            return TALLY_E_MALFORMED;
        }
        for (uint32_t k = 0; k < genesis->event.genesis.root_keys_count; k++) {
            if (memcmp(genesis->event.genesis.root_keys[k], to->public_key,
                       SIGN_PUBLIC_BYTES) == 0) {
                root = true;
            }
        }
        if (!root) {
            tally_diag_set(diag, "a signature is by a key that is no root key");
            return TALLY_E_SIGNERS;
        }
        if (sign_verify(to->public_key, message, sizeof message, to->signature,
                        SIGN_SIGNATURE_BYTES) != TALLY_OK) {
            tally_diag_set(diag, "the signature of root key %u does not verify", (unsigned)i);
            return TALLY_E_SIGNATURE;
        }
        genesis->signers_count = i + 1;
    }
    return TALLY_OK;
}

enum tally_err genesis_decode(struct bytes file, struct arena *arena,
                              struct genesis *ret_genesis, struct tally_diag *diag)
{
    ProtobufCMessage *message = NULL;
    struct genesis *genesis = arena_zalloc(arena, 1, sizeof *genesis);
    const Tally__GenesisFile *from;
    enum tally_err err;

    if (file.size > LIMIT_GENESIS_SIZE) {
        tally_diag_set(diag, "a genesis file has at most %d bytes", (int)LIMIT_GENESIS_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    if (genesis == NULL) return TALLY_E_NO_MEMORY;
    err = canon_unpack(&tally__genesis_file__descriptor, file, arena, &message, diag);
    if (err != TALLY_OK) return err;
    from = (const Tally__GenesisFile *)message;
    if (from->n_signers > LIMIT_GENESIS_SIGNERS || from->time_ms == 0 ||
        from->time_ms > INT64_MAX) {
        tally_diag_set(diag, "a genesis file has a time and at most %d signers",
                       (int)LIMIT_GENESIS_SIGNERS);
        return TALLY_E_MALFORMED;
    }
    genesis->time_ms = from->time_ms;
    genesis->event_bytes = canon_bytes(from->event);
    err = event_decode(genesis->event_bytes, arena, &genesis->event, diag);
    if (err != TALLY_OK) return err;
    err = check_envelope(genesis, diag);
    if (err == TALLY_OK) err = check_keys(&genesis->event.genesis, diag);
    if (err == TALLY_OK) {
        err =
            ledger_config_decode(genesis->event.genesis.config, arena, &genesis->config, diag);
    }
    if (err == TALLY_OK &&
        (genesis->config.version != 1 || genesis->config.authorising_index != 0)) {
        tally_diag_set(diag, "the first Config has version 1");
        err = TALLY_E_MALFORMED;
    }
    if (err == TALLY_OK) err = check_signers(from, genesis, diag);
    if (err == TALLY_OK) *ret_genesis = *genesis;
    return err;
}

enum tally_err genesis_sign(const struct genesis *genesis, const struct sign_key *root_key,
                            struct arena *arena, struct bytes *ret_file,
                            struct tally_diag *diag)
{
    struct batch_signer signers[LIMIT_GENESIS_SIGNERS], own;
    uint32_t count = 0;
    bool placed = false, root = false;

    for (uint32_t k = 0; k < genesis->event.genesis.root_keys_count; k++) {
        if (memcmp(genesis->event.genesis.root_keys[k], root_key->public_key,
                   SIGN_PUBLIC_BYTES) == 0) {
            root = true;
        }
    }
    if (!root) {
        tally_diag_set(diag, "this key is none of the root keys");
        return TALLY_E_SIGNERS;
    }
    batch_sign(&genesis->event_bytes, 1, &no_ledger, MEANING_AUTHOR, root_key, &own);
    for (uint32_t i = 0; i < genesis->signers_count; i++) {
        const int order = memcmp(own.key_id.bytes, genesis->signers[i].key_id.bytes, 32);

        if (order == 0) {
            tally_diag_set(diag, "this key has signed already");
            return TALLY_E_CONFLICT;
        }
        if (order < 0 && !placed) {
            signers[count++] = own;
            placed = true;
        }
        signers[count++] = genesis->signers[i];
    }
    if (!placed) signers[count++] = own;
    *ret_file = encode_file(genesis->time_ms, genesis->event_bytes, signers, count, arena);
    return ret_file->data == NULL ? TALLY_E_NO_MEMORY : TALLY_OK;
}

uint32_t genesis_missing(const struct genesis *genesis,
                         uint32_t ret_missing[LIMIT_GENESIS_SIGNERS])
{
    uint32_t missing = 0;

    for (uint32_t k = 0; k < genesis->event.genesis.root_keys_count; k++) {
        bool signed_it = false;

        for (uint32_t i = 0; i < genesis->signers_count; i++) {
            if (memcmp(genesis->signers[i].public_key, genesis->event.genesis.root_keys[k],
                       SIGN_PUBLIC_BYTES) == 0) {
                signed_it = true;
            }
        }
        if (!signed_it) ret_missing[missing++] = k;
    }
    return missing;
}

/* All log keys have the origin as their name, and a verifier finds a key by name and a
 * four-byte id: two members with one id could not be told apart. (Cosignature keys have their
 * members' names.) */
static enum tally_err check_log_ids(const struct genesis *genesis,
                                    const struct tally_hash *ledger_id, struct tally_diag *diag)
{
    struct vkey keys[LIMIT_MEMBERS];
    char origin[GENESIS_ORIGIN_SIZE];

    genesis_origin(genesis->event.genesis.name, ledger_id, origin);
    for (uint32_t i = 0; i < genesis->config.members_count; i++) {
        const struct ledger_member *member = &genesis->config.members[i];
        const enum tally_err err = vkey_make(origin, VKEY_ED25519, member->log_key, &keys[i]);

        if (err != TALLY_OK) return err;
        for (uint32_t k = 0; k < i; k++) {
            if (keys[k].id != keys[i].id) continue;
            tally_diag_set(diag, "the log keys of %s and %s have the same id: make one anew",
                           genesis->config.members[k].name, member->name);
            return TALLY_E_CONFLICT;
        }
    }
    return TALLY_OK;
}

static struct bytes genesis_block(const struct genesis *genesis, struct bytes record,
                                  struct arena *arena)
{
    struct block_header header = {
        .kind = BLOCK_GENESIS,
        .index = 1,
        .time_ms = genesis->time_ms,
        .body_size = (uint32_t)record.size,
    };
    uint8_t *block = arena_alloc(arena, BLOCK_HEADER_SIZE + record.size);

    if (block == NULL) return (struct bytes){0};
    hash_sha256(record.data, record.size, &header.body_hash);
    block_header_encode(&header, block);
    memcpy(block + BLOCK_HEADER_SIZE, record.data, record.size);
    return bytes_of(block, BLOCK_HEADER_SIZE + record.size);
}

enum tally_err genesis_seal(const struct genesis *genesis, struct arena *arena,
                            struct bytes *ret_record, struct tally_hash *ret_ledger_id,
                            struct bytes *ret_block, struct tally_diag *diag)
{
    struct record record = {.time_ms = genesis->time_ms, .kind = RECORD_EVENT};
    uint32_t missing[LIMIT_GENESIS_SIGNERS];
    const uint32_t missing_count = genesis_missing(genesis, missing);
    struct tally_hash ledger_id;
    struct bytes bytes, block;
    enum tally_err err;

    if (missing_count > 0) {
        tally_diag_set(diag, "%u of %u root signatures are missing", (unsigned)missing_count,
                       (unsigned)genesis->event.genesis.root_keys_count);
        return TALLY_E_SIGNERS;
    }
    record.event.event = genesis->event_bytes;
    record.event.decision.allowed = true;
    record.event.signers_count = genesis->signers_count;
    for (uint32_t i = 0; i < genesis->signers_count; i++) {
        record.event.signers[i] = (struct record_signer){
            .key_id = genesis->signers[i].key_id, .meaning = MEANING_AUTHOR, .batch_size = 1};
        memcpy(record.event.signers[i].signature, genesis->signers[i].signature,
               SIGN_SIGNATURE_BYTES);
    }
    bytes = record_encode(&record, arena);
    block = bytes.data == NULL ? bytes : genesis_block(genesis, bytes, arena);
    if (block.data == NULL) return TALLY_E_NO_MEMORY;
    hash_leaf(bytes.data, bytes.size, &ledger_id);
    err = check_log_ids(genesis, &ledger_id, diag);
    if (err != TALLY_OK) return err;
    *ret_record = bytes;
    *ret_block = block;
    *ret_ledger_id = ledger_id;
    return TALLY_OK;
}

struct bytes genesis_unseal(const struct record *record, const struct event *event,
                            struct arena *arena)
{
    struct batch_signer signers[LIMIT_GENESIS_SIGNERS] = {0};

    for (uint32_t i = 0; i < record->event.signers_count; i++) {
        const struct record_signer *from = &record->event.signers[i];

        signers[i].meaning = from->meaning;
        memcpy(signers[i].signature, from->signature, SIGN_SIGNATURE_BYTES);
        for (uint32_t k = 0; k < event->genesis.root_keys_count; k++) {
            struct tally_hash key_id;

            sign_key_id(event->genesis.root_keys[k], &key_id);
            if (!hash_equal(&key_id, &from->key_id)) continue;
            memcpy(signers[i].public_key, event->genesis.root_keys[k], SIGN_PUBLIC_BYTES);
        }
    }
    return encode_file(record->time_ms, record->event.event, signers,
                       record->event.signers_count, arena);
}
