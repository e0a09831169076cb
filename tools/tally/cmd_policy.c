/* policy compile, policy test: a policy as a file, and what it decides. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "commands.h"
#include "out.h"
#include "policy_load.h"

/* ---- compile ------------------------------------------------------------------------- */

static enum tally_err print_compiled(struct cli *cli, const struct policy_file *file)
{
    const struct policy *policy = &file->policy;
    char hex[OUT_HEX_SIZE];

    if (cli_flag(cli, "json"))
        return out_json(cli,
                        json_pack("{s:s, s:i, s:i, s:o, s:s}", "name", policy->name, "rules",
                                  (int)policy->rules_count, "size", (int)file->encoded.size,
                                  "digest", out_json_hex(file->digest.bytes, TALLY_HASH_BYTES),
                                  "file", cli_text(cli, "out")));
    out_line(cli, "policy", "%s, %u rules, %zu bytes", policy->name, policy->rules_count,
             file->encoded.size);
    out_line(cli, "digest", "%s", out_hex(file->digest.bytes, hex));
    out_line(cli, "file", "%s", cli_text(cli, "out"));
    return TALLY_OK;
}

static enum tally_err run_compile(struct cli *cli)
{
    struct policy_load load;
    struct tally_diag diag = {""};

    enum tally_err err = policy_load_open(cli, cli->arguments[0], &load);
    if (err == TALLY_OK) {
        err = file_create(cli_text(cli, "out"), load.file.encoded, 0644, &diag);
        err = err == TALLY_OK ? print_compiled(cli, &load.file) : cli_fail(cli, err, &diag);
    }
    policy_load_close(&load);
    return err;
}

static const struct cli_option compile_options[] = {
    {.name = "out",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the encoded policy"},
    CLI_JSON,
};
static const struct cli_exit compile_exits[] = {
    {TALLY_E_MALFORMED, "the YAML; all its faults are listed as file:line:column"},
    {TALLY_E_NOT_FOUND, "no such YAML file"},
    {TALLY_E_CONFLICT, "FILE exists"},
};
const struct cli_command command_policy_compile = {
    .name = "policy compile",
    .arguments = "POLICY",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = compile_options,
    .options_count = CLI_COUNT(compile_options),
    .summary = "turn a policy in YAML into the bytes that a ledger takes",
    .description = "Prints the digest, which every decision and every approval names. Equal "
                   "policies have equal bytes, whatever the order of their rules.",
    .examples = "tally policy compile --out=default.policy share/tally/policies/default.yaml",
    .exits = compile_exits,
    .exits_count = CLI_COUNT(compile_exits),
    .run = run_compile,
};

/* ---- test ---------------------------------------------------------------------------- */

/* What the cases have shown of each rule: a PERMIT that permitted, another that failed. */
struct seen {
    bool rules[POLICY_RULES_MAX];
};

static bool has(const uint16_t *ids, uint32_t count, uint16_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

static void note_seen(const struct policy *policy, const struct policy_decision *decision,
                      struct seen *seen)
{
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];

        if (rule->effect == POLICY_EFFECT_PERMIT)
            seen->rules[i] |= decision->permitted_by == rule->id;
        else
            seen->rules[i] |= has(decision->failed, decision->failed_count, rule->id);
    }
}

static bool as_expected(const struct policy_case *test, const struct policy_decision *decision)
{
    return test->expected && test->allowed == decision->allowed &&
           test->failed_count == decision->failed_count &&
           memcmp(test->failed, decision->failed, test->failed_count * sizeof(uint16_t)) == 0;
}

static json_t *json_names(const struct policy *policy, const uint16_t *ids, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(policy_load_rule_name(policy, ids[i])));
    return list;
}

static json_t *json_case(const struct policy *policy, const struct policy_case *test,
                         const struct policy_decision *decision)
{
    return json_pack("{s:s, s:i, s:b, s:b, s:o, s:b, s:o}", "case", test->name, "line",
                     (int)test->place.line, "passed", as_expected(test, decision),
                     "expected_allowed", test->allowed, "expected_failed",
                     json_names(policy, test->failed, test->failed_count), "allowed",
                     decision->allowed, "failed",
                     json_names(policy, decision->failed, decision->failed_count));
}

static void print_names(struct cli *cli, const struct policy *policy, const char *sign,
                        const uint16_t *ids, uint32_t count, const uint16_t *but,
                        uint32_t but_count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!has(but, but_count, ids[i]))
            (void)fprintf(cli->out, "      %s %s\n", sign,
                          policy_load_rule_name(policy, ids[i]));
}

