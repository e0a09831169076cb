#include "loop/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/hash.h"
#include "event/batch.h"
#include "event/block.h"
#include "note/checkpoint.h"
#include "note/note.h"
#include "receipt/receipt.h"

static const char checkpoint_key[] = "checkpoint"; /* in STORE_META */

bool job_verify(const struct tally_hash *ledger_id, const struct node_action *verify,
                struct arena *arena, struct tally_diag *diag)
{
    const struct bytes block = buffer_bytes(verify->verify.block);
    const struct bytes *batches = NULL;
    struct block_header header;
    uint32_t count = 0;
    enum tally_err err = block_header_decode(block, &header, diag);

    if (err != TALLY_OK) return false;
    if (!verify->verify.leader_known) {
        tally_diag_set(diag, "block %llu names a leader that is no member",
                       (unsigned long long)header.index);
        return false;
    }
    if (block_verify(block, &header, verify->verify.leader_key, diag) != TALLY_OK) return false;
    switch (header.kind) {
    case BLOCK_TERM_START:
    case BLOCK_TICK:
        return header.body_size == 0;
    case BLOCK_CONFIG: /* only the one that an event authorised gets as far as this */
        return true;
    case BLOCK_GENESIS:
        tally_diag_set(diag, "block %llu is of a kind that nobody may append",
                       (unsigned long long)header.index);
        return false;
    case BLOCK_EVENTS:
        break;
    }
    err = block_body_split(block_body(block), arena, &batches, &count, diag);
    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        struct batch batch;

        err = batch_check(batches[i], ledger_id, arena, &batch, diag);
    }
    ASSERT(err != TALLY_E_NO_MEMORY);
    return err == TALLY_OK;
}

static struct bytes copy_bytes(uint8_t *room, size_t *at, struct bytes from)
{
    if (from.size == 0) return from;
    memcpy(room + *at, from.data, from.size);
    *at += from.size;
    return bytes_of(room + *at - from.size, from.size);
}

/* Configs are rare: in nearly every case there is nothing to copy. */
static void copy_configs(struct job_applied *applied)
{
    size_t size = 0, at = 0;

    for (size_t i = 0; i < applied->count; i++) {
        size += applied->results[i].pending.size + applied->results[i].config.size;
    }
    if (size == 0) return;
    applied->configs = malloc(size);
    ASSERT(applied->configs != NULL);
    for (size_t i = 0; i < applied->count; i++) {
        struct ledger_block_result *result = &applied->results[i];

        result->pending = copy_bytes(applied->configs, &at, result->pending);
        result->config = copy_bytes(applied->configs, &at, result->config);
    }
}

/* Copy results that live in the ledger's arena. */
static void copy_results(struct job_applied *applied)
{
    size_t events = 0, rules = 0;

    for (size_t i = 0; i < applied->count; i++) {
        events += applied->results[i].events_count;
        for (uint32_t k = 0; k < applied->results[i].events_count; k++) {
            rules += applied->results[i].events[k].failed_rules_count;
        }
    }
    applied->events = calloc(events + 1, sizeof *applied->events);
    applied->rules = calloc(rules + 1, sizeof *applied->rules);
    ASSERT(applied->events != NULL && applied->rules != NULL);
    events = rules = 0;
    for (size_t i = 0; i < applied->count; i++) {
        struct ledger_block_result *result = &applied->results[i];
        struct ledger_event_result *copy = applied->events + events;

        for (uint32_t k = 0; k < result->events_count; k++) {
            copy[k] = result->events[k];
            for (uint16_t r = 0; r < copy[k].failed_rules_count; r++) {
                applied->rules[rules + r] = result->events[k].failed_rules[r];
            }
            copy[k].failed_rules = applied->rules + rules;
            rules += copy[k].failed_rules_count;
        }
        result->events = copy;
        events += result->events_count;
    }
}

static enum tally_err apply_range(struct store *store, struct ledger *ledger, uint64_t from,
                                  uint64_t to, bool verified, struct job_applied *applied,
                                  struct tally_diag *diag)
{
    enum tally_err err = TALLY_OK;

