#include "support/member_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"

static struct tally_diag diag;
static struct ledger_run *run;
static struct bytes blocks[MEMBER_RUN_BLOCKS];
static uint32_t blocks_count;

void member_run_open(struct ledger_run *ledger_run)
{
    ledger_run_open(ledger_run);
    run = ledger_run;
    blocks_count = 0;
}

const struct bytes *member_run_blocks(uint32_t *ret_count)
{
    *ret_count = blocks_count;
    return blocks;
}

/* A learner that could be added: its keys are made of the id. */
struct ledger_member member_run_newcomer(uint32_t id)
{
    struct ledger_member member = {.id = id, .incarnation = 1000 + id};

    snprintf(member.name, sizeof member.name, "new-%u", (unsigned)id);
    snprintf(member.site, sizeof member.site, "oslo");
    snprintf(member.peer_url, sizeof member.peer_url, "tcp://10.0.0.%u:1", (unsigned)id);
    snprintf(member.client_url, sizeof member.client_url, "tcp://10.0.0.%u:2", (unsigned)id);
    memcpy(member.log_key, fixture_hash(900 + 3 * id).bytes, SIGN_PUBLIC_BYTES);
    memcpy(member.cosign_key, fixture_hash(901 + 3 * id).bytes, SIGN_PUBLIC_BYTES);
    memcpy(member.peer_key, fixture_hash(902 + 3 * id).bytes, SIGN_PUBLIC_BYTES);
    return member;
}

struct member_change member_run_change_of(enum member_action action,
                                          const struct ledger_member *member,
                                          const char *policy, uint64_t version)
{
    return (struct member_change){
        .action = action, .member = *member, .policy = policy, .config_version = version};
}

/* Append the change; true when it is allowed. The result stays in run->result. */
static bool member_run_append(const struct member_change *change)
{
    const struct fixture_spec spec = {
        .type = EVENT_LEDGER_MEMBER_CHANGED, .who = FIXTURE_ADMIN, .change = change};
    const struct bytes event = fixture_event(&run->fixture, &spec);
    const struct bytes batch = fixture_batch(&run->fixture, FIXTURE_ADMIN, &event, 1);
    const struct bytes block =
        fixture_block_events(&run->fixture, &run->chain, false, &batch, 1);

    ck_assert_int_eq(ledger_flush(run->ledger, &diag), TALLY_OK);
    ck_assert_uint_lt(blocks_count, MEMBER_RUN_BLOCKS);
    blocks[blocks_count++] = block;
    ledger_run_block_keep(run, block);
    ck_assert_uint_eq(run->result.events_count, 1);
    ck_assert_int_eq(run->result.events[0].outcome, LEDGER_RECORDED);
    ck_assert_uint_eq(run->result.config.size, 0);
    return run->result.events[0].allowed;
}

void member_run_expect_denied(const struct member_change *change, enum rule rule)
{
    ck_assert(!member_run_append(change));
    ck_assert_uint_eq(run->result.events[0].failed_rules_count, 1);
    ck_assert_uint_eq(run->result.events[0].failed_rules[0], rule);
    ck_assert_uint_eq(run->result.pending.size, 0);
    ck_assert_uint_eq(run->result.pending_index, 0);
}

/* Append the change, which must be allowed, and take what it authorises. */
struct bytes member_run_authorise(const struct member_change *change)
{
    ck_assert(member_run_append(change));
    ck_assert_uint_gt(run->result.pending.size, 0);
    ck_assert_uint_eq(run->result.pending_index, run->result.events[0].index);
    return arena_copy(run->fixture.arena, run->result.pending);
}

static void member_run_put_config(struct bytes body)
{
    const struct bytes block =
        fixture_block(&run->fixture, &run->chain, BLOCK_CONFIG, false, body);

    ck_assert_int_eq(ledger_flush(run->ledger, &diag), TALLY_OK);
    ck_assert_uint_lt(blocks_count, MEMBER_RUN_BLOCKS);
    blocks[blocks_count++] = block;
    ledger_run_block_keep(run, block);
    ck_assert_uint_eq(run->result.pending.size, 0);
}

static struct record member_run_newest_record(void)
{
    struct ledger_leaf leaf;
    struct record record;

    ck_assert_int_eq(ledger_flush(run->ledger, &diag), TALLY_OK);
    ck_assert_int_eq(ledger_read_leaf(run->store, ledger_size(run->ledger) - 1,
                                      run->fixture.arena, &leaf, &diag),
                     TALLY_OK);
    ck_assert_int_eq(record_decode(leaf.record, run->fixture.arena, &record, &diag), TALLY_OK);
    return record;
}

struct bytes member_run_config_in_force(void)
{
    struct ledger_identity identity;

    ck_assert_int_eq(ledger_read_identity(run->store, run->fixture.arena, &identity, &diag),
                     TALLY_OK);
    ck_assert_str_eq(identity.name, FIXTURE_LEDGER_NAME);
    ck_assert(hash_equal(&identity.ledger_id, &run->fixture.ledger_id));
    return identity.config;
}

struct ledger_config member_run_decoded(struct bytes config)
{
    struct ledger_config to;

    ck_assert_int_eq(ledger_config_decode(config, run->fixture.arena, &to, &diag), TALLY_OK);
    return to;
}

void member_run_expect_pending(struct bytes want, uint64_t want_index)
{
    struct bytes config = {0};
    uint64_t index = 0;
    const enum tally_err err =
        ledger_read_pending(run->store, run->fixture.arena, &config, &index, &diag);

    ck_assert_int_eq(err, want.size > 0 ? TALLY_OK : TALLY_E_NOT_FOUND);
    if (want.size == 0) return;
    ck_assert(bytes_equal(config, want));
    ck_assert_uint_eq(index, want_index);
}

uint32_t member_run_next_member(void)
{
    uint32_t id = 0;

    ck_assert_int_eq(ledger_read_next_member(run->store, &id, &diag), TALLY_OK);
    return id;
}

/* The block puts this Config in force: one record, the identity, nothing pending. */
void member_run_expect_in_force(struct bytes config)
{
    const uint64_t size = ledger_size(run->ledger);
    struct record record;

    member_run_put_config(config);
    ck_assert_uint_eq(run->result.voids_count, 0);
    ck_assert_uint_eq(run->result.size, size + 1);
    ck_assert(bytes_equal(run->result.config, config));
    record = member_run_newest_record();
    ck_assert_int_eq(record.kind, RECORD_CONFIG);
    ck_assert(bytes_equal(record.config, config));
    ck_assert(bytes_equal(member_run_config_in_force(), config));
    member_run_expect_pending((struct bytes){0}, 0);
}

/* Such a block leaves a Void record, and the members as they were. */
void member_run_expect_void(struct bytes body)
{
    const struct bytes before = member_run_config_in_force();
    const uint64_t size = ledger_size(run->ledger);
    struct record record;

    member_run_put_config(body);
    ck_assert_uint_eq(run->result.voids_count, 1);
    ck_assert_uint_eq(run->result.size, size + 1);
    ck_assert_uint_eq(run->result.config.size, 0);
    record = member_run_newest_record();
    ck_assert_int_eq(record.kind, RECORD_VOID);
    ck_assert_uint_eq(record.void_.reason, 1);
    ck_assert(bytes_equal(member_run_config_in_force(), before));
}
