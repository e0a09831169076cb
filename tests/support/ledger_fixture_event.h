/* ledger_fixture_event - the events of ledger_fixture.h, which includes this. */
#ifndef SUPPORT_LEDGER_FIXTURE_EVENT_H
#define SUPPORT_LEDGER_FIXTURE_EVENT_H

#include "support/ledger_fixture.h"

/* What an event shall be; zeroed fields take the value in brackets. Types that no field below
 * is about have the payload of their example. */
struct fixture_spec {
    enum event_type type;
    enum fixture_who who;                   /* actor, and signer unless `signers` is set */
    const char *subject;                    /* [one that fits the type] */
    const char *actor;                      /* [fixture_actor(who)] */
    const char *on_behalf_of;               /* [absent] */
    uint64_t id;                            /* [the next number]; the event id is made of it */
    const struct tally_hash *expected_head; /* [absent] */
    const struct event_signer *signers;     /* [who, with the meaning of the type] */
    uint32_t signers_count;
    const struct event_ref *refs; /* [none; but see base] */
    uint32_t refs_count;
    const struct tally_hash *manifest_root; /* [fixture_hash(1)] artifact, or what is judged */
    const struct tally_hash *base;          /* version.registered: adds the ref REL_BASE */
    const char *base_subject;               /* version.registered [base/b] */
    const char *run;                        /* version.registered [none] */
    const char *parent;                     /* what the payload names: site of an environment,
                                             * environment of an endpoint, model of a request,
                                             * recipient of an export ["" or the example's] */
    uint64_t to_size;                       /* audit.exported [1] */
    const uint8_t *public_key;              /* key.enrolled [the stranger's] */
    const struct tally_hash *key_id;        /* key.revoked [the stranger's] */
    bool compromised;                       /* key.revoked, with ... */
    uint64_t compromised_since;
    const char *role, *scope;              /* role.* ["author", ""] */
    uint64_t expires_ms;                   /* role.granted */
    const char *owner;                     /* model.created [fixture_actor(who)] */
    uint32_t kind;                         /* principal.registered [human] */
    const char *unit, *site, *responsible; /* principal.updated [none] */
    struct bytes policy;                   /* policy.published [the example's], with ... */
    uint64_t version, delay_ms;
    const struct tally_hash *previous;  /* ... [absent] */
    uint32_t tier;                      /* model.created [low] */
    bool failed;                        /* evaluation.recorded: it did not pass */
    uint32_t version_kind;              /* version.registered [adapter] */
    const struct member_change *change; /* ledger.member_changed [member 1 is removed] */
    const struct tally_hash *ledger_id; /* [the fixture's] */
    uint32_t padding; /* about so many bytes more, in texts of extra artifacts; <= 60,000 */
};

/* The encoded event. */
struct bytes fixture_event(struct fixture *fixture, const struct fixture_spec *spec);
/* Its hash. */
struct tally_hash fixture_event_hash(struct bytes event);

#endif
