/* policy explain: why a case is allowed or denied, in plain words. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "policy_load.h"
#include "policy_text.h"

/* One case and its decision. */
struct explanation {
    const struct policy_load *load;
    const struct policy_view *view;
    struct policy_decision decision;
    struct policy_misses *misses;
};

static bool failed(const struct explanation *why, uint16_t id)
{
    for (uint32_t i = 0; i < why->decision.failed_count; i++)
        if (why->decision.failed[i] == id) return true;
    return false;
}

/* ---- text ---------------------------------------------------------------------------- */

static void print_approvals(struct cli *cli, const struct explanation *why,
                            const struct policy_approvals *clause)
{
    char text[POLICY_TEXT_SIZE];

    if (why->view->approvals_count == 0) out_line(cli, "", "  nobody has approved");
    for (uint32_t i = 0; i < why->view->approvals_count; i++)
        out_line(cli, "", "  %s",
                 policy_text_approval(clause, why->view, &why->view->approvals[i], text));
}

static void print_results(struct cli *cli, const struct explanation *why,
                          const struct policy_evidence_need *clause)
{
    char text[POLICY_TEXT_SIZE];
    uint32_t count = 0;

    for (uint32_t i = 0; i < why->view->results_count; i++) {
        if (why->view->results[i].kind != clause->kind) continue;
        out_line(cli, "", "  %s", policy_text_result(why->view, &why->view->results[i], text));
        count++;
    }
    if (count == 0) out_line(cli, "", "  there is no result of this kind");
}

static void print_miss(struct cli *cli, const struct explanation *why,
                       const struct policy_miss *miss)
{
    const struct policy *policy = &why->load->file.policy;
    const struct policy_clause *clause = &policy->rules[miss->rule].clauses[miss->clause];
    const struct config_place place = why->load->file.places[miss->rule].clauses[miss->clause];
    char asked[POLICY_TEXT_SIZE], lacking[POLICY_TEXT_SIZE];

    out_line(cli, "  needs", "%s (line %u)", policy_text_clause(policy, clause, asked),
             place.line);
    out_line(cli, "  missing", "%s", policy_text_lack(clause, why->view, miss, lacking));
    if (clause->type == POLICY_CLAUSE_APPROVALS) print_approvals(cli, why, &clause->approvals);
    if (clause->type == POLICY_CLAUSE_EVIDENCE) print_results(cli, why, &clause->evidence);
}

/* A FORBID that holds: all its clauses do. */
static void print_forbid(struct cli *cli, const struct explanation *why, uint32_t number)
{
    const struct policy *policy = &why->load->file.policy;
    const struct policy_rule *rule = &policy->rules[number];
    char text[POLICY_TEXT_SIZE];

    if (rule->clauses_count == 0) out_line(cli, "  because", "it matches");
    for (uint32_t i = 0; i < rule->clauses_count; i++)
        out_line(cli, "  because", "there is %s (line %u)",
                 policy_text_clause(policy, &rule->clauses[i], text),
                 why->load->file.places[number].clauses[i].line);
}

static void print_rule(struct cli *cli, const struct explanation *why, uint32_t number)
{
    const struct policy_rule *rule = &why->load->file.policy.rules[number];
    const bool is_failed = failed(why, rule->id);
    const char *word = is_failed ? "failed" : "held";

    if (rule->effect == POLICY_EFFECT_PERMIT && !is_failed) {
        if (rule->id != why->decision.permitted_by) return;
        word = "permits";
    }
    if (rule->effect == POLICY_EFFECT_FORBID && !is_failed) return;
    out_line(cli, word, "%s %u %s (%s:%u)", policy_word_text(POLICY_WORD_EFFECT, rule->effect),
             rule->id, rule->name, cli->arguments[0], why->load->file.places[number].rule.line);
    if (!is_failed) return;
    if (rule->effect == POLICY_EFFECT_FORBID) print_forbid(cli, why, number);
    for (uint32_t i = 0; i < why->misses->count; i++)
        if (why->misses->items[i].rule == number) print_miss(cli, why, &why->misses->items[i]);
}

static void print_case(struct cli *cli, const struct explanation *why,
                       const struct policy_case *test)
{
    const struct policy *policy = &why->load->file.policy;

    out_line(cli, "case", "%s (%s:%u)", test->name, cli->arguments[1], test->place.line);
    out_line(cli, "event", "%s %s by %s", policy_event(test->view.event)->name,
             test->view.subject, test->view.persons[test->view.actor].id);
    out_line(cli, "decision", "%s", why->decision.allowed ? "allowed" : "denied");
    if (failed(why, POLICY_RULE_NO_PERMIT))
        out_line(cli, "failed", "no rule of the policy permits such an event to anybody");
    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (policy_matches(policy, &policy->rules[i], &test->view)) print_rule(cli, why, i);
}

/* ---- JSON ---------------------------------------------------------------------------- */

