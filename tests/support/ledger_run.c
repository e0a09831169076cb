#include "support/ledger_run.h"

#include <stdio.h>

#include "base/assert.h"
#include "crypto/hash.h"

static void must(enum tally_err err, const struct tally_diag *diag)
{
    if (err != TALLY_OK) fprintf(stderr, "%s: %s\n", tally_err_name(err), diag->text);
    ASSERT(err == TALLY_OK);
}

void ledger_run_open(struct ledger_run *ret_run)
{
    struct tally_diag diag = {{0}};

    *ret_run = (struct ledger_run){0};
    fixture_open(&ret_run->fixture, 1);
    fixture_chain_begin(&ret_run->fixture, &ret_run->chain);
    must(store_mem_open(&ret_run->store), &diag);
    must(ledger_create(ret_run->store, ret_run->fixture.genesis_file, &diag), &diag);
    must(ledger_open(ret_run->store, &ret_run->ledger, &diag), &diag);
}

void ledger_run_close(struct ledger_run *run)
{
    ledger_close(run->ledger);
    store_close(run->store);
    fixture_close(&run->fixture);
}

void ledger_run_restart(struct ledger_run *run)
{
    struct tally_diag diag = {{0}};

    ledger_close(run->ledger);
    run->ledger = NULL;
    must(ledger_open(run->store, &run->ledger, &diag), &diag);
}

void ledger_run_block_keep(struct ledger_run *run, struct bytes block)
{
    struct tally_diag diag = {{0}};

    fixture_store_block(run->store, &run->chain, block);
    must(ledger_apply(run->ledger, block, false, &run->result, &diag), &diag);
}

void ledger_run_block(struct ledger_run *run, struct bytes block)
{
    struct tally_diag diag = {{0}};

    ledger_run_block_keep(run, block);
    must(ledger_flush(run->ledger, &diag), &diag);
}

void ledger_run_batches(struct ledger_run *run, const struct bytes *batches, size_t count,
                        bool boundary)
{
    struct tally_diag diag = {{0}};

    must(ledger_flush(run->ledger, &diag), &diag);
    ledger_run_block_keep(
        run, fixture_block_events(&run->fixture, &run->chain, boundary, batches, count));
}

const struct ledger_event_result *ledger_run_event(struct ledger_run *run,
                                                   const struct fixture_spec *spec,
                                                   struct tally_hash *ret_hash)
{
    const struct bytes event = fixture_event(&run->fixture, spec);
    const struct bytes batch = fixture_batch(&run->fixture, spec->who, &event, 1);

    if (ret_hash != NULL) *ret_hash = fixture_event_hash(event);
    ledger_run_batches(run, &batch, 1, false);
    ASSERT(run->result.events_count == 1);
    return &run->result.events[0];
}

void ledger_run_version(struct ledger_run *run, struct tally_hash *ret_base,
                        struct tally_hash *ret_version)
{
    struct tally_hash base;
    struct fixture_spec spec = {.type = EVENT_BASE_MODEL_REGISTERED, .who = FIXTURE_AUTHOR};

    ASSERT(ledger_run_event(run, &spec, &base)->allowed);
    spec.type = EVENT_MODEL_CREATED;
    ASSERT(ledger_run_event(run, &spec, NULL)->allowed);
    spec.type = EVENT_VERSION_REGISTERED;
    spec.base = &base;
    ASSERT(ledger_run_event(run, &spec, ret_version)->allowed);
    if (ret_base != NULL) *ret_base = base;
}

static bool add_entry(void *context, struct bytes key, struct bytes value)
{
    uint8_t sizes[16];
    struct bytes_writer writer = bytes_writer(sizes, sizeof sizes);

    bytes_put_u64(&writer, key.size);
    bytes_put_u64(&writer, value.size);
    hash_update(context, sizes, sizeof sizes);
    hash_update(context, key.data, key.size);
    hash_update(context, value.data, value.size);
    return true;
}

struct tally_hash ledger_run_contents(struct store *store)
{
    struct tally_diag diag = {{0}};
    struct hash_state state;
    struct tally_hash hash;

    hash_begin(&state);
    for (int family = 0; family < STORE_FAMILIES; family++) {
        hash_update(&state, "family", 6);
        must(store_scan(store, (enum store_family)family, (struct bytes){0}, (struct bytes){0},
                        add_entry, &state, &diag),
             &diag);
    }
    hash_finish(&state, &hash);
    return hash;
}
