/* Goal: words and files that make no ledger are refused. Method: a good genesis with exactly
 * one thing changed in each row, in the words that it is made of, or in the file. */
#include <check.h>
#include <string.h>

#include "event/canon.h"
#include "event/genesis.h"
#include "ledger.pb-c.h"
#include "support/check_main.h"
#include "support/genesis_words.h"

/* ---- words that make no ledger ---- */

static void no_change(void)
{
}

static void bad_name(void)
{
    words.spec.name = "Paper";
}

static void no_time(void)
{
    words.spec.time_ms = 0;
}

static void no_roots(void)
{
    words.spec.root_keys_count = 0;
}

static void many_roots(void)
{
    words.spec.root_keys_count = LIMIT_GENESIS_SIGNERS + 1;
}

static void most_roots(void)
{
    words.spec.root_keys_count = LIMIT_GENESIS_SIGNERS;
}

static void a_root_twice(void)
{
    memcpy(words.root_keys[2], words.root_keys[0], SIGN_PUBLIC_BYTES);
}

static void no_threshold(void)
{
    words.spec.root_threshold = 0;
}

static void high_threshold(void)
{
    words.spec.root_threshold = WORDS_ROOTS + 1;
}

static void no_people(void)
{
    words.spec.principals_count = 0;
}

static void a_person_twice(void)
{
    words.principals[1].id = words.principals[0].id;
}

static void bad_person(void)
{
    words.principals[1].id = "b/o";
}

static void person_without_kind(void)
{
    words.principals[1].kind = 0;
}

static void shared_key(void)
{
    words.principals[1].public_keys = words.principals[0].public_keys;
}

static void a_role_twice(void)
{
    static const char *const twice[] = {"admin", "admin"};

    words.principals[0].roles = twice;
}

static void bad_role(void)
{
    static const char *const bad[] = {"admin", "Boss"};

    words.principals[0].roles = bad;
}

static void later_config(void)
{
    words.config.version = 2;
    words.config.has_previous = true;
    memset(words.config.previous_digest.bytes, 0x42, 32);
}

static void authorised_config(void)
{
    words.config.authorising_index = 1;
}

static void no_members(void)
{
    words.config.members_count = 0;
}

static const struct {
    const char *name;
    void (*change)(void);
    const char *word; /* in the message; NULL: accepted */
} rows[] = {
    {"good", no_change, NULL},
    {"16 root keys", most_roots, NULL},
    {"nobody yet", no_people, NULL},
    {"upper-case name", bad_name, "subject"},
    {"no time", no_time, ""},
    {"no root keys", no_roots, "root keys"},
    {"17 root keys", many_roots, "root keys"},
    {"a root key twice", a_root_twice, ""},
    {"threshold 0", no_threshold, "root_threshold"},
    {"threshold above the keys", high_threshold, "root_threshold"},
    {"a principal twice", a_person_twice, "principals"},
    {"principal of two segments", bad_person, "principals.id"},
    {"principal without kind", person_without_kind, "principals.kind"},
    {"two with one key", shared_key, "share a key"},
    {"a role twice", a_role_twice, "roles"},
    {"upper-case role", bad_role, "roles"},
    {"Config of version 2", later_config, "version 1"},
    {"Config by an event", authorised_config, "version 1"},
    {"Config without members", no_members, "members"},
};

START_TEST(one_word_changed)
{
    struct tally_diag diag = {{0}};
    struct bytes file = {0};
    enum tally_err err;

    rows[_i].change();
    err = genesis_new(&words.spec, words.arena, &file, &diag);
    if (rows[_i].word == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", rows[_i].name, diag.text);
        return;
    }
    ck_assert_msg(err == TALLY_E_INVALID || err == TALLY_E_MALFORMED, "%s: %s", rows[_i].name,
                  tally_err_text(err));
    ck_assert_msg(diag.text[0] != '\0' && strstr(diag.text, rows[_i].word) != NULL, "%s: %s",
                  rows[_i].name, diag.text);
    ck_assert_ptr_null(file.data);
}
END_TEST

/* ---- files that others made ---- */

static struct {
    Tally__GenesisFile *file;
    Tally__Event *event;
} other;

static uint8_t ones[64];

static void no_file_change(void)
{
}

static void file_time(void)
{
    other.file->time_ms++;
}

static void event_time(void)
{
    other.event->claimed_time_ms++;
}

static void with_ledger_id(void)
{
    other.event->ledger_id = canon_data(ones, 32);
}

static void with_actor(void)
{
    other.event->actor = (char *)"principal/ada";
}

static void for_somebody(void)
{
    other.event->on_behalf_of = (char *)"principal/ada";
}

static void other_subject(void)
{
    other.event->subject = (char *)"ledger/other";
}

static void one_signer_less(void)
{
    other.event->n_required_signers--;
}

static void stranger_required(void)
{
    other.event->required_signers[2]->key_id = canon_data(ones, 32);
}

