/* What an allowed event changes in the state of governance. */
#include <string.h>

#include "ledger/ledger_internal.h"

static enum tally_err put_governance(struct ledger *ledger, const struct governance *governance)
{
    uint8_t value[CODEC_GOVERNANCE_SIZE];
    struct codec_key key;

    codec_governance_put(governance, value);
    codec_key_governance(&key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(value, sizeof value));
}

enum tally_err governance_begin(struct ledger *ledger, const struct event_genesis *genesis)
{
    struct governance governance = {0};

    for (uint32_t i = 0; i < genesis->principals_count; i++) {
        const struct event_principal *principal = &genesis->principals[i];

        if (principal->kind != POLICY_ACTOR_HUMAN) continue;
        for (uint32_t k = 0; k < principal->roles_count; k++) {
            if (strcmp(principal->roles[k], role_name(ROLE_ADMIN)) == 0) governance.admins++;
        }
    }
    return put_governance(ledger, &governance);
}

static enum tally_err put_policy(struct ledger *ledger, const struct event *event,
                                 struct governance *governance)
{
    const struct bytes policy = event->policy_published.policy;
    struct tally_hash digest;
    uint8_t *value = arena_alloc(ledger->scratch, sizeof digest.bytes + policy.size);
    struct codec_key key;
    enum tally_err err;

    if (value == NULL) return TALLY_E_NO_MEMORY;
    policy_digest(policy, &digest);
    memcpy(value, digest.bytes, sizeof digest.bytes);
    memcpy(value + sizeof digest.bytes, policy.data, policy.size);
    governance->newest++;
    governance->previous = governance->digest;
    governance->digest = digest;
    governance->effective_ms = ledger->applied.time_ms + event->policy_published.delay_ms;
    codec_key_policy(governance->newest, &key);
    err = state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                    bytes_of(value, sizeof digest.bytes + policy.size));
    return err == TALLY_OK ? put_governance(ledger, governance) : err;
}

/* `facts` are from before the event. */
static enum tally_err count_admins(struct ledger *ledger, const struct event *event,
                                   struct facts *facts)
{
    const bool held = decide_role_held(facts->target.roles, facts->target.roles_count,
                                       event->role.role, event->role.scope) != NULL;

    if (strcmp(event->role.role, role_name(ROLE_ADMIN)) != 0 || event->role.scope[0] != '\0' ||
        facts->target.kind != POLICY_ACTOR_HUMAN || held == (event->type == EVENT_ROLE_GRANTED))
        return TALLY_OK;
    facts->governance.admins += event->type == EVENT_ROLE_GRANTED ? 1 : UINT32_MAX;
    return put_governance(ledger, &facts->governance);
}

/* ---- what decisions ask of a subject ---- */

static enum tally_err put_about(struct ledger *ledger, const struct event *event,
                                const struct about *about)
{
    uint8_t *value = arena_alloc(ledger->scratch, CODEC_ABOUT_MAX);
    struct codec_key key;

    if (value == NULL) return TALLY_E_NO_MEMORY;
    codec_key_about(event->subject, strlen(event->subject), &key);
    return state_set(ledger->state, STORE_STATE, codec_bytes(&key),
                     bytes_of(value, codec_about_put(about, value)));
}

static void add_author(struct about *about, const char *author)
{
    if (author[0] == '\0' || about->authors_count == ABOUT_AUTHORS_MAX) return;
    about->authors[about->authors_count++] = text_bytes(author);
}

/* A version's authors are those who registered it, and those of its run. */
static enum tally_err describe_version(struct ledger *ledger, const struct event *event,
                                       struct about *about, struct tally_diag *diag)
{
    const size_t model = strcspn(event->subject + strlen("model/"), "/") + strlen("model/");
    char path[LIMIT_SUBJECT_SIZE + 1] = "";
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct about run;
    bool found;
    enum tally_err err;

