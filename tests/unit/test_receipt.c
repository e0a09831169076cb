/* Goal: a receipt is accepted exactly when everything in it fits, and each thing that does not
 * has its own error. Method: a ledger made by hand (support/paper_ledger.h), its receipts with
 * one thing changed each. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <tally/receipt.h>

#include "base/limits.h"
#include "crypto/hash.h"
#include "receipt/receipt.h"
#include "support/check_main.h"
#include "support/ledger_fixture.h"
#include "support/paper_ledger.h"

static struct paper paper;
static uint64_t model_index, version_index, denied_index, batch_index, boundary_index;

static struct bytes event_of(enum event_type type)
{
    const struct tally_hash base = fixture_hash(77);

    return fixture_event(
        &paper.fixture,
        &(struct fixture_spec){.type = type,
                               .who = FIXTURE_AUTHOR,
                               .base = type == EVENT_VERSION_REGISTERED ? &base : NULL});
}

static void setup(void)
{
    struct bytes events[5];

    paper_open(&paper, 3);
    events[0] = event_of(EVENT_MODEL_CREATED);
    model_index = paper_events(&paper, FIXTURE_AUTHOR, events, 1, true);
    events[0] = event_of(EVENT_VERSION_REGISTERED);
    version_index = paper_events(&paper, FIXTURE_AUTHOR, events, 1, true);
    events[0] = event_of(EVENT_MODEL_CREATED);
    denied_index = paper_events(&paper, FIXTURE_AUTHOR, events, 1, false);
    for (uint32_t i = 0; i < 5; i++) events[i] = event_of(EVENT_ANNOTATION_ADDED);
    batch_index = paper_events(&paper, FIXTURE_AUTHOR, events, 5, true);
    boundary_index = paper_boundary(&paper);
}

static void teardown(void)
{
    paper_close(&paper);
}

static struct tally_receipt *receipt;
static enum tally_verdict verdict;
static struct tally_diag diag;

static enum tally_err verify(struct bytes trust, struct bytes proof)
{
    receipt = NULL;
    verdict = TALLY_VERDICT_VOID;
    diag.text[0] = '\0';
    const enum tally_err err = tally_receipt_verify(
        trust.data, trust.size, proof.data, proof.size, NULL, &verdict, &receipt, &diag);
    if (err != TALLY_OK && err != TALLY_E_MISMATCH) {
        ck_assert_ptr_null(receipt);
        ck_assert_int_eq(verdict, TALLY_VERDICT_NONE);
        ck_assert_str_ne(diag.text, "");
    }
    return err;
}

static enum tally_err verify_index(uint64_t index)
{
    return verify(paper_trust(&paper, 1), paper_receipt(&paper, index, PAPER_EVERYBODY));
}

/* ---- good ones ----------------------------------------------------------------------- */

