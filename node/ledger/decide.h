/* decide - may this event be appended? The rules of the ledger, and the policy in force.
 *
 * What it is    decide() is one pure function from facts, event and time to a verdict. apply
 *               looks the facts up (apply_facts.c, apply_view.c). Without a policy in force a
 * table of roles says who may append what; with one, the policy says so instead, and the other
 * rules hold on: no policy can switch them off. Never does    no look-up, no allocation, no
 * clock: the same facts give the same verdict on every replica, today and in ten years.
 * Contract      The event passed batch_check and is authenticated: every signer's key is
 *               enrolled, and the actor signed with the meaning that the type requires.
 * Read first    lib/event/rules.h for what a denial can say, then decide(). Thread-safe. */
#ifndef LEDGER_DECIDE_H
#define LEDGER_DECIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/verify.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "event/event.h"
#include "event/rules.h"
#include "policy/policy_decide.h"

enum {
    DECIDE_ROLES_MAX = 64, /* roles of one principal */
    DECIDE_FAILED_MAX = RULES_MAX + POLICY_FAILED_MAX,
};
_Static_assert((int)RULES_OF_POLICY == (int)POLICY_RULE_NO_PERMIT, "ids of rules");

/* A role that a principal has. */
struct decide_role {
    enum role role;      /* ROLE_NONE: a name that means nothing at this feature level */
    struct bytes name;   /* as granted */
    struct bytes scope;  /* subject prefix in whole segments; empty: everything */
    uint64_t expires_ms; /* ledger time; 0: never */
};

/* What the ledger knows of a subject, as far as decisions go. */
struct decide_subject {
    bool has_head; /* an allowed event changed it */
    struct tally_hash head;
    bool registered;
    bool ended;                      /* archived, closed, completed or failed */
    bool failed;                     /* ended without a result */
    struct tally_hash registration;  /* event hash */
    struct tally_hash manifest_root; /* zeros when it has no bytes */
};

struct decide_key {
    bool enrolled, revoked;
    bool of_subject; /* its principal is the subject of the event */
    uint64_t enrolled_index;
};

/* A principal that the event speaks of. */
struct decide_principal {
    bool registered;
    const struct decide_role *roles;
    uint32_t roles_count;
};

/* ledger.member_changed: what the change would come to. */
struct decide_change {
    bool version_next; /* it is for the Config after the present one */
    bool pending;      /* another change waits to be carried out */
    bool valid;        /* the members that result are ones a ledger can have */
    bool policy_valid; /* and so is the publication policy for them */
};

/* policy.published: what the policy would come to. */
struct decide_publish {
    bool version_next;   /* it is the version after the newest one */
    bool previous_known; /* and names the newest one's digest, or none when there is none */
    bool valid;          /* it decodes */
    bool named;          /* as its subject */
    bool pending;        /* the newest one is not in force yet */
    bool late;           /* the delay is too long */
    bool first;          /* there is no policy yet, and ... */
    uint32_t admins;     /* ... so many persons signed it who are admins, ... */
    uint32_t admins_all; /* ... of so many */
    bool renewable;      /* under it those who sign it could publish a next one */
};

/* What a ledger with a policy asks of an event beside it. */
struct decide_governed {
    const struct policy *policy;    /* in force; NULL: none is, and roles alone decide */
    const struct policy_view *view; /* valid, unless there are too many */
    bool too_many;                  /* more persons than a view holds */
    bool machine_alone;             /* a service or robot acts, without a person's signature */
    bool quorum_missing; /* it adds to who can publish policies, and they did not sign */
    bool role_known;     /* role.granted: the policy names the role */
};

enum decide_ref_state { DECIDE_REF_ALLOWED, DECIDE_REF_DENIED, DECIDE_REF_UNKNOWN };

/* The event that a reference names. */
struct decide_ref {
    enum decide_ref_state state;
    bool same_subject; /* it is about the subject of the event that refers to it */
    bool retracted;    /* looked up for events that retract, only */
    enum event_type type;
};

/* Everything a decision looks at beside the event itself. What an event's type does not need
 * stays zero. */
struct decide_facts {
    uint64_t index;      /* that the event's record will have */
    uint64_t time_ms;    /* of that record */
    bool signer_revoked; /* the key of some signer is revoked */
    const struct decide_role *actor_roles;
    uint32_t actor_roles_count;
    const struct decide_ref *refs; /* event->refs_count of them */
    struct decide_subject subject; /* of the event's subject */
    struct decide_subject parent;  /* what decide_parent() names */
    struct decide_subject base;    /* version.registered: the base model */
    struct decide_subject run; /* version.registered: the run that made it, if it names one */
    struct decide_key key;     /* key.enrolled, key.revoked: the key it is about */
    struct decide_change change;
    struct decide_publish publish;
    struct decide_governed governed;
    bool results_full;                /* no result more about the subject's bytes can be kept */
    struct decide_subject unit, site; /* principal.updated: what it names */
    bool responsible_known; /* principal.updated: it names a registered person, or none */
    struct decide_principal
        principal; /* key.*, role.*: its subject; model.created, model.updated: the owner */
};

struct decide_verdict {
    bool allowed; /* no rule failed */
    uint16_t failed_count;
    uint16_t failed[DECIDE_FAILED_MAX]; /* rule ids, ascending */
};

/* Decide. Every rule that fails is reported, not only the first one. */
void decide(const struct decide_facts *facts, const struct event *event,
            struct decide_verdict *ret_verdict);

/* The subject that must be registered for this event beside its own: the model of a version or
 * run or request, the organisation of a unit, the environment of an endpoint, ... False when it
 * has none. */
bool decide_parent(const struct event *event, char ret_path[LIMIT_SUBJECT_SIZE + 1]);

/* Is it the role of this name with exactly this scope? */
bool decide_role_is(const struct decide_role *role, const char *name, const char *scope);
/* That role among `count` roles, or NULL. */
const struct decide_role *decide_role_held(const struct decide_role *roles, uint32_t count,
                                           const char *name, const char *scope);

/* Is `subject` the scope itself or below it? An empty scope covers everything. */
bool decide_in_scope(struct bytes scope, const char *subject);

#endif
