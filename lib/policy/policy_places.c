#include "policy/policy_places.h"

#include <string.h>

#include "base/assert.h"

enum { NOBODY = UINT8_MAX };

/* One search for a person who is free, breadth first over persons. A person that was reached
 * would take a place of clause via[p]; the place is empty when from[p] is NOBODY, else the one
 * that person from[p] then leaves. */
struct search {
    struct policy_places *places;
    uint64_t seen;
    uint64_t opened[POLICY_APPROVALS_MAX / 64]; /* clauses whose empty places were offered */
    uint16_t via[POLICY_PERSONS_MAX];
    uint8_t from[POLICY_PERSONS_MAX];
    uint8_t queue[POLICY_PERSONS_MAX];
    uint32_t head, tail;
};

static const uint64_t *groups_of(const struct policy_places *places,
                                 enum policy_distinct distinct)
{
    if (distinct == POLICY_DISTINCT_ORG_UNIT) return places->same_unit;
    return distinct == POLICY_DISTINCT_SITE ? places->same_site : NULL;
}

static uint32_t lowest(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits);
}

void policy_places_begin(struct policy_places *places, const struct policy_person *persons,
                         uint32_t count)
{
    ASSERT(count <= POLICY_PERSONS_MAX);
    places->persons = persons;
    places->persons_count = count;
    places->clauses_count = 0;
    memset(places->known, 0, sizeof places->known);
    for (uint32_t i = 0; i < POLICY_PERSONS_MAX; i++) places->holds[i] = POLICY_PLACES_FREE;
}

/* Find out who shares a unit or site with whom: only of those for whom it matters, because that
 * compares texts. */
static void know_groups(struct policy_places *places, const struct policy_places_clause *clause)
{
    uint64_t left = clause->eligible & ~places->known[clause->distinct];
    const bool by_unit = clause->distinct == POLICY_DISTINCT_ORG_UNIT;
    uint64_t *groups = by_unit ? places->same_unit : places->same_site;

    if (clause->distinct == POLICY_DISTINCT_PERSON) return;
    places->known[clause->distinct] |= left;
    for (; left != 0; left &= left - 1) {
        const uint32_t person = lowest(left);
        const char *own = by_unit ? places->persons[person].unit : places->persons[person].site;

        groups[person] = 0;
        for (uint32_t i = 0; i < places->persons_count; i++) {
            const char *other = by_unit ? places->persons[i].unit : places->persons[i].site;

            if (strcmp(own, other) == 0) groups[person] |= UINT64_C(1) << i;
        }
    }
}

static void reach(struct search *search, uint64_t persons, uint32_t via, uint32_t from)
{
    for (persons &= ~search->seen; persons != 0; persons &= persons - 1) {
        const uint32_t person = lowest(persons);

        search->seen |= UINT64_C(1) << person;
        search->via[person] = (uint16_t)via;
        search->from[person] = (uint8_t)from;
        search->queue[search->tail++] = (uint8_t)person;
    }
}

/* Offer a place of a clause, one that is empty or that `from` leaves, to whoever may have it
 * beside those who stay. */
static void open_clause(struct search *search, uint32_t number, uint32_t from)
{
    const struct policy_places *places = search->places;
    const struct policy_places_clause *clause = &places->clauses[number];
    const uint64_t *groups = groups_of(places, clause->distinct);
    uint64_t taken = 0;

    if ((search->opened[number / 64] >> (number % 64) & 1) != 0) return;
    search->opened[number / 64] |= UINT64_C(1) << (number % 64);
    for (uint32_t i = 0; i < POLICY_PERSONS_MAX; i++)
        if (places->holds[i] == number) taken |= groups == NULL ? UINT64_C(1) << i : groups[i];
    reach(search, clause->eligible & ~taken, number, from);
}

/* What a person who holds a place makes possible by leaving it. */
static void leave(struct search *search, uint32_t person)
{
    const struct policy_places *places = search->places;
    const uint32_t number = places->holds[person];
    const struct policy_places_clause *clause = &places->clauses[number];
    const uint64_t *groups = groups_of(places, clause->distinct);

    if (groups != NULL)
        reach(search, clause->eligible & groups[person] & ~(UINT64_C(1) << person), number,
              person);
    open_clause(search, number, person);
}

/* Everybody moves up by one, from the free person back to the empty place. */
static void move_up(struct search *search, uint32_t person)
{
    for (;;) {
        const uint32_t next = search->from[person];

        search->places->holds[person] = search->via[person];
        if (next == NOBODY) return;
        person = next;
    }
}

/* Fill one more place of clause `number`, if that is possible. */
static bool fill_one(struct policy_places *places, uint32_t number)
{
    struct search search = {.places = places};

    open_clause(&search, number, NOBODY);
    while (search.head < search.tail) {
        const uint32_t person = search.queue[search.head++];

        if (places->holds[person] == POLICY_PLACES_FREE) {
            move_up(&search, person);
            places->clauses[number].filled++;
            return true;
        }
        leave(&search, person);
    }
    return false;
}

uint32_t policy_places_add(struct policy_places *places,
                           const struct policy_places_clause *clause)
{
    const uint32_t number = places->clauses_count++;

    ASSERT(number < POLICY_APPROVALS_MAX);
    know_groups(places, clause);
    places->clauses[number] = *clause;
    places->clauses[number].filled = 0;
    places->clauses[number].short_of = false;
    while (places->clauses[number].filled < clause->count && fill_one(places, number)) continue;
    return places->clauses[number].filled;
}

uint32_t policy_places_short(struct policy_places *places)
{
    struct search search = {.places = places};
    uint32_t count = 0;

    for (uint32_t i = 0; i < places->clauses_count; i++)
        if (places->clauses[i].filled < places->clauses[i].count)
            open_clause(&search, i, NOBODY);
    while (search.head < search.tail) {
        const uint32_t person = search.queue[search.head++];

        /* A free person would fill a place: the flow would not be a maximum one. */
        ASSERT(places->holds[person] != POLICY_PLACES_FREE);
        leave(&search, person);
    }
    for (uint32_t i = 0; i < places->clauses_count; i++) {
        places->clauses[i].short_of = (search.opened[i / 64] >> (i % 64) & 1) != 0;
        count += places->clauses[i].short_of ? 1 : 0;
    }
    return count;
}

uint32_t policy_places_alone(const struct policy_places *places,
                             const struct policy_places_clause *clause)
{
    const uint64_t *groups = groups_of(places, clause->distinct);
    uint64_t left = clause->eligible;
    uint32_t count = 0;

    while (left != 0 && count < clause->count) {
        const uint32_t person = lowest(left);

        left &= groups == NULL ? left - 1 : ~groups[person];
        count++;
    }
    return count;
}