/* The difference: '-' was expected to fail and did not, '+' failed and was not expected to. */
static void print_difference(struct cli *cli, const struct policy *policy,
                             const struct policy_case *test,
                             const struct policy_decision *decision)
{
    (void)fprintf(cli->out, "FAIL  %s:%u:%u: %s\n", cli->arguments[1], test->place.line,
                  test->place.column, test->name);
    if (!test->expected) {
        (void)fprintf(cli->out, "      the case needs 'expect'; it is %s\n",
                      decision->allowed ? "allowed" : "denied");
        return;
    }
    if (test->allowed != decision->allowed)
        (void)fprintf(cli->out, "      expected %s, it is %s\n",
                      test->allowed ? "allowed" : "denied",
                      decision->allowed ? "allowed" : "denied");
    if (decision->allowed && !test->allowed)
        (void)fprintf(cli->out, "      permitted by %s\n",
                      policy_load_rule_name(policy, decision->permitted_by));
    print_names(cli, policy, "-", test->failed, test->failed_count, decision->failed,
                decision->failed_count);
    print_names(cli, policy, "+", decision->failed, decision->failed_count, test->failed,
                test->failed_count);
}

/* Rules that no case has shown at work. Returns how many there are. */
static uint32_t print_unseen(struct cli *cli, const struct policy_load *load,
                             const struct seen *seen, json_t *list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < load->file.policy.rules_count; i++) {
        const struct policy_rule *rule = &load->file.policy.rules[i];

        if (seen->rules[i]) continue;
        count++;
        (void)json_array_append_new(list, json_string(rule->name));
        if (!cli_flag(cli, "json"))
            (void)fprintf(cli->out, "%s:%u:%u: no case shows '%s' %s\n", cli->arguments[0],
                          load->file.places[i].rule.line, load->file.places[i].rule.column,
                          rule->name,
                          rule->effect == POLICY_EFFECT_PERMIT ? "permitting" : "failing");
    }
    return count;
}

static enum tally_err test_cases(struct cli *cli, const struct policy_load *load)
{
    const struct policy *policy = &load->file.policy;
    json_t *results = json_array(), *unseen = json_array();
    struct policy_decision decision;
    struct seen seen = {{false}};
    uint32_t failures = 0;
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < load->cases.count; i++) {
        const struct policy_case *test = &load->cases.cases[i];

        policy_decide(policy, &test->view, &decision, NULL);
        note_seen(policy, &decision, &seen);
        (void)json_array_append_new(results, json_case(policy, test, &decision));
        if (as_expected(test, &decision)) continue;
        failures++;
        if (!cli_flag(cli, "json")) print_difference(cli, policy, test, &decision);
    }
    const uint32_t unseen_count = print_unseen(cli, load, &seen, unseen);
    if (cli_flag(cli, "json"))
        err = out_json(cli, json_pack("{s:i, s:i, s:O, s:O}", "cases", (int)load->cases.count,
                                      "failures", (int)failures, "unseen_rules", unseen,
                                      "results", results));
    else
        out_line(cli, NULL, "%u cases, %u not as expected; %u of %u rules not shown at work",
                 load->cases.count, failures, unseen_count, policy->rules_count);
    json_decref(results);
    json_decref(unseen);
    if (err != TALLY_OK) return err;
    if (failures > 0)
        return cli_failf(cli, TALLY_E_INVALID, "%u of %u cases are not as expected", failures,
                         load->cases.count);
    if (unseen_count > 0 && cli_flag(cli, "every-rule"))
        return cli_failf(cli, TALLY_E_INVALID, "%u rules without a case; write one for each",
                         unseen_count);
    return TALLY_OK;
}

static enum tally_err run_test(struct cli *cli)
{
    struct policy_load load;

    enum tally_err err = policy_load_open(cli, cli->arguments[0], &load);
    if (err == TALLY_OK) err = policy_load_cases(cli, cli->arguments[1], false, &load);
    if (err == TALLY_OK) err = test_cases(cli, &load);
    policy_load_close(&load);
    return err;
}

static const struct cli_option test_options[] = {
    {.name = "every-rule",
     .type = CLI_FLAG,
     .text = "fail also when no case shows some rule at work"},
    CLI_JSON,
};
static const struct cli_exit test_exits[] = {
    {TALLY_E_INVALID, "a decision that is not as expected, or a rule without a case"},
    {TALLY_E_MALFORMED, "the YAML; all its faults are listed as file:line:column"},
    {TALLY_E_NOT_FOUND, "no such YAML file"},
};
const struct cli_command command_policy_test = {
    .name = "policy test",
    .arguments = "POLICY CASES",
    .arguments_min = 2,
    .arguments_max = 2,
    .options = test_options,
    .options_count = CLI_COUNT(test_options),
    .summary = "decide a table of cases and compare with what is expected",
    .description =
        "CASES is a YAML file of persons and cases: an event, the facts around it, whether it "
        "is to be allowed, and which rules are to fail. Of each case that is not as expected "
        "the difference is printed: '-' should have failed, '+' should not have.",
    .examples = "tally policy test default.yaml default.cases.yaml",
    .exits = test_exits,
    .exits_count = CLI_COUNT(test_exits),
    .run = run_test,
};
