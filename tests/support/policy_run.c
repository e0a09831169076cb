#include "support/policy_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "config/policy_config.h"
#include "event/rules.h"

static struct bytes compiled(struct ledger_run *run, struct config *config)
{
    struct policy_file file;
    const enum tally_err err = policy_config_read(config, run->fixture.arena, &file);

    if (err != TALLY_OK) fprintf(stderr, "%s", config_faults(config));
    ASSERT(err == TALLY_OK);
    config_close(config);
    return file.encoded;
}

struct bytes policy_run_compile(struct ledger_run *run, const char *yaml)
{
    struct config *config = NULL;

    ASSERT(config_open_text("text", bytes_of(yaml, strlen(yaml)), &config, NULL) == TALLY_OK);
    return compiled(run, config);
}

struct bytes policy_run_file(struct ledger_run *run, const char *path)
{
    const char *source = getenv("TALLY_SOURCE_DIR");
    struct config *config = NULL;
    char file[1024];

    snprintf(file, sizeof file, "%s/%s", source != NULL ? source : ".", path);
    ASSERT(config_open(file, &config, NULL) == TALLY_OK);
    return compiled(run, config);
}

const struct ledger_event_result *policy_run_event(struct ledger_run *run,
                                                   struct fixture_spec spec,
                                                   const enum fixture_who *others,
                                                   struct tally_hash *ret_hash)
{
    enum fixture_who who[LIMIT_EVENT_SIGNERS] = {spec.who};
    uint8_t meanings[LIMIT_EVENT_SIGNERS];
    struct event_signer signers[LIMIT_EVENT_SIGNERS];
    uint32_t count = 1;
    struct bytes event, batch;

    for (; others != NULL && *others != FIXTURE_PEOPLE; others++) who[count++] = *others;
    for (uint32_t i = 0; i < count; i++) {
        meanings[i] = i == 0 ? event_type_info(spec.type)->actor_meaning : MEANING_APPROVE;
        fixture_key_id(&run->fixture, who[i], &signers[i].key_id);
        signers[i].meaning = meanings[i];
    }
    spec.signers = signers;
    spec.signers_count = count;
    event = fixture_event(&run->fixture, &spec);
    batch = fixture_batch_of(&run->fixture, who, meanings, count, &event, 1);
    if (ret_hash != NULL) *ret_hash = fixture_event_hash(event);
    ledger_run_batches(run, &batch, 1, false);
    ASSERT(run->result.events_count == 1);
    return &run->result.events[0];
}

void policy_run_expect(struct ledger_run *run, struct fixture_spec spec,
                       const enum fixture_who *others, const uint16_t *rules)
{
    const struct ledger_event_result *result = policy_run_event(run, spec, others, NULL);
    const char *name = event_type_info(spec.type)->name;
    uint16_t want = 0;

    ck_assert_int_eq(result->outcome, LEDGER_RECORDED);
    while (rules != NULL && rules[want] != 0) want++;
    for (uint16_t i = 0; i < want && i < result->failed_rules_count; i++) {
        ck_assert_msg(result->failed_rules[i] == rules[i], "%s: rule %u (%s), not %u", name,
                      (unsigned)result->failed_rules[i],
                      decide_rule_name(result->failed_rules[i]), (unsigned)rules[i]);
    }
    ck_assert_msg(result->failed_rules_count == want, "%s: %u rules, not %u (first %u)", name,
                  (unsigned)result->failed_rules_count, (unsigned)want,
                  result->failed_rules_count == 0 ? 0U : (unsigned)result->failed_rules[0]);
    ck_assert_int_eq(result->allowed, want == 0);
}

struct fixture_spec policy_run_spec(struct ledger_run *run, uint64_t version,
                                    struct bytes policy, const struct bytes *previous)
{
    struct fixture_spec spec = {.type = EVENT_POLICY_PUBLISHED,
                                .who = FIXTURE_ADMIN,
                                .subject = "policy/test",
                                .policy = policy,
                                .version = version};
    struct tally_hash *digest = arena_zalloc(run->fixture.arena, 1, sizeof *digest);

    ASSERT(digest != NULL);
    if (previous == NULL) return spec;
    policy_digest(*previous, digest);
    spec.previous = digest;
    return spec;
}

void policy_run_publish(struct ledger_run *run, uint64_t version, struct bytes policy,
                        const struct bytes *previous)
{
    static const enum fixture_who both[] = {FIXTURE_EVERYONE, FIXTURE_PEOPLE};

    policy_run_expect(run, policy_run_spec(run, version, policy, previous), both, NULL);
}