static void as_approver(void)
{
    other.event->required_signers[0]->meaning = TALLY__MEANING__MEANING_APPROVE;
}

static void roots_unsorted(void)
{
    Tally__LedgerGenesis *genesis = other.event->ledger_genesis;
    const ProtobufCBinaryData first = genesis->root_keys[0];

    genesis->root_keys[0] = genesis->root_keys[1];
    genesis->root_keys[1] = first;
}

static void roles_unsorted(void)
{
    Tally__GenesisPrincipal *ada = other.event->ledger_genesis->principals[0];
    char *first = ada->roles[0];

    ada->roles[0] = ada->roles[1];
    ada->roles[1] = first;
}

static void later_feature_level(void)
{
    other.event->ledger_genesis->feature_level = 2;
}

static void no_payload(void)
{
    other.event->payload_case = TALLY__EVENT__PAYLOAD__NOT_SET;
}

static void signers_swapped(void)
{
    Tally__BatchSigner *first = other.file->signers[0];

    other.file->signers[0] = other.file->signers[1];
    other.file->signers[1] = first;
}

static void signer_twice(void)
{
    other.file->signers[1] = other.file->signers[0];
}

static void signer_as_approver(void)
{
    other.file->signers[0]->meaning = TALLY__MEANING__MEANING_APPROVE;
}

static void signature_of_another(void)
{
    other.file->signers[0]->signature = other.file->signers[1]->signature;
}

static void short_signature(void)
{
    other.file->signers[0]->signature.len = 63;
}

static void stranger_signed(void)
{
    other.file->n_signers = 1;
    other.file->signers[0]->public_key = canon_data(words.roots[WORDS_STRANGER].public_key, 32);
}

static const struct {
    const char *name;
    void (*change)(void);
    bool keep_signers;
    enum tally_err want;
} files[] = {
    {"good", no_file_change, true, TALLY_OK},
    {"good, unsigned", no_file_change, false, TALLY_OK},
    {"another time on the file", file_time, true, TALLY_E_MALFORMED},
    {"another time in the event", event_time, false, TALLY_E_MALFORMED},
    {"of another ledger", with_ledger_id, false, TALLY_E_MALFORMED},
    {"with an actor", with_actor, false, TALLY_E_MALFORMED},
    {"on behalf of somebody", for_somebody, false, TALLY_E_MALFORMED},
    {"subject of another name", other_subject, false, TALLY_E_MALFORMED},
    {"a root key need not sign", one_signer_less, false, TALLY_E_MALFORMED},
    {"a stranger must sign", stranger_required, false, TALLY_E_MALFORMED},
    {"a root key approves", as_approver, false, TALLY_E_MALFORMED},
    {"root keys unsorted", roots_unsorted, false, TALLY_E_MALFORMED},
    {"roles unsorted", roles_unsorted, false, TALLY_E_MALFORMED},
    {"feature level 2", later_feature_level, false, TALLY_E_MALFORMED},
    {"no payload", no_payload, false, TALLY_E_MALFORMED},
    {"signers swapped", signers_swapped, true, TALLY_E_MALFORMED},
    {"a signer twice", signer_twice, true, TALLY_E_MALFORMED},
    {"signed as approver", signer_as_approver, true, TALLY_E_MALFORMED},
    {"another one's signature", signature_of_another, true, TALLY_E_SIGNATURE},
    {"signature of 63 bytes", short_signature, true, TALLY_E_MALFORMED},
    {"signed by a stranger", stranger_signed, true, TALLY_E_SIGNERS},
};

START_TEST(one_thing_changed)
{
    struct tally_diag diag = {{0}};
    ProtobufCMessage *message = NULL;
    struct genesis genesis;

    memset(ones, 0x01, sizeof ones);
    ones[31] = 0xff; /* after every key id, and no placeholder */
    memset(ones, 0xff, 8);
    ck_assert_int_eq(canon_unpack(&tally__genesis_file__descriptor, words_complete(),
                                  words.arena, &message, &diag),
                     TALLY_OK);
    other.file = (Tally__GenesisFile *)message;
    ck_assert_int_eq(canon_unpack(&tally__event__descriptor, canon_bytes(other.file->event),
                                  words.arena, &message, &diag),
                     TALLY_OK);
    other.event = (Tally__Event *)message;
    if (!files[_i].keep_signers) other.file->n_signers = 0;
    files[_i].change();
    const struct bytes event = canon_pack(other.event, words.arena);
    other.file->event = canon_data(event.data, event.size);
    const enum tally_err err =
        genesis_decode(canon_pack(other.file, words.arena), words.arena, &genesis, &diag);

    ck_assert_msg(err == files[_i].want, "%s: %s: %s", files[_i].name, tally_err_text(err),
                  diag.text);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("genesis_check");
    TCase *cases = tcase_create("genesis_check");

    tcase_add_checked_fixture(cases, words_open, words_close);
    tcase_add_loop_test(cases, one_word_changed, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(cases, one_thing_changed, 0, sizeof files / sizeof files[0]);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
