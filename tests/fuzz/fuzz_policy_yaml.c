/* Any bytes as a policy in YAML, and as cases of a small policy: either it is read, and then
 * every case decides, or it has faults with their places. */
#include <string.h>

#include "base/assert.h"
#include "config/policy_cases.h"
#include "config/policy_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char small[] =
    "name: small\nroles: [admin, approver, author, reviewer]\nenvironments: [production]\n"
    "rules:\n"
    "  - {id: 1100, permit: a, clauses: [{actor_role: [author]}]}\n"
    "  - id: 1101\n    require: b\n    clauses: [{approvals: {role: [approver], count: 2, "
    "distinct: org_unit, exclude: [author]}}]\n";

static void check_faults(struct config *config, enum tally_err err)
{
    const char *faults = config_faults(config);

    ASSERT(err == TALLY_OK || err == TALLY_E_MALFORMED);
    ASSERT((err == TALLY_OK) == (faults[0] == '\0'));
    ASSERT(err == TALLY_OK || strncmp(faults, "fuzz.yaml:", 10) == 0);
}

static void check_policy(struct bytes text, struct arena *arena)
{
    struct config *config = NULL;
    struct policy_file file;
    struct policy again;

    if (config_open_text("fuzz.yaml", text, &config, NULL) != TALLY_OK) return;
    const enum tally_err err = policy_config_read(config, arena, &file);
    check_faults(config, err);
    if (err == TALLY_OK) {
        ASSERT(policy_decode(file.encoded, arena, &again, NULL) == TALLY_OK);
        for (uint32_t i = 0; i < again.rules_count; i++)
            ASSERT(again.rules[i].id == file.policy.rules[i].id &&
                   file.places[i].rule.line > 0);
    }
    config_close(config);
}

static void check_cases(struct bytes text, struct arena *arena)
{
    struct config *config = NULL, *policy_config = NULL;
    struct policy_decision decision;
    struct policy_cases cases;
    struct policy_file file;

    ASSERT(config_open_text("small", bytes_of(small, sizeof small - 1), &policy_config, NULL) ==
           TALLY_OK);
    ASSERT(policy_config_read(policy_config, arena, &file) == TALLY_OK);
    if (config_open_text("fuzz.yaml", text, &config, NULL) == TALLY_OK) {
        const enum tally_err err = policy_cases_read(config, &file.policy, arena, &cases);

        check_faults(config, err);
        for (uint32_t i = 0; err == TALLY_OK && i < cases.count; i++) {
            ASSERT(policy_view_valid(&cases.cases[i].view));
            policy_decide(&file.policy, &cases.cases[i].view, &decision, NULL);
        }
    }
    config_close(config);
    config_close(policy_config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return 0;
    check_policy(bytes_of(data, size), arena);
    check_cases(bytes_of(data, size), arena);
    arena_close(arena);
    return 0;
}
