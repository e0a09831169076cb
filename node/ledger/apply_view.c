/* What a policy is asked with: persons, approvals and facts about the subject. */
#include <string.h>

#include "base/assert.h"
#include "event/event_values.h"
#include "ledger/ledger_internal.h"

/* One view in the making. */
struct gather {
    struct lookup lookup;
    struct ledger *ledger;
    const struct event *event;
    const struct policy *policy;
    struct facts *facts;
    struct facts_view *to;
    struct about about, model; /* of the subject, and of the model that it belongs to */
    bool model_known;
    struct tally_diag *diag;
};

static const char *text_of(struct gather *gather, struct bytes bytes, enum tally_err *err)
{
    char *text = arena_zalloc(gather->lookup.arena, 1, bytes.size + 1);

    if (text == NULL) {
        *err = TALLY_E_NO_MEMORY;
        return "";
    }
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    return text;
}

/* ---- persons ---- */

/* The roles that hold now for the subject. */
static uint64_t roles_of(const struct gather *gather, const struct principal *principal,
                         bool *ret_admin)
{
    uint64_t roles = 0;

    *ret_admin = false;
    for (uint32_t i = 0; i < principal->roles_count; i++) {
        const struct decide_role *role = &principal->roles[i];
        char name[LIMIT_NAME_SIZE + 1] = "";

        if (role->expires_ms != 0 && gather->to->view.now_ms >= role->expires_ms) continue;
        if (role->role == ROLE_ADMIN && role->scope.size == 0) *ret_admin = true;
        if (!decide_in_scope(role->scope, gather->event->subject)) continue;
        ASSERT(role->name.size < sizeof name);
        memcpy(name, role->name.data, role->name.size);
        roles |= policy_role_bit(gather->policy, name);
    }
    return roles;
}

/* Where this principal stands in the list; POLICY_NOBODY when it is not registered, or there is
 * no place left: then the facts say so. */
static enum tally_err add_person(struct gather *gather, const char *id, uint8_t *ret_place)
{
    struct facts_view *to = gather->to;
    const uint32_t place = to->view.persons_count;
    struct policy_person *person;
    enum tally_err err;
    bool found;

    *ret_place = POLICY_NOBODY;
    for (uint32_t i = 0; i < place; i++) {
        if (strcmp(to->persons[i].id, id) != 0) continue;
        *ret_place = (uint8_t)i;
        return TALLY_OK;
    }
    err = lookup_principal(&gather->lookup, id, &found, &to->person, gather->diag);
    if (err != TALLY_OK || !found) return err;
    if (place == POLICY_PERSONS_MAX) {
        gather->facts->facts.governed.too_many = true;
        return TALLY_OK;
    }
    person = &to->persons[place];
    *person =
        (struct policy_person){.id = text_of(gather, bytes_of(id, strlen(id)), &err),
                               .unit = text_of(gather, to->person.unit, &err),
                               .site = text_of(gather, to->person.site, &err),
                               .roles = roles_of(gather, &to->person, &to->is_admin[place]),
                               .kind = (enum policy_actor)to->person.kind,
                               .active = true};
    to->responsible[place] = text_of(gather, to->person.responsible, &err);
    if (person->kind < POLICY_ACTOR_HUMAN || person->kind > POLICY_ACTOR_ROBOT)
        person->kind = POLICY_ACTOR_ROBOT;
    to->view.persons_count++;
    *ret_place = (uint8_t)place;
    return err;
}

/* A principal, and the person who answers for it, into a set. */
static enum tally_err add_party(struct gather *gather, const char *id, uint64_t *set)
{
    const char *next = id;
    enum tally_err err = TALLY_OK;

    for (int i = 0; i < 2 && next[0] != '\0' && err == TALLY_OK; i++) {
        uint8_t place;

        err = add_person(gather, next, &place);
        if (err != TALLY_OK || place == POLICY_NOBODY) return err;
        *set |= UINT64_C(1) << place;
        next = gather->to->responsible[place];
    }
    return err;
}

