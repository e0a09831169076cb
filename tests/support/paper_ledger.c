#include "support/paper_ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/vkey.h"
#include "event/genesis.h"
#include "merkle/merkle.h"
#include "note/checkpoint.h"
#include "note/cosignature.h"
#include "note/note.h"
#include "note/trust.h"
#include "receipt/receipt.h"
#include "receipt/trust_file.h"

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err != TALLY_OK)
        fprintf(stderr, "%s: %s\n", tally_err_name(err), diag == NULL ? "" : diag->text);
    ASSERT(err == TALLY_OK);
}

static void *take(struct paper *paper, size_t size)
{
    void *memory = arena_zalloc(paper->fixture.arena, 1, size);

    ASSERT(memory != NULL);
    return memory;
}

static uint64_t add_leaf(struct paper *paper, const struct proof_extra *extra)
{
    struct paper_leaf *leaf = &paper->leaves[paper->count];

    ASSERT(paper->count < PAPER_RECORDS_MAX);
    leaf->extra = *extra;
    hash_leaf(extra->record.data, extra->record.size, &leaf->hash);
    return paper->count++;
}

void paper_open(struct paper *ret_paper, uint32_t members_count)
{
    struct fixture *fixture = &ret_paper->fixture;
    struct tally_diag diag = {""};
    struct tally_hash ledger_id;
    struct bytes record, block;
    struct genesis genesis;

    memset(ret_paper, 0, sizeof *ret_paper);
    fixture_open(fixture, members_count);
    must(genesis_decode(fixture->genesis_file, fixture->arena, &genesis, &diag), &diag);
    must(genesis_seal(&genesis, fixture->arena, &record, &ledger_id, &block, &diag), &diag);
    add_leaf(ret_paper, &(struct proof_extra){.record = record,
                                              .public_keys_count = 1,
                                              .public_keys = (const uint8_t(*)[32]) &
                                                             fixture->root.public_key});
}

void paper_close(struct paper *paper)
{
    fixture_close(&paper->fixture);
}

uint64_t paper_record(struct paper *paper, const struct record *record)
{
    struct record copy = *record;

    copy.index = paper->count;
    copy.time_ms = FIXTURE_TIME_MS + 1000 * paper->count;
    const struct bytes encoded = record_encode(&copy, paper->fixture.arena);
    ASSERT(encoded.data != NULL);
    return add_leaf(paper, &(struct proof_extra){.record = encoded});
}

uint64_t paper_events(struct paper *paper, enum fixture_who who, const struct bytes *events,
                      uint32_t count, bool allowed)
{
    static const uint16_t rules[] = {3};
    struct fixture *fixture = &paper->fixture;
    const uint64_t first = paper->count;
    struct tally_hash *hashes = take(paper, count * sizeof *hashes);
    struct record *record = take(paper, sizeof *record);
    struct tally_diag diag = {""};
    struct batch_signer signer;
    struct event event;

    must(event_decode(events[0], fixture->arena, &event, &diag), &diag);
    batch_sign(events, count, &event.ledger_id, event.signers[0].meaning, &fixture->people[who],
               &signer);
    for (uint32_t i = 0; i < count; i++) event_hash(events[i], &hashes[i]);
    for (uint32_t i = 0; i < count; i++) {
        struct merkle_proof *path = take(paper, sizeof *path);

        merkle_path(hashes, count, i, path);
        record->kind = RECORD_EVENT;
        record->event.event = events[i];
        record->event.signers_count = 1;
        record->event.signers[0] = (struct record_signer){.key_id = signer.key_id,
                                                          .meaning = signer.meaning,
                                                          .batch_size = count,
                                                          .batch_index = i};
        memcpy(record->event.signers[0].signature, signer.signature, sizeof signer.signature);
        record->event.decision = (struct record_decision){
            .allowed = allowed, .failed_rules_count = allowed ? 0 : 1, .failed_rules = rules};
        struct proof_extra *extra = &paper->leaves[paper_record(paper, record)].extra;
        extra->public_keys_count = 1;
        extra->public_keys = (const uint8_t(*)[32]) & fixture->people[who].public_key;
        extra->batch_path_count = path->count;
        extra->batch_path = path->hashes;
    }
    return first;
}

uint64_t paper_boundary(struct paper *paper)
{
    struct record *record = take(paper, sizeof *record);

    record->kind = RECORD_STATE;
    record->state.covers = paper->count;
    record->state.map_root = fixture_hash(9);
    return paper_record(paper, record);
}