    while (from <= to && err == TALLY_OK) {
        struct store_block *blocks = NULL;
        size_t count = 0;

        err = store_read(store, from, (size_t)(to - from + 1), 8 * (size_t)LIMIT_BLOCK_SIZE,
                         &blocks, &count, diag);
        for (size_t i = 0; i < count && err == TALLY_OK; i++) {
            err = ledger_apply(ledger, blocks[i].data, verified,
                               &applied->results[applied->count], diag);
            if (err == TALLY_OK) applied->count++;
        }
        free(blocks);
        from += count;
    }
    return err;
}

enum tally_err job_apply(struct store *store, struct ledger *ledger, uint64_t from, uint64_t to,
                         bool verified, struct job_applied *ret_applied,
                         struct tally_diag *diag)
{
    struct job_applied applied = {0};
    enum tally_err err;

    ASSERT(from <= to);
    applied.results = calloc((size_t)(to - from + 1), sizeof *applied.results);
    ASSERT(applied.results != NULL);
    err = apply_range(store, ledger, from, to, verified, &applied, diag);
    if (err == TALLY_OK) {
        copy_results(&applied);
        copy_configs(&applied);
        err = ledger_flush(ledger, diag);
    }
    if (err != TALLY_OK) {
        job_applied_free(&applied);
        return err;
    }
    *ret_applied = applied;
    return TALLY_OK;
}

void job_applied_free(struct job_applied *applied)
{
    free(applied->results);
    free(applied->events);
    free(applied->rules);
    free(applied->configs);
    *applied = (struct job_applied){0};
}

/* Name the block before `from`: a backfill's message does not yet. */
static enum tally_err name_previous(struct store *store, uint64_t from,
                                    struct raft_message *raft, struct tally_diag *diag)
{
    struct store_block *previous = NULL;
    struct block_header header;
    size_t count = 0;
    enum tally_err err;

    raft->prev_index = from - 1;
    if (from == 1) return TALLY_OK;
    err = store_read(store, from - 1, 1, 1, &previous, &count, diag);
    if (err == TALLY_OK) err = block_header_decode(previous[0].data, &header, diag);
    if (err == TALLY_OK) {
        raft->prev_term = header.term;
        block_hash(&header, &raft->prev_hash);
    }
    free(previous);
    return err;
}

enum tally_err job_read(struct store *store, const struct node_action *action,
                        struct node_message **ret_message, uint64_t *ret_size,
                        struct tally_diag *diag)
{
    const uint64_t from = action->read.from, to = action->read.to;
    struct node_message *message = calloc(1, sizeof *message);
    struct store_block *blocks = NULL;
    size_t count = (size_t)(to - from + 1);
    enum tally_err err = TALLY_OK;

    ASSERT(message != NULL && from <= to && action->type == NODE_READ);
    message->kind = NODE_MESSAGE_RAFT;
    message->raft = action->read.message;
    if (action->read.answer) err = name_previous(store, from, &message->raft, diag);
    if (count > RAFT_BATCH_MAX) count = RAFT_BATCH_MAX;
    if (err == TALLY_OK) {
        err = store_read(store, from, count, LIMIT_BLOCK_SIZE, &blocks, &count, diag);
    }
    if (err != TALLY_OK) {
        free(message);
        return err;
    }
    *ret_size = 0;
    for (size_t i = 0; i < count; i++) {
        message->blocks[i] = buffer_copy(blocks[i].data);
        ASSERT(message->blocks[i] != NULL);
        *ret_size += blocks[i].data.size;
    }
    message->raft.entries_count = (uint32_t)count;
    free(blocks);
    *ret_message = message;
    return TALLY_OK;
}

static void first_results(const struct ledger_event_result *results, uint32_t count,
                          struct job_ingress *ingress)
{
    for (uint32_t i = 0; i < count; i++) {
        node_answer_fill(&ingress->events[i], &results[i]);
        if (results[i].index > ingress->index_max) ingress->index_max = results[i].index;
    }
}