static enum tally_err add_parties(struct gather *gather, const struct bytes *ids,
                                  uint32_t count, uint64_t *set)
{
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        const char *id = text_of(gather, ids[i], &err);

        if (err == TALLY_OK) err = add_party(gather, id, set);
    }
    return err;
}

/* A signature on the event itself is an approval of it. */
static enum tally_err add_signers(struct gather *gather, const struct batch *batch)
{
    struct facts_view *to = gather->to;
    enum tally_err err = TALLY_OK;

    for (uint32_t i = 0; i < batch->signers_count && err == TALLY_OK; i++) {
        struct ledger_key key;
        bool found;
        uint8_t place = POLICY_NOBODY;

        err = lookup_key(&gather->lookup, batch->signers[i].key_id.bytes, &found, &key,
                         gather->diag);
        if (err == TALLY_OK && found) err = add_person(gather, key.principal, &place);
        if (err != TALLY_OK || place == POLICY_NOBODY) continue;
        to->approvals[to->view.approvals_count++] =
            (struct policy_approval){.person = place,
                                     .meaning = (enum policy_meaning)batch->signers[i].meaning,
                                     .stale = key.revoked,
                                     .time_ms = to->view.now_ms};
    }
    return err;
}

static enum tally_err gather_persons(struct gather *gather, const struct batch *batch)
{
    struct policy_view *view = &gather->to->view;
    const struct event *event = gather->event;
    enum tally_err err = add_person(gather, event->actor, &view->actor);

    ASSERT(err != TALLY_OK || view->actor == 0); /* the batch is authentic: it is registered */
    if (err == TALLY_OK) err = add_signers(gather, batch);
    if (err == TALLY_OK) err = add_party(gather, event->actor, &view->requesters);
    if (err == TALLY_OK) err = add_party(gather, event->on_behalf_of, &view->requesters);
    if (err == TALLY_OK && gather->model.owner.size > 0)
        err = add_parties(gather, &gather->model.owner, 1, &view->owners);
    if (err == TALLY_OK) {
        err = add_parties(gather, gather->about.authors, gather->about.authors_count,
                          &view->authors);
    }
    if (event->type == EVENT_VERSION_REGISTERED || event->type == EVENT_RUN_STARTED)
        view->authors |= view->requesters;
    if (event->type == EVENT_EVALUATION_RECORDED || event->type == EVENT_RISK_ASSESSED)
        view->evaluators = view->requesters;
    return err;
}

/* ---- the subject ---- */

/* The model that the event is about: its subject's, or the one that it names. */
static enum tally_err find_model(struct gather *gather, bool *ret_ended)
{
    const struct event *event = gather->event;
    const char *path =
        event->type == EVENT_CHANGE_REQUESTED ? event->change_requested.model : event->subject;
    const char *end;
    struct topic topic;
    enum tally_err err;
    bool found;

    *ret_ended = false;
    if (strncmp(path, "model/", strlen("model/")) != 0) return TALLY_OK;
    end = strchr(path + strlen("model/"), '/');
    const size_t size = end == NULL ? strlen(path) : (size_t)(end - path);
    err = lookup_about(&gather->lookup, path, size, &gather->model_known, &gather->model,
                       gather->diag);
    if (err == TALLY_OK)
        err = lookup_path(&gather->lookup, path, size, &found, &topic, gather->diag);
    if (err == TALLY_OK) *ret_ended = topic.ended;
    return err;
}

static void put_tier(struct gather *gather, enum event_subject_kind kind)
{
    struct policy_view *view = &gather->to->view;
    const bool has_none = kind != SUBJECT_MODEL && kind != SUBJECT_VERSION &&
                          kind != SUBJECT_RUN && kind != SUBJECT_ENDPOINT &&
                          kind != SUBJECT_REQUEST && kind != SUBJECT_INCIDENT;

    view->tier = (enum policy_tier)gather->model.tier;
    if (gather->event->type == EVENT_MODEL_CREATED)
        view->tier = (enum policy_tier)gather->event->model.tier;
    if (gather->event->type == EVENT_MODEL_UPDATED &&
        gather->event->model.tier > (uint32_t)view->tier)
        view->tier = (enum policy_tier)gather->event->model.tier; /* the stricter of the two */
    if (view->tier == 0 && !has_none) view->unknown |= POLICY_FACT_TIER;
}