/* What was looked at: every approval, and the results of the kind. */
static json_t *json_facts(const struct explanation *why, const struct policy_clause *clause)
{
    const struct policy_view *view = why->view;
    json_t *list = json_array();
    char text[POLICY_TEXT_SIZE];

    for (uint32_t i = 0; clause->type == POLICY_CLAUSE_APPROVALS && i < view->approvals_count;
         i++)
        (void)json_array_append_new(
            list, json_string(policy_text_approval(&clause->approvals, view,
                                                   &view->approvals[i], text)));
    for (uint32_t i = 0; clause->type == POLICY_CLAUSE_EVIDENCE && i < view->results_count; i++)
        if (view->results[i].kind == clause->evidence.kind)
            (void)json_array_append_new(
                list, json_string(policy_text_result(view, &view->results[i], text)));
    return list;
}

static json_t *json_misses(const struct explanation *why, uint32_t number)
{
    const struct policy *policy = &why->load->file.policy;
    json_t *list = json_array();
    char asked[POLICY_TEXT_SIZE], lacking[POLICY_TEXT_SIZE];

    for (uint32_t i = 0; i < why->misses->count; i++) {
        const struct policy_miss *miss = &why->misses->items[i];
        const struct policy_clause *clause = &policy->rules[number].clauses[miss->clause];

        if (miss->rule != number) continue;
        (void)json_array_append_new(
            list, json_pack("{s:i, s:s, s:s, s:o}", "line",
                            (int)why->load->file.places[number].clauses[miss->clause].line,
                            "needs", policy_text_clause(policy, clause, asked), "missing",
                            policy_text_lack(clause, why->view, miss, lacking), "looked_at",
                            json_facts(why, clause)));
    }
    return list;
}

static json_t *json_case(const struct explanation *why, const struct policy_case *test)
{
    const struct policy *policy = &why->load->file.policy;
    json_t *list = json_array();

    if (failed(why, POLICY_RULE_NO_PERMIT))
        (void)json_array_append_new(
            list, json_pack("{s:i, s:s}", "id", POLICY_RULE_NO_PERMIT, "name", "no_permit"));
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];

        if (!failed(why, rule->id)) continue;
        (void)json_array_append_new(
            list, json_pack("{s:i, s:s, s:s, s:i, s:o}", "id", rule->id, "name", rule->name,
                            "effect", policy_word_text(POLICY_WORD_EFFECT, rule->effect),
                            "line", (int)why->load->file.places[i].rule.line, "missing",
                            json_misses(why, i)));
    }
    const uint16_t by = why->decision.permitted_by;
    return json_pack("{s:s, s:i, s:b, s:o, s:o}", "case", test->name, "line",
                     (int)test->place.line, "allowed", why->decision.allowed, "permitted_by",
                     by == 0 ? json_null() : json_string(policy_load_rule_name(policy, by)),
                     "failed", list);
}

/* ---- the command --------------------------------------------------------------------- */

static enum tally_err explain_cases(struct cli *cli, const struct policy_load *load)
{
    const char *wanted = cli_text(cli, "case");
    struct explanation why = {.load = load, .misses = malloc(sizeof *why.misses)};
    json_t *list = json_array();
    uint32_t count = 0;
    enum tally_err err = TALLY_OK;

    if (why.misses == NULL || list == NULL) err = cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    for (uint32_t i = 0; err == TALLY_OK && i < load->cases.count; i++) {
        const struct policy_case *test = &load->cases.cases[i];

        if (wanted != NULL && strcmp(wanted, test->name) != 0) continue;
        why.view = &test->view;
        policy_decide(&load->file.policy, why.view, &why.decision, why.misses);
        if (cli_flag(cli, "json")) {
            (void)json_array_append_new(list, json_case(&why, test));
        } else {
            if (count > 0) (void)fputc('\n', cli->out);
            print_case(cli, &why, test);
        }
        count++;
    }
    if (err == TALLY_OK && count == 0)
        err = cli_failf(cli, TALLY_E_NOT_FOUND, "%s has no case '%s'", cli->arguments[1],
                        wanted == NULL ? "" : wanted);
    else if (err == TALLY_OK && cli_flag(cli, "json"))
        err = out_json(cli, json_pack("{s:O}", "cases", list));
    json_decref(list);
    free(why.misses);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct policy_load load;

    enum tally_err err = policy_load_open(cli, cli->arguments[0], &load);
    if (err == TALLY_OK) err = policy_load_cases(cli, cli->arguments[1], false, &load);
    if (err == TALLY_OK) err = explain_cases(cli, &load);
    policy_load_close(&load);
    return err;
}

static const struct cli_option options[] = {
    {.name = "case",
     .type = CLI_TEXT,
     .argument = "NAME",
     .text = "this case alone (default: every case of the file)"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_MALFORMED, "the YAML; all its faults are listed as file:line:column"},
    {TALLY_E_NOT_FOUND, "no such YAML file, or no such case in it"},
};
const struct cli_command command_policy_explain = {
    .name = "policy explain",
    .arguments = "POLICY CASES",
    .arguments_min = 2,
    .arguments_max = 2,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "say why a case is allowed or denied, and what is missing",
    .description =
        "For each case: the rule that permits it, the rules that held, and those that failed, "
        "with what each clause asks for, what is missing, and why an approval does not count.",
    .examples = "tally policy explain default.yaml mine.yaml",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
