/* Any bytes as a receipt: what is accepted is a record of the ledger, with its own verdict, at
 * its own place. The ledger is made by hand, always the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/assert.h"
#include "event/proof_extra.h"
#include "support/ledger_fixture.h"
#include "support/paper_ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct paper paper;
static struct bytes trust;
static uint64_t denied_index;

static void make_ledger(void)
{
    const struct bytes allowed =
        fixture_event(&paper.fixture, &(struct fixture_spec){.type = EVENT_MODEL_CREATED,
                                                             .who = FIXTURE_AUTHOR});
    const struct bytes denied =
        fixture_event(&paper.fixture, &(struct fixture_spec){.type = EVENT_MODEL_CREATED,
                                                             .who = FIXTURE_APPROVER});

    (void)paper_events(&paper, FIXTURE_AUTHOR, &allowed, 1, true);
    denied_index = paper_events(&paper, FIXTURE_APPROVER, &denied, 1, false);
    (void)paper_boundary(&paper);
    trust = paper_trust(&paper, 1);
}

static void check_receipt(const struct tally_receipt *receipt, enum tally_verdict verdict)
{
    ASSERT(receipt->index < paper.count);
    ASSERT(receipt->verdict == verdict);
    ASSERT(bytes_equal(bytes_of(receipt->record, receipt->record_size),
                       paper.leaves[receipt->index].extra.record));
    if (receipt->index == denied_index) ASSERT(verdict == TALLY_VERDICT_DENIED);
    if (receipt->index == paper.count - 1) ASSERT(verdict == TALLY_VERDICT_NONE);
}

/* The extra data alone, without the checksums that keep changed bytes away from its parser. */
static void check_extra(struct bytes bytes)
{
    struct arena *arena = NULL;
    struct proof_extra extra;

    ASSERT(arena_open(0, &arena) == TALLY_OK);
    if (proof_extra_decode(bytes, arena, &extra, NULL) == TALLY_OK)
        ASSERT(bytes_equal(proof_extra_encode(&extra, arena), bytes));
    arena_close(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_receipt *receipt = NULL;
    enum tally_verdict verdict = TALLY_VERDICT_VOID;

    if (paper.count == 0) {
        paper_open(&paper, 3);
        make_ledger();
    }
    check_extra(bytes_of(data, size));
    const enum tally_err err = tally_receipt_verify(trust.data, trust.size, data, size, NULL,
                                                    &verdict, &receipt, NULL);
    if (err == TALLY_OK)
        check_receipt(receipt, verdict);
    else
        ASSERT(verdict == TALLY_VERDICT_NONE && receipt == NULL);
    tally_receipt_free(receipt);
    return 0;
}