static void put_kind(struct gather *gather, enum event_subject_kind kind)
{
    struct policy_view *view = &gather->to->view;
    uint32_t number = gather->about.kind;

    if (gather->event->type == EVENT_VERSION_REGISTERED)
        number = gather->event->version_registered.kind;
    /* A kind that policies have no word for is not known to them. */
    view->kind = number > POLICY_KIND_QUANTISED ? 0 : (enum policy_kind)number;
    if (view->kind == 0 && (kind == SUBJECT_VERSION || kind == SUBJECT_ENDPOINT ||
                            kind == SUBJECT_REQUEST || kind == SUBJECT_INCIDENT))
        view->unknown |= POLICY_FACT_KIND;
}

static enum tally_err put_environment(struct gather *gather)
{
    struct policy_view *view = &gather->to->view;
    const struct event *event = gather->event;
    enum tally_err err = TALLY_OK;

    if (event->type == EVENT_ENDPOINT_REGISTERED)
        view->environment = event->endpoint_registered.environment;
    else if (event->type == EVENT_APPROVAL_GRANTED)
        view->environment = event->judged.environment;
    else if (gather->about.environment.size > 0)
        view->environment = text_of(gather, gather->about.environment, &err);
    if (view->environment[0] == '\0') view->unknown |= POLICY_FACT_ENVIRONMENT;
    return err;
}

/* Which inputs are named: every registered base and data set is pinned to its bytes. */
static void put_inputs(struct gather *gather, enum event_subject_kind kind)
{
    const struct event *event = gather->event;
    struct policy_view *view = &gather->to->view;

    for (uint32_t i = 0; i < event->refs_count; i++) {
        if (event->refs[i].rel == REL_BASE) view->base = POLICY_INPUT_FINE;
        if (event->refs[i].rel == REL_TRAINED_ON) view->data = POLICY_INPUT_FINE;
    }
    if (kind != SUBJECT_VERSION || !gather->facts->facts.subject.registered) return;
    view->base = POLICY_INPUT_FINE; /* RULE_BASE_ABSENT */
    if (gather->about.data_named) view->data = POLICY_INPUT_FINE;
}

static enum tally_err gather_subject(struct gather *gather)
{
    const struct event *event = gather->event;
    const struct governance *governance = &gather->facts->governance;
    const enum event_subject_kind kind = event_subject_kind(event->subject, NULL);
    struct policy_view *view = &gather->to->view;
    const uint32_t facts = policy_event(view->event)->facts;
    const bool publishes = event->type == EVENT_POLICY_PUBLISHED;
    bool found = false, model_ended = false;
    enum tally_err err = lookup_about(&gather->lookup, event->subject, strlen(event->subject),
                                      &found, &gather->about, gather->diag);

    if (err == TALLY_OK) err = find_model(gather, &model_ended);
    if (err != TALLY_OK) return err;
    if ((facts & POLICY_FACT_TIER) != 0) put_tier(gather, kind);
    if ((facts & POLICY_FACT_KIND) != 0) put_kind(gather, kind);
    if ((facts & POLICY_FACT_ENVIRONMENT) != 0) err = put_environment(gather);
    put_inputs(gather, kind);
    if (event->data_class > POLICY_CLASS_PERSONAL)
        view->unknown |= POLICY_FACT_DATA_CLASS;
    else
        view->data_class = (enum policy_class)event->data_class;
    if (!publishes && gather->facts->facts.subject.registered)
        view->states |= 1U << POLICY_STATE_REGISTERED;
    if (model_ended) view->states |= 1U << POLICY_STATE_ARCHIVED;
    for (uint32_t i = POLICY_SEVERITY_MINOR; i <= POLICY_SEVERITY_CRITICAL; i++) {
        if (governance->incidents[i] > 0) view->incidents |= 1U << i;
    }
    return err;
}

