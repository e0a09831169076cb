/* policy check: rules without effect, gates that nobody can pass, lock-outs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "policy/policy_survey.h"
#include "policy_load.h"
#include "policy_text.h"

enum { TEXT_SIZE = 2048, WHERE_SIZE = 256 };

static const char *fact_name(uint32_t fact)
{
    switch (fact) {
    case POLICY_FACT_ENVIRONMENT:
        return "environment";
    case POLICY_FACT_TIER:
        return "tier";
    case POLICY_FACT_KIND:
        return "kind";
    default:
        return "such subject";
    }
}

/* "stage.transitioned, production, tier high, kind adapter" */
static const char *where(const struct policy *policy, const struct policy_finding *finding,
                         char to[WHERE_SIZE])
{
    const uint8_t facts = policy_event(finding->event)->facts;
    size_t at = (size_t)snprintf(to, WHERE_SIZE, "%s", policy_event(finding->event)->name);

    if ((facts & POLICY_FACT_ENVIRONMENT) != 0)
        at += (size_t)snprintf(to + at, WHERE_SIZE - at, ", %s",
                               finding->environment < policy->environments_count
                                   ? policy->environments[finding->environment]
                                   : "another environment");
    if (finding->tier != 0)
        at += (size_t)snprintf(to + at, WHERE_SIZE - at, ", tier %s",
                               policy_word_text(POLICY_WORD_TIER, finding->tier));
    if (finding->kind != 0)
        (void)snprintf(to + at, WHERE_SIZE - at, ", kind %s",
                       policy_word_text(POLICY_WORD_KIND, finding->kind));
    return to;
}

static void name_persons(const struct policy_load *load, uint64_t persons, char to[WHERE_SIZE])
{
    size_t at = 0;

    to[0] = '\0';
    for (uint32_t i = 0; i < load->cases.persons_count && at < WHERE_SIZE; i++)
        if ((persons >> i & 1) != 0)
            at += (size_t)snprintf(to + at, WHERE_SIZE - at, "%s%s", at == 0 ? "" : ", ",
                                   load->cases.persons[i].id);
}

/* Why nobody passes a gate, and what to do. */
static const char *why_closed(const struct policy_finding *finding)
{
    if (finding->type == POLICY_FINDING_GATE_ROLE)
        return "no active person may act as such and passes the other rules, too; grant roles";
    if (finding->type == POLICY_FINDING_GATE_EVIDENCE)
        return "no active person could give it; grant the role to somebody else";
    if (finding->have < finding->need)
        return "too few active persons are such; ask for less, or grant the role";
    return "the same persons are needed for other clauses, and one person counts once; grant "
           "the roles to more people";
}

/* What is wrong, and what to do. */
static void describe(const struct policy_load *load, const struct policy_finding *finding,
                     char to[TEXT_SIZE])
{
    const struct policy *policy = &load->file.policy;
    const struct policy_rule *rule =
        finding->rule == POLICY_NO_RULE ? NULL : &policy->rules[finding->rule];
    const char *name = rule == NULL ? "" : rule->name;
    char place[WHERE_SIZE], asked[POLICY_TEXT_SIZE] = "an actor";

    if (rule != NULL && finding->clause < rule->clauses_count)
        (void)policy_text_clause(policy, &rule->clauses[finding->clause], asked);
    (void)where(policy, finding, place);
    switch (finding->type) {
    case POLICY_FINDING_NEVER_MATCHES:
        (void)snprintf(to, TEXT_SIZE,
                       "'%s' can never match: no event type that it names has all the facts "
                       "and subjects that it names; drop one of them, or the rule",
                       name);
        return;
    case POLICY_FINDING_EVENT_UNUSED:
        (void)snprintf(to, TEXT_SIZE,
                       "'%s' can never match %s: such an event has no %s; drop the type here",
                       name, policy_event(finding->event)->name, fact_name(finding->fact));
        return;
    case POLICY_FINDING_CONTRADICTION:
        (void)snprintf(to, TEXT_SIZE,
                       "'%s' can never hold: it asks for %s, and another clause forbids that",
                       name, asked);
        return;
    case POLICY_FINDING_NEVER_PERMITS:
        (void)snprintf(to, TEXT_SIZE,
                       "'%s' never permits anything: wherever it matches, a forbid without "
                       "clauses does too; narrow that one",
                       name);
        return;
    case POLICY_FINDING_GATE_ROLE:
    case POLICY_FINDING_GATE_APPROVALS:
    case POLICY_FINDING_GATE_EVIDENCE:
        (void)snprintf(to, TEXT_SIZE, "nobody can pass '%s' (%s): it asks for %s, and %s", name,
                       place, asked, why_closed(finding));
        return;
    case POLICY_FINDING_LOCK_OUT:
        (void)snprintf(to, TEXT_SIZE,
                       "lock-out: nobody could append %s any more; permit it to somebody, and "
                       "see that enough persons can approve it",
                       policy_event(finding->event)->name);
        return;
    case POLICY_FINDING_NARROW:
        name_persons(load, finding->persons, asked);
        (void)snprintf(to, TEXT_SIZE,
                       "note: nobody could pass '%s' (%s) when the excluded one is any of: %s",
                       name, place, asked);
        return;
    case POLICY_FINDING_CUT:
        (void)snprintf(to, TEXT_SIZE,
                       "note: more than %d combinations of %s; only so many were looked at",
                       POLICY_SURVEY_CELLS_MAX, policy_event(finding->event)->name);
        return;
    }
}

