/* Any bytes as a receipt, and as edits of a genuine one: what is accepted is a record of the
 * ledger, with its own verdict, at its own place. The ledger is made by hand, always the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/assert.h"
#include "event/proof_extra.h"
#include "merkle/merkle.h"
#include "support/ledger_fixture.h"
#include "support/paper_ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct paper paper;
static struct bytes trust;
static struct bytes receipts[PAPER_RECORDS_MAX];
static uint64_t denied_index;

enum { EDITS_SIZE = 64 };

static void make_ledger(void)
{
    paper_open(&paper, 3);
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
    for (uint64_t i = 0; i < paper.count; i++)
        receipts[i] = paper_receipt(&paper, i, PAPER_EVERYBODY);
}

/* A receipt in the corpus may be of an earlier form of the ledger, signed with the same keys:
 * its tree has another root. */
static void check_receipt(const struct tally_receipt *receipt, enum tally_verdict verdict)
{
    struct tally_hash leaves[PAPER_RECORDS_MAX], root;

    ASSERT(receipt->verdict == verdict);
    for (uint64_t i = 0; i < paper.count; i++) leaves[i] = paper.leaves[i].hash;
    merkle_root(leaves, paper.count, &root);
    if (memcmp(root.bytes, receipt->root, sizeof root.bytes) != 0) return;
    ASSERT(receipt->index < paper.count);
    ASSERT(bytes_equal(bytes_of(receipt->record, receipt->record_size),
                       paper.leaves[receipt->index].extra.record));
    if (receipt->index == denied_index) ASSERT(verdict == TALLY_VERDICT_DENIED);
    if (receipt->index == paper.count - 1) ASSERT(verdict == TALLY_VERDICT_NONE);
}

static void check_file(struct bytes file)
{
    struct tally_receipt *receipt = NULL;
    enum tally_verdict verdict = TALLY_VERDICT_VOID;
    const enum tally_err err = tally_receipt_verify(trust.data, trust.size, file.data,
                                                    file.size, NULL, &verdict, &receipt, NULL);

    if (err == TALLY_OK)
        check_receipt(receipt, verdict);
    else
        ASSERT(verdict == TALLY_VERDICT_NONE && receipt == NULL);
    tally_receipt_free(receipt);
}

/* The input as edits of a receipt: which one, then (u16 place, u8 difference) again and again.
 */
static void check_edited(const uint8_t *data, size_t size)
{
    const struct bytes genuine = receipts[size == 0 ? 0 : data[0] % paper.count];
    uint8_t *edited = malloc(genuine.size);

    ASSERT(edited != NULL);
    memcpy(edited, genuine.data, genuine.size);
    for (size_t at = 1; at + 3 <= size && at < EDITS_SIZE; at += 3)
        edited[((size_t)data[at] << 8 | data[at + 1]) % genuine.size] ^= data[at + 2];
    check_file(bytes_of(edited, genuine.size));
    free(edited);
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
    if (paper.count == 0) make_ledger();
    check_extra(bytes_of(data, size));
    check_file(bytes_of(data, size));
    check_edited(data, size);
    return 0;
}