/* ---- fields ---- */

static enum tally_err gather_fields(struct gather *gather)
{
    struct facts_view *to = gather->to;
    struct event_value values[POLICY_FIELDS_MAX];
    enum tally_err err = event_values(gather->event->bytes, gather->lookup.arena, values,
                                      POLICY_FIELDS_MAX, &to->view.fields_count);

    for (uint32_t i = 0; i < to->view.fields_count && err == TALLY_OK; i++) {
        to->fields[i] = (struct policy_field){
            .name = values[i].name, .text = values[i].text, .number = values[i].number};
    }
    return err == TALLY_OK || err == TALLY_E_NO_MEMORY ? err : TALLY_E_CORRUPT;
}

/* ---- results ---- */

static enum tally_err add_result(struct gather *gather, const struct result *result,
                                 bool retracted)
{
    struct policy_view *view = &gather->to->view;
    enum tally_err err = TALLY_OK;
    const char *by = text_of(gather, result->by, &err);
    struct policy_result *to = &gather->to->results[view->results_count];

    *to = (struct policy_result){.kind = (enum policy_evidence_kind)result->kind,
                                 .suite = text_of(gather, result->suite, &err),
                                 .verdict = (enum policy_verdict)result->verdict,
                                 .retracted = retracted,
                                 .time_ms = result->time_ms,
                                 .index = result->index};
    if (err == TALLY_OK) err = add_person(gather, by, &to->by);
    if (err == TALLY_OK) err = add_party(gather, by, &view->evaluators);
    view->results_count++;
    return err;
}

/* Those about the bytes of the version. */
static enum tally_err gather_results(struct gather *gather)
{
    const struct decide_subject *subject = &gather->facts->facts.subject;
    uint32_t count = 0;
    enum tally_err err;

    if (event_subject_kind(gather->event->subject, NULL) != SUBJECT_VERSION ||
        !subject->registered)
        return TALLY_OK;
    err = results_count(&gather->lookup, &subject->manifest_root, &count, gather->diag);
    for (uint32_t i = 0; i < count && err == TALLY_OK; i++) {
        struct result result;
        bool retracted;

        err = results_get(&gather->lookup, &subject->manifest_root, i, &result, &retracted,
                          gather->diag);
        if (err == TALLY_OK) err = add_result(gather, &result, retracted);
    }
    return err;
}

static bool asks(const uint64_t events[2], uint32_t number)
{
    return (events[number / 64] >> (number % 64) & 1) != 0;
}

/* The types stand in both tables in the same order. */
static uint32_t number_of(enum event_type type)
{
    size_t count;
    const struct event_type_info *types = event_types(&count);

    return (uint32_t)(event_type_info(type) - types);
}

enum tally_err view_gather(struct ledger *ledger, const struct batch *batch,
                           const struct event *event, struct facts *facts,
                           const struct policy *policy, struct tally_diag *diag)
{
    struct facts_view *to = &facts->view;
    struct gather gather = {.lookup = ledger_lookup_of(ledger),
                            .ledger = ledger,
                            .event = event,
                            .policy = policy,
                            .facts = facts,
                            .to = to,
                            .diag = diag};
    enum tally_err err;

    to->view = (struct policy_view){.event = number_of(event->type),
                                    .subject = event->subject,
                                    .environment = "",
                                    .persons = to->persons,
                                    .approvals = to->approvals,
                                    .fields = to->fields,
                                    .results = to->results,
                                    .now_ms = ledger->applied.time_ms};
    err = gather_subject(&gather);
    if (err == TALLY_OK) err = gather_persons(&gather, batch);
    if (err == TALLY_OK && asks(ledger->policy.evidence, to->view.event))
        err = gather_results(&gather);
    if (err != TALLY_OK || event->bytes.size == 0 ||
        !asks(ledger->policy.fields, to->view.event))
        return err;
    return gather_fields(&gather);
}
