#include "support/ledger_history.h"

#include <stdio.h>

#include "base/assert.h"

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err != TALLY_OK) fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    ASSERT(err == TALLY_OK);
}

static struct bytes batch_of(struct fixture *fixture, enum fixture_who who,
                             struct fixture_spec *specs, uint32_t count)
{
    struct bytes events[8];

    for (uint32_t i = 0; i < count; i++) {
        specs[i].who = who;
        events[i] = fixture_event(fixture, &specs[i]);
    }
    return fixture_batch(fixture, who, events, count);
}

/* The batches of block `n` > 0: a model, a version of it and a note; keys and roles; a denial,
 * cut, or an unknown key; a bad signature, or block 0's batch again. */
static uint32_t make_batches(struct history *history, uint32_t n, const struct tally_hash *base,
                             struct bytes *batches)
{
    struct fixture *fixture = &history->fixture;
    char model[48], version[48];
    struct fixture_spec specs[4] = {0};
    struct bytes bad;

    snprintf(model, sizeof model, "model/m%u", n / 3);
    snprintf(version, sizeof version, "model/m%u/version/%u", n / 3, n);
    specs[0] = (struct fixture_spec){.type = EVENT_MODEL_CREATED, .subject = model};
    specs[1] = (struct fixture_spec){
        .type = EVENT_VERSION_REGISTERED, .subject = version, .base = base};
    specs[2] = (struct fixture_spec){.type = EVENT_ANNOTATION_ADDED, .subject = version};
    batches[0] = batch_of(fixture, FIXTURE_EVERYONE, specs, 3);
    specs[0] = (struct fixture_spec){.type = EVENT_PRINCIPAL_REGISTERED};
    specs[1] = (struct fixture_spec){.type = EVENT_KEY_ENROLLED};
    specs[2] = (struct fixture_spec){.type = EVENT_ROLE_GRANTED, .scope = model};
    specs[3] = (struct fixture_spec){.type = EVENT_KEY_REVOKED};
    batches[1] = batch_of(fixture, FIXTURE_ADMIN, &specs[n % 4], n % 4 == 3 ? 1 : 2);
    specs[0] = (struct fixture_spec){.type = EVENT_DATASET_REGISTERED, .padding = 6000};
    batches[2] = batch_of(fixture, n % 2 == 0 ? FIXTURE_NOBODY : FIXTURE_STRANGER, specs, 1);
    bad = arena_copy(fixture->arena, batches[0]);
    ((uint8_t *)bad.data)[bad.size - 1] ^= 1; /* the last byte of the signature */
    batches[3] = n % 3 == 0 ? bad : history->first;
    return 4;
}

static struct bytes make_block(struct history *history, struct fixture_chain *chain, uint32_t n,
                               const struct tally_hash *base)
{
    struct fixture *fixture = &history->fixture;
    struct bytes batches[4] = {history->first};
    uint32_t count = 1;

    if (n % 8 == 7) {
        return fixture_block(fixture, chain, BLOCK_TERM_START, true, (struct bytes){0});
    }
    if (n % 8 == 5) {
        return fixture_block(fixture, chain, BLOCK_EVENTS, false, bytes_of("garbage", 7));
    }
    if (n > 0) count = make_batches(history, n, base, batches);
    return fixture_block_events(fixture, chain, n % 4 == 3, batches, count);
}

void history_open(struct history *ret_history)
{
    const struct fixture_spec spec = {.type = EVENT_BASE_MODEL_REGISTERED,
                                      .who = FIXTURE_AUTHOR};
    struct history *history = ret_history;
    struct fixture_chain chain;
    struct tally_hash base;
    struct bytes event;

    *history = (struct history){0};
    fixture_open(&history->fixture, 3);
    fixture_chain_begin(&history->fixture, &chain);
    event = fixture_event(&history->fixture, &spec);
    base = fixture_event_hash(event);
    history->first = fixture_batch(&history->fixture, FIXTURE_AUTHOR, &event, 1);
    for (uint32_t n = 0; n < HISTORY_BLOCKS; n++) {
        chain.time_ms = n % 5 == 4 ? chain.time_ms - 20 : chain.time_ms + 30;
        chain.leader = n / 8 + 1;
        chain.term = chain.leader;
        history->blocks[n] = make_block(history, &chain, n, &base);
        history->chains[n] = chain;
    }
}

void history_close(struct history *history)
{
    fixture_close(&history->fixture);
}

struct store *history_store(const struct history *history)
{
    struct store *store = NULL;
    struct tally_diag diag = {{0}};

    must(store_mem_open(&store), &diag);
    must(ledger_create(store, history->fixture.genesis_file, &diag), &diag);
    return store;
}

void history_store_all(const struct history *history, struct store *store)
{
    for (uint32_t n = 0; n < HISTORY_BLOCKS; n++) {
        fixture_store_block(store, &history->chains[n], history->blocks[n]);
    }
}

struct ledger *history_ledger(struct store *store)
{
    struct ledger *ledger = NULL;
    struct tally_diag diag = {{0}};

    must(ledger_open(store, &ledger, &diag), &diag);
    return ledger;
}

void history_apply(const struct history *history, struct ledger *ledger, uint32_t block,
                   bool verified, struct ledger_block_result *ret_result)
{
    struct tally_diag diag = {{0}};

    must(ledger_apply(ledger, history->blocks[block], verified, ret_result, &diag), &diag);
}

void history_flush(struct ledger *ledger)
{
    struct tally_diag diag = {{0}};

    must(ledger_flush(ledger, &diag), &diag);
}

struct store *history_reference(const struct history *history)
{
    struct store *store = history_store(history);
    struct ledger *ledger = history_ledger(store);
    struct ledger_block_result result;

    history_store_all(history, store);
    for (uint32_t n = 0; n < HISTORY_BLOCKS; n++) {
        history_apply(history, ledger, n, false, &result);
        history_flush(ledger);
    }
    ledger_close(ledger);
    return store;
}