static struct tally_hash *leaf_hashes(struct paper *paper)
{
    struct tally_hash *hashes = take(paper, PAPER_RECORDS_MAX * sizeof *hashes);

    for (uint64_t i = 0; i < paper->count; i++) hashes[i] = paper->leaves[i].hash;
    return hashes;
}

static void *take_from(struct fixture *fixture, size_t size)
{
    void *memory = arena_zalloc(fixture->arena, 1, size);

    ASSERT(memory != NULL);
    return memory;
}

struct bytes paper_note(struct fixture *fixture, uint64_t size, const struct tally_hash *root,
                        uint32_t cosigners)
{
    char origin[GENESIS_ORIGIN_SIZE], name[LIMIT_KEY_NAME_SIZE + 1];
    uint8_t *note = take_from(fixture, LIMIT_NOTE_SIZE);
    char *text = take_from(fixture, CHECKPOINT_TEXT_MAX);
    struct bytes_writer text_writer = bytes_writer(text, CHECKPOINT_TEXT_MAX);
    struct bytes_writer writer = bytes_writer(note, LIMIT_NOTE_SIZE);
    struct checkpoint checkpoint = {.size = size, .root = *root};
    struct vkey vkey;

    genesis_origin(FIXTURE_LEDGER_NAME, &fixture->ledger_id, origin);
    checkpoint.origin = bytes_of(origin, strlen(origin));
    checkpoint_put(&text_writer, &checkpoint);
    const struct bytes signed_text = bytes_of(text, text_writer.at);
    note_put_text(&writer, signed_text);
    for (uint32_t i = 0; i < fixture->members_count; i++) {
        const struct node_keys *keys = &fixture->members[i];
        uint8_t cosignature[COSIGNATURE_BYTES];

        if ((cosigners >> i & 1) == 0) continue;
        (void)snprintf(name, sizeof name, "%s/%s", origin, keys->name);
        must(vkey_make(name, VKEY_COSIGNATURE, keys->cosign.public_key, &vkey), NULL);
        cosignature_sign(&keys->cosign, signed_text, FIXTURE_TIME_MS / 1000 + i, cosignature);
        note_put_line(&writer, &vkey, cosignature, sizeof cosignature);
    }
    must(vkey_make(origin, VKEY_ED25519, fixture->members[0].log.public_key, &vkey), NULL);
    note_put_signed(&writer, &vkey, &fixture->members[0].log, signed_text);
    ASSERT(!writer.bad);
    return bytes_of(note, writer.at);
}

struct bytes paper_checkpoint(struct paper *paper, uint32_t cosigners)
{
    struct tally_hash root;

    merkle_root(leaf_hashes(paper), paper->count, &root);
    return paper_note(&paper->fixture, paper->count, &root, cosigners);
}

struct bytes paper_receipt(struct paper *paper, uint64_t index, uint32_t cosigners)
{
    struct merkle_proof *path = take(paper, sizeof *path);
    struct bytes file = {0};

    merkle_path(leaf_hashes(paper), paper->count, index, path);
    must(receipt_format(
             &(struct receipt_parts){.index = index,
                                     .extra = paper->leaves[index].extra,
                                     .path_count = path->count,
                                     .path = path->hashes,
                                     .checkpoint = paper_checkpoint(paper, cosigners)},
             paper->fixture.arena, &file),
         NULL);
    return file;
}

struct bytes paper_trust_of(struct fixture *fixture, uint32_t stolen_keys)
{
    struct trust *trust = take_from(fixture, sizeof *trust);
    char *text = take_from(fixture, TRUST_TEXT_MAX);
    struct bytes_writer writer = bytes_writer(text, TRUST_TEXT_MAX);
    char policy[LEDGER_POLICY_SIZE];
    struct tally_diag diag = {""};

    must(trust_file_policy(&fixture->config, stolen_keys, policy, &diag), &diag);
    must(trust_file_make(FIXTURE_LEDGER_NAME, &fixture->ledger_id, &fixture->config, policy,
                         trust, &diag),
         &diag);
    trust_put(&writer, trust);
    ASSERT(!writer.bad);
    return bytes_of(text, writer.at);
}

struct bytes paper_trust(struct paper *paper, uint32_t stolen_keys)
{
    return paper_trust_of(&paper->fixture, stolen_keys);
}