    about->kind = (uint8_t)event->version_registered.kind;
    for (uint32_t i = 0; i < event->refs_count; i++) {
        if (event->refs[i].rel == REL_TRAINED_ON) about->data_named = true;
    }
    if (event->version_registered.run[0] == '\0') return TALLY_OK;
    memcpy(path, event->subject, model);
    strncat(path, "/run/", sizeof path - 1 - strlen(path));
    strncat(path, event->version_registered.run, sizeof path - 1 - strlen(path));
    err = lookup_about(&lookup, path, strlen(path), &found, &run, diag);
    for (uint32_t i = 0;
         err == TALLY_OK && i < run.authors_count && about->authors_count < ABOUT_AUTHORS_MAX;
         i++)
        about->authors[about->authors_count++] = run.authors[i];
    return err;
}

static enum tally_err describe(struct ledger *ledger, const struct event *event,
                               struct about *about, struct tally_diag *diag)
{
    switch (event->type) {
    case EVENT_MODEL_CREATED:
    case EVENT_MODEL_UPDATED:
        if (event->model.owner[0] != '\0') about->owner = text_bytes(event->model.owner);
        if (event->model.tier != 0) about->tier = (uint8_t)event->model.tier;
        return TALLY_OK;
    case EVENT_ENDPOINT_REGISTERED:
        about->environment = text_bytes(event->endpoint_registered.environment);
        return TALLY_OK;
    case EVENT_RUN_STARTED:
    case EVENT_VERSION_REGISTERED:
        about->authors_count = 0;
        add_author(about, event->actor);
        add_author(about, event->on_behalf_of);
        return event->type == EVENT_RUN_STARTED ? TALLY_OK
                                                : describe_version(ledger, event, about, diag);
    default:
        return TALLY_OK;
    }
}

/* Opened, updated or closed: how many are open of each severity. */
static enum tally_err count_incidents(struct ledger *ledger, const struct event *event,
                                      struct facts *facts, struct about *about)
{
    uint32_t *open = facts->governance.incidents;

    if (event->type != EVENT_INCIDENT_OPENED) open[about->severity]--;
    about->severity =
        event->type == EVENT_INCIDENT_CLOSED ? 0 : (uint8_t)event->incident.severity;
    if (about->severity > 0) open[about->severity]++;
    return put_governance(ledger, &facts->governance);
}

enum tally_err governance_put(struct ledger *ledger, const struct event *event,
                              struct facts *facts, struct tally_diag *diag)
{
    const struct lookup lookup = ledger_lookup_of(ledger);
    struct about about;
    bool found;
    enum tally_err err;

    switch (event->type) {
    case EVENT_POLICY_PUBLISHED:
        return put_policy(ledger, event, &facts->governance);
    case EVENT_EVALUATION_RECORDED:
    case EVENT_RISK_ASSESSED:
    case EVENT_ATTESTATION_ATTACHED:
        return results_adds(event) ? results_put(ledger, event, facts) : TALLY_OK;
    case EVENT_ROLE_GRANTED:
    case EVENT_ROLE_REVOKED:
        return count_admins(ledger, event, facts);
    case EVENT_MODEL_CREATED:
    case EVENT_MODEL_UPDATED:
    case EVENT_ENDPOINT_REGISTERED:
    case EVENT_RUN_STARTED:
    case EVENT_VERSION_REGISTERED:
    case EVENT_INCIDENT_OPENED:
    case EVENT_INCIDENT_UPDATED:
    case EVENT_INCIDENT_CLOSED:
        break;
    default:
        return TALLY_OK;
    }
    err = lookup_about(&lookup, event->subject, strlen(event->subject), &found, &about, diag);
    if (err == TALLY_OK) err = describe(ledger, event, &about, diag);
    if (err == TALLY_OK && event->type >= EVENT_INCIDENT_OPENED &&
        event->type <= EVENT_INCIDENT_CLOSED)
        err = count_incidents(ledger, event, facts, &about);
    return err == TALLY_OK ? put_about(ledger, event, &about) : err;
}
