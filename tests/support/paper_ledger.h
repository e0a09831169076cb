/* paper_ledger - a ledger without nodes, for tests of receipts and of those who read them.
 *
 * On top of ledger_fixture: records are put into a tree by hand, members cosign it, receipts
 * and a trust file come out. Nothing is random. A failure inside is a wrong test: ASSERT. What
 * is returned lives until paper_close. One thread at a time. */
#ifndef SUPPORT_PAPER_LEDGER_H
#define SUPPORT_PAPER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "event/proof_extra.h"
#include "event/record.h"
#include "support/ledger_fixture.h"

enum { PAPER_RECORDS_MAX = 32, PAPER_EVERYBODY = (1 << LIMIT_VOTERS) - 1 };

/* One leaf and what its receipt carries beside it; tests may change any of it. */
struct paper_leaf {
    struct proof_extra extra;
    struct tally_hash hash;
};

struct paper {
    struct fixture fixture;
    uint64_t count;
    struct paper_leaf leaves[PAPER_RECORDS_MAX];
};

/* A ledger that holds its genesis, record 0. */
void paper_open(struct paper *ret_paper, uint32_t members_count);
void paper_close(struct paper *paper);

/* Add any record; its index is set. Returns the index. */
uint64_t paper_record(struct paper *paper, const struct record *record);
/* Add events that `who` signed together, decided alike. Returns the index of the first one. */
uint64_t paper_events(struct paper *paper, enum fixture_who who, const struct bytes *events,
                      uint32_t count, bool allowed);
/* Add the StateRoot record that ends a checkpoint. Returns its index. */
uint64_t paper_boundary(struct paper *paper);

/* The checkpoint over all records, cosigned by the members in the set (bit i: member id i + 1)
 * at FIXTURE_TIME_MS, log-signed by member 1. */
struct bytes paper_checkpoint(struct paper *paper, uint32_t cosigners);
/* The proof file of a record under that checkpoint. */
struct bytes paper_receipt(struct paper *paper, uint64_t index, uint32_t cosigners);
/* A trust file that tolerates so many stolen keys. */
struct bytes paper_trust(struct paper *paper, uint32_t stolen_keys);
/* The same of a fixture's members, for any tree and without a paper ledger. */
struct bytes paper_note(struct fixture *fixture, uint64_t size, const struct tally_hash *root,
                        uint32_t cosigners);
struct bytes paper_trust_of(struct fixture *fixture, uint32_t stolen_keys);

#endif