/* Findings about a clause are where the clause is. */
static struct config_place place_of(const struct policy_load *load,
                                    const struct policy_finding *finding)
{
    if (finding->rule == POLICY_NO_RULE) return (struct config_place){1, 1};
    const struct policy_rule_place *place = &load->file.places[finding->rule];
    const bool is_clause = finding->type == POLICY_FINDING_CONTRADICTION ||
                           finding->type == POLICY_FINDING_GATE_ROLE ||
                           finding->type == POLICY_FINDING_GATE_APPROVALS ||
                           finding->type == POLICY_FINDING_GATE_EVIDENCE ||
                           finding->type == POLICY_FINDING_NARROW;

    return is_clause && finding->clause < POLICY_CLAUSES_MAX ? place->clauses[finding->clause]
                                                             : place->rule;
}

static void sort_by_place(const struct policy_load *load, struct policy_findings *findings)
{
    for (uint32_t i = 1; i < findings->count; i++) {
        const struct policy_finding one = findings->items[i];
        uint32_t at = i;

        for (; at > 0 &&
               place_of(load, &findings->items[at - 1]).line > place_of(load, &one).line;
             at--)
            findings->items[at] = findings->items[at - 1];
        findings->items[at] = one;
    }
}

static enum tally_err report(struct cli *cli, const struct policy_load *load,
                             const struct policy_findings *findings)
{
    json_t *list = json_array();
    uint32_t wrong = findings->lost;
    char text[TEXT_SIZE];
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < findings->count; i++) {
        const struct policy_finding *finding = &findings->items[i];
        const struct config_place place = place_of(load, finding);
        const bool note = policy_finding_is_note(finding->type);

        describe(load, finding, text);
        wrong += note ? 0 : 1;
        if (cli_flag(cli, "json"))
            (void)json_array_append_new(
                list, json_pack("{s:i, s:i, s:s?, s:b, s:s}", "line", (int)place.line, "column",
                                (int)place.column, "rule",
                                finding->rule == POLICY_NO_RULE
                                    ? NULL
                                    : load->file.policy.rules[finding->rule].name,
                                "note", note, "text", text));
        else
            out_line(cli, NULL, "%s:%u:%u: %s", cli->arguments[0], place.line, place.column,
                     text);
    }
    if (cli_flag(cli, "json"))
        err =
            out_json(cli, json_pack("{s:s, s:i, s:i, s:i, s:O}", "name", load->file.policy.name,
                                    "rules", (int)load->file.policy.rules_count, "persons",
                                    (int)load->cases.persons_count, "wrong", (int)wrong,
                                    "findings", list));
    else
        out_line(cli, NULL, "%s: %u rules%s, %u findings, %u notes", load->file.policy.name,
                 load->file.policy.rules_count,
                 load->cases.persons_count == 0 ? ", without persons (--persons)" : "", wrong,
                 findings->count + findings->lost - wrong);
    json_decref(list);
    if (err == TALLY_OK && wrong > 0)
        err = cli_failf(cli, TALLY_E_INVALID, "%u findings in %s", wrong, cli->arguments[0]);
    return err;
}

static enum tally_err run(struct cli *cli)
{
    struct policy_findings *findings = malloc(sizeof *findings);
    const char *persons = cli_text(cli, "persons");
    struct policy_load load;

    enum tally_err err = policy_load_open(cli, cli->arguments[0], &load);
    if (err == TALLY_OK && persons != NULL) err = policy_load_cases(cli, persons, true, &load);
    if (err == TALLY_OK && findings == NULL) err = cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    if (err == TALLY_OK && findings != NULL) {
        policy_survey(&load.file.policy, load.cases.persons, load.cases.persons_count,
                      findings);
        sort_by_place(&load, findings);
        err = report(cli, &load, findings);
    }
    policy_load_close(&load);
    free(findings);
    return err;
}

static const struct cli_option options[] = {
    {.name = "persons",
     .type = CLI_TEXT,
     .argument = "FILE",
     .text = "YAML with the active persons, their units, sites and roles: also find gates that "
             "nobody can pass"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "there are findings; each is printed as file:line:column"},
    {TALLY_E_MALFORMED, "the YAML; all its faults are listed as file:line:column"},
    {TALLY_E_NOT_FOUND, "no such YAML file"},
};
const struct cli_command command_policy_check = {
    .name = "policy check",
    .arguments = "POLICY",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "find rules without effect, gates that nobody can pass, and lock-outs",
    .description =
        "Walks every combination of event type, subject, environment, tier, kind, data class "
        "and kind of actor that the rules tell apart. With persons it looks, for each, whether "
        "they could fill all approvals at once, one person counting once and whoever is "
        "excluded left out. A note is no finding: it names persons whose own part in a change "
        "would close the gate.",
    .examples = "tally policy check --persons=persons.yaml default.yaml",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