enum tally_err job_ingress(struct store *store, const struct tally_hash *ledger_id,
                           struct bytes bytes, struct arena *arena,
                           struct job_ingress *ret_ingress, struct tally_diag *diag)
{
    struct job_ingress ingress = {0};
    struct ledger_event_result *results;
    struct batch batch;
    enum tally_err err = batch_check(bytes, ledger_id, arena, &batch, diag);

    if (err != TALLY_OK) return err;
    results = arena_zalloc(arena, LIMIT_BLOCK_EVENTS, sizeof *results);
    if (results == NULL) return TALLY_E_NO_MEMORY;
    ingress.events_count = batch.events_count;
    err = ledger_ingress(store, &batch, arena, &ingress.known, results, diag);
    if (err == TALLY_E_UNKNOWN_KEY || err == TALLY_E_SIGNERS) {
        ingress.refused = err;
        err = TALLY_OK;
    }
    if (err != TALLY_OK) return err;
    if (ingress.known) {
        ingress.events = arena_zalloc(arena, batch.events_count, sizeof *ingress.events);
        if (ingress.events == NULL) return TALLY_E_NO_MEMORY;
        first_results(results, batch.events_count, &ingress);
    }
    *ret_ingress = ingress;
    return TALLY_OK;
}

/* The size that a signed note of ours states. */
static enum tally_err checkpoint_size(struct bytes note_bytes, uint64_t *ret_size,
                                      struct tally_diag *diag)
{
    struct checkpoint checkpoint;
    struct note note;
    enum tally_err err = note_parse(note_bytes.data, note_bytes.size, &note, diag);

    if (err == TALLY_OK) err = checkpoint_parse(note.text, &checkpoint, diag);
    if (err == TALLY_OK) *ret_size = checkpoint.size;
    return err;
}

enum tally_err job_receipt(struct store *store, uint64_t index, struct bytes checkpoint,
                           struct arena *arena, struct bytes *ret_proof,
                           struct tally_diag *diag)
{
    struct tally_hash path[LIMIT_PROOF_HASHES];
    struct receipt_parts parts = {.index = index, .checkpoint = checkpoint, .path = path};
    struct ledger_leaf leaf;
    uint64_t size = 0;
    enum tally_err err = checkpoint_size(checkpoint, &size, diag);

    if (err == TALLY_OK) err = ledger_read_leaf(store, index, arena, &leaf, diag);
    if (err == TALLY_OK) {
        err = ledger_read_inclusion(store, index, size, path, &parts.path_count, diag);
    }
    if (err != TALLY_OK) return err;
    parts.extra = (struct proof_extra){
        .record = leaf.record,
        .public_keys_count = leaf.public_keys_count,
        .public_keys = leaf.public_keys,
        .batch_path_count = leaf.batch_path_count,
        .batch_path = leaf.batch_path,
    };
    return receipt_format(&parts, arena, ret_proof);
}

enum tally_err job_keep_checkpoint(struct store *store, struct bytes checkpoint,
                                   struct tally_diag *diag)
{
    const struct store_put put = {
        .family = STORE_META,
        .key = bytes_of(checkpoint_key, sizeof checkpoint_key - 1),
        .value = checkpoint,
    };

    return store_put(store, &put, 1, diag);
}

enum tally_err job_checkpoint(struct store *store, struct store_value *ret_checkpoint)
{
    return store_get(store, STORE_META, bytes_of(checkpoint_key, sizeof checkpoint_key - 1),
                     ret_checkpoint, NULL);
}

enum tally_err job_write(struct store *store, const struct node_action *write,
                         struct tally_diag *diag)
{
    struct store_block *blocks = calloc(write->write.blocks_count + 1, sizeof *blocks);
    const struct store_append append = {
        .hard_state = write->write.hard_state_set ? &write->write.hard_state : NULL,
        .truncate_from = write->write.truncate_from,
        .blocks = blocks,
        .blocks_count = write->write.blocks_count,
    };
    enum tally_err err;

    ASSERT(blocks != NULL);
    for (size_t i = 0; i < write->write.blocks_count; i++) {
        blocks[i] =
            (struct store_block){write->write.first + i, buffer_bytes(write->write.blocks[i])};
    }
    err = store_append(store, &append, diag);
    free(blocks);
    return err;
}