START_TEST(allowed)
{
    ck_assert_msg(verify_index(version_index) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(verdict, TALLY_VERDICT_ALLOWED);
    ck_assert_int_eq(receipt->verdict, TALLY_VERDICT_ALLOWED);
    ck_assert_str_eq(receipt->kind, "event");
    ck_assert_str_eq(receipt->type, "version.registered");
    ck_assert_str_eq(receipt->actor, "principal/author");
    ck_assert_str_eq(receipt->on_behalf_of, "");
    ck_assert_uint_eq(receipt->index, version_index);
    ck_assert_uint_eq(receipt->time_ms, FIXTURE_TIME_MS + 1000 * version_index);
    ck_assert_uint_eq(receipt->size, paper.count);
    ck_assert_uint_eq(receipt->cosigners_count, 3);
    ck_assert_str_eq(receipt->cosigners[1].name, "node-2");
    ck_assert_uint_eq(receipt->cosigners[1].time_s, FIXTURE_TIME_MS / 1000 + 1);
    ck_assert_uint_eq(receipt->tolerated, 2); /* three of three */
    ck_assert_uint_eq(receipt->signers_count, 1);
    ck_assert_str_eq(receipt->signers[0].meaning, "author");
    ck_assert_mem_eq(receipt->signers[0].public_key,
                     paper.fixture.people[FIXTURE_AUTHOR].public_key, 32);
    ck_assert(receipt->has_manifest_root);
    ck_assert_mem_eq(receipt->manifest_root, fixture_hash(1).bytes, 32);
    ck_assert_mem_eq(receipt->ledger_id, paper.fixture.ledger_id.bytes, 32);
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(denied_is_told)
{
    ck_assert_int_eq(verify_index(denied_index), TALLY_OK);
    ck_assert_int_eq(verdict, TALLY_VERDICT_DENIED);
    ck_assert_uint_eq(receipt->failed_rules_count, 1);
    ck_assert_uint_eq(receipt->failed_rules[0], 3);
    tally_receipt_free(receipt);
}
END_TEST

/* Without the details the verdict is still told. */
START_TEST(verdict_alone)
{
    const struct bytes trust = paper_trust(&paper, 1);
    const struct bytes proof = paper_receipt(&paper, model_index, PAPER_EVERYBODY);

    ck_assert_int_eq(tally_receipt_verify(trust.data, trust.size, proof.data, proof.size, NULL,
                                          &verdict, NULL, NULL),
                     TALLY_OK);
    ck_assert_int_eq(verdict, TALLY_VERDICT_ALLOWED);
}
END_TEST

START_TEST(each_of_a_batch)
{
    ck_assert_msg(verify_index(batch_index + (uint64_t)_i) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(verdict, TALLY_VERDICT_ALLOWED);
    ck_assert_str_eq(receipt->type, "annotation.added");
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(genesis)
{
    ck_assert_msg(verify_index(0) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(verdict, TALLY_VERDICT_ALLOWED);
    ck_assert_str_eq(receipt->type, "ledger.genesis");
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(record_of_the_ledger)
{
    ck_assert_int_eq(verify_index(boundary_index), TALLY_OK);
    ck_assert_int_eq(verdict, TALLY_VERDICT_NONE);
    ck_assert_str_eq(receipt->kind, "state");
    ck_assert_str_eq(receipt->actor, "");
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(void_record)
{
    const struct record record = {.kind = RECORD_VOID, .void_ = {.reason = 4, .leader = 1}};
    const uint64_t index = paper_record(&paper, &record);

    ck_assert_msg(verify_index(index) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(verdict, TALLY_VERDICT_VOID);
    tally_receipt_free(receipt);
}
END_TEST

/* A large denied event is cut; its signature is over the whole one, whose hash is kept. */
START_TEST(cut_event)
{
    const struct bytes event = fixture_event(
        &paper.fixture, &(struct fixture_spec){.type = EVENT_MODEL_CREATED,
                                               .who = FIXTURE_AUTHOR,
                                               .padding = 2 * LIMIT_DENIED_LEAF_SIZE});
    const uint64_t index = paper_events(&paper, FIXTURE_AUTHOR, &event, 1, false);
    struct tally_hash hash;

    ck_assert_uint_le(paper.leaves[index].extra.record.size, LIMIT_DENIED_LEAF_SIZE);
    ck_assert_msg(verify_index(index) == TALLY_OK, "%s", diag.text);
    ck_assert_int_eq(verdict, TALLY_VERDICT_DENIED);
    event_hash(event, &hash);
    ck_assert_mem_eq(receipt->event_hash, hash.bytes, 32);
    ck_assert_str_eq(receipt->type, "");
    tally_receipt_free(receipt);
}
END_TEST

/* ---- bytes --------------------------------------------------------------------------- */

START_TEST(other_bytes)
{
    const struct bytes trust = paper_trust(&paper, 1);
    const struct bytes proof = paper_receipt(&paper, version_index, PAPER_EVERYBODY);
    const struct tally_hash right = fixture_hash(1), wrong = fixture_hash(2);

    ck_assert_int_eq(tally_receipt_verify(trust.data, trust.size, proof.data, proof.size,
                                          right.bytes, &verdict, NULL, &diag),
                     TALLY_OK);
    ck_assert_int_eq(tally_receipt_verify(trust.data, trust.size, proof.data, proof.size,
                                          wrong.bytes, &verdict, &receipt, &diag),
                     TALLY_E_MISMATCH);
    ck_assert_int_eq(verdict, TALLY_VERDICT_ALLOWED); /* the record itself is proven */
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(no_adapter_in_the_record)
{
    const struct bytes trust = paper_trust(&paper, 1);
    const struct bytes proof = paper_receipt(&paper, model_index, PAPER_EVERYBODY);
    const struct tally_hash root = fixture_hash(1);

    ck_assert_int_eq(tally_receipt_verify(trust.data, trust.size, proof.data, proof.size,
                                          root.bytes, &verdict, NULL, &diag),
                     TALLY_E_MISMATCH);
}
END_TEST

/* ---- one thing changed --------------------------------------------------------------- */

static struct paper_leaf *version_leaf(void)
{
    return &paper.leaves[version_index];
}

static void *copy(const void *data, size_t size)
{
    return (void *)arena_copy(paper.fixture.arena, bytes_of(data, size)).data;
}

/* Change the record and put the changed one into the tree: only its content is wrong then. */
static void replace_record(void (*change)(struct record *record))
{
    struct record *record = copy(&(struct record){0}, sizeof *record);

    ck_assert_int_eq(
        record_decode(version_leaf()->extra.record, paper.fixture.arena, record, &diag),
        TALLY_OK);
    change(record);
    version_leaf()->extra.record = record_encode(record, paper.fixture.arena);
    hash_leaf(version_leaf()->extra.record.data, version_leaf()->extra.record.size,
              &version_leaf()->hash);
}

static void wrong_index(struct record *record)
{
    record->index++;
}
static void wrong_signature(struct record *record)
{
    record->event.signers[0].signature[5] ^= 1;
}
static void wrong_meaning(struct record *record)
{
    record->event.signers[0].meaning = MEANING_REVIEW;
}
static void wrong_batch_size(struct record *record)
{
    record->event.signers[0].batch_size = 2;
}
static void no_signer(struct record *record)
{
    record->event.signers_count = 0;
}
static void other_ledger(struct record *record)
{
    const struct tally_hash ledger_id = fixture_hash(5), base = fixture_hash(77);

    record->event.event =
        fixture_event(&paper.fixture, &(struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                                             .who = FIXTURE_AUTHOR,
                                                             .base = &base,
                                                             .ledger_id = &ledger_id});
}

START_TEST(changed_record)
{
    static const struct {
        void (*change)(struct record *record);
        enum tally_err want;
    } rows[] = {
        {wrong_index, TALLY_E_PROOF},       {wrong_signature, TALLY_E_SIGNATURE},
        {wrong_meaning, TALLY_E_SIGNATURE}, {wrong_batch_size, TALLY_E_SIGNATURE},
        {no_signer, TALLY_E_MALFORMED},     {other_ledger, TALLY_E_WRONG_LEDGER},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct paper_leaf before = *version_leaf();

        replace_record(rows[i].change);
        const enum tally_err err = verify_index(version_index);
        /* A record that nobody would write may also fail to decode. */
        ck_assert_msg(err == rows[i].want, "row %zu: %s %s", i, tally_err_name(err), diag.text);
        *version_leaf() = before;
    }
}
END_TEST

/* What is beside the record in the extra data. */
START_TEST(changed_extra)
{
    struct proof_extra *extra = &version_leaf()->extra;
    const struct proof_extra before = *extra;
    const struct tally_hash hash = fixture_hash(3);

    extra->public_keys =
        (const uint8_t(*)[32]) & paper.fixture.people[FIXTURE_APPROVER].public_key;
    ck_assert_int_eq(verify_index(version_index), TALLY_E_SIGNATURE);
    extra->public_keys_count = 0;
    ck_assert_int_eq(verify_index(version_index), TALLY_E_SIGNATURE);
    *extra = before;
    extra->batch_path_count = 1;
    extra->batch_path = &hash;
    ck_assert_int_eq(verify_index(version_index), TALLY_E_SIGNATURE);
    *extra = before;
    extra->record = paper.leaves[model_index].extra.record;
    ck_assert_int_eq(verify_index(version_index), TALLY_E_PROOF);
    *extra = before;
    extra->record = bytes_of("nothing", 7);
    hash_leaf("nothing", 7, &version_leaf()->hash);
    ck_assert_int_eq(verify_index(version_index), TALLY_E_MALFORMED);
}
END_TEST

START_TEST(missing_extra)
{
    const struct bytes proof = paper_receipt(&paper, version_index, PAPER_EVERYBODY);
    char *text = copy(proof.data, proof.size);
    char *line = strstr(text, "extra ");
    char *end = strchr(line, '\n') + 1;

    memmove(line, end, proof.size - (size_t)(end - text) + 1);
    ck_assert_int_eq(verify(paper_trust(&paper, 1), bytes_of(text, strlen(text))),
                     TALLY_E_MALFORMED);
}
END_TEST

START_TEST(quorum)
{
    /* f = 0: a majority; f = 1: all three. */
    ck_assert_int_eq(verify(paper_trust(&paper, 0), paper_receipt(&paper, version_index, 3)),
                     TALLY_OK);
    tally_receipt_free(receipt);
    ck_assert_int_eq(verify(paper_trust(&paper, 0), paper_receipt(&paper, version_index, 2)),
                     TALLY_E_QUORUM);
    ck_assert_int_eq(verify(paper_trust(&paper, 1), paper_receipt(&paper, version_index, 3)),
                     TALLY_E_QUORUM);
    ck_assert_int_eq(verify(paper_trust(&paper, 0), paper_receipt(&paper, version_index, 0)),
                     TALLY_E_QUORUM);
}
END_TEST

/* The byte `at` characters behind `after` becomes another one of its kind. */
static struct bytes flipped(struct bytes file, const char *after, size_t at)
{
    char *text = copy(file.data, file.size);
    char *place = strstr(text, after);

    ck_assert_ptr_nonnull(place);
    place += strlen(after) + at;
    *place = *place == 'B' ? 'C' : 'B';
    return bytes_of(text, file.size);
}

START_TEST(changed_files)
{
    const struct bytes trust = paper_trust(&paper, 1);
    const struct bytes proof = paper_receipt(&paper, version_index, PAPER_EVERYBODY);
    char index[32];

    (void)snprintf(index, sizeof index, "index %u\n", (unsigned)version_index);
    /* A hash of the path. */
    ck_assert_int_eq(verify(trust, flipped(proof, index, 3)), TALLY_E_PROOF);
    /* A cosignature: of a known key, so the whole note is refused. */
    ck_assert_int_eq(verify(trust, flipped(proof, "/node-2 ", 40)), TALLY_E_SIGNATURE);
    /* The record, inside the extra data. */
    ck_assert_int_ne(verify(trust, flipped(proof, "extra ", 60)), TALLY_OK);
    /* The head line, the trust file's head line. */
    ck_assert_int_eq(verify(trust, flipped(proof, "c2sp.org/", 1)), TALLY_E_MALFORMED);
    ck_assert_int_eq(verify(flipped(trust, "quorum ", 0), proof), TALLY_E_MALFORMED);
    ck_assert_int_eq(verify(trust, bytes_of(proof.data, proof.size / 2)), TALLY_E_MALFORMED);
    ck_assert_int_eq(verify(bytes_of("", 0), proof), TALLY_E_MALFORMED);
    ck_assert_int_eq(verify(trust, bytes_of("", 0)), TALLY_E_MALFORMED);
}
END_TEST

/* Whatever single byte is changed: never proven, unless it is in what nobody signs. */
START_TEST(any_byte)
{
    const struct bytes trust = paper_trust(&paper, 1);
    const struct bytes proof = paper_receipt(&paper, version_index, PAPER_EVERYBODY);
    uint8_t *text = copy(proof.data, proof.size);

    for (size_t i = 0; i < proof.size; i++) {
        text[i] ^= 1;
        ck_assert_msg(verify(trust, bytes_of(text, proof.size)) != TALLY_OK, "byte %zu", i);
        text[i] ^= 1;
    }
    ck_assert_int_eq(verify(trust, bytes_of(text, proof.size)), TALLY_OK);
    tally_receipt_free(receipt);
}
END_TEST

START_TEST(trust_of_no_ledger)
{
    const struct bytes trust = paper_trust(&paper, 1);
    char *text = copy(trust.data, trust.size);

    ck_assert_int_eq(verify(flipped(trust, "# tally ledger ", 0),
                            paper_receipt(&paper, version_index, PAPER_EVERYBODY)),
                     TALLY_E_MALFORMED); /* 'B' is no lower-case digit */
    char *line = strstr(text, "# tally ledger ");
    line[strlen("# tally ledger ")] = line[strlen("# tally ledger ")] == '1' ? '2' : '1';
    ck_assert_int_eq(verify(bytes_of(text, trust.size),
                            paper_receipt(&paper, version_index, PAPER_EVERYBODY)),
                     TALLY_E_WRONG_LEDGER);
    memcpy(line, "# other", 7);
    ck_assert_int_eq(verify(bytes_of(text, trust.size),
                            paper_receipt(&paper, version_index, PAPER_EVERYBODY)),
                     TALLY_E_MALFORMED);
}
END_TEST

/* The trust file remembers a tree of this size with another root. */
START_TEST(split_view)
{
    static const char line[] = "# tally checkpoint ";
    const struct bytes trust = paper_trust(&paper, 1);
    char text[16 * 1024];

    (void)snprintf(text, sizeof text,
                   "%s%llu AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n%.*s", line,
                   (unsigned long long)paper.count, (int)trust.size, (const char *)trust.data);
    ck_assert_int_eq(verify(bytes_of(text, strlen(text)),
                            paper_receipt(&paper, version_index, PAPER_EVERYBODY)),
                     TALLY_E_SPLIT_VIEW);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("receipt");
    TCase *good = tcase_create("good");
    TCase *changed = tcase_create("changed");

    tcase_add_checked_fixture(good, setup, teardown);
    tcase_add_test(good, allowed);
    tcase_add_test(good, denied_is_told);
    tcase_add_test(good, verdict_alone);
    tcase_add_loop_test(good, each_of_a_batch, 0, 5);
    tcase_add_test(good, genesis);
    tcase_add_test(good, record_of_the_ledger);
    tcase_add_test(good, void_record);
    tcase_add_test(good, cut_event);
    tcase_add_test(good, other_bytes);
    tcase_add_test(good, no_adapter_in_the_record);
    suite_add_tcase(suite, good);

    tcase_add_checked_fixture(changed, setup, teardown);
    tcase_add_test(changed, changed_record);
    tcase_add_test(changed, changed_extra);
    tcase_add_test(changed, missing_extra);
    tcase_add_test(changed, quorum);
    tcase_add_test(changed, changed_files);
    tcase_add_test(changed, any_byte);
    tcase_add_test(changed, trust_of_no_ledger);
    tcase_add_test(changed, split_view);
    suite_add_tcase(suite, changed);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
