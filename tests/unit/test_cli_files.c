/* Goal: the commands that work on files do what scripts rely on, with the exit status of each
 * failure. Method: command lines in a folder of their own; receipts of a ledger made by hand.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <tally/manifest.h>
#include <unistd.h>

#include "crypto/keyfile.h"
#include "support/check_main.h"
#include "support/cli_run.h"
#include "support/ledger_fixture.h"
#include "support/paper_ledger.h"
#include "tally/cli.h"

static bool said(const char *text)
{
    return strstr(cli_run_err, text) != NULL;
}

static bool printed(const char *text)
{
    return strstr(cli_run_out, text) != NULL;
}

/* ---- keygen -------------------------------------------------------------------------- */

START_TEST(keys)
{
    struct stat info;

    ck_assert_int_eq(cli_run("keygen --name=alice --out=a"), 0);
    ck_assert_int_eq(stat("a", &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    ck_assert(cli_run_exists("a.pub"));
    ck_assert(printed("alice+"));
    ck_assert_int_eq(cli_run("keygen --name=alice --out=a"), TALLY_E_CONFLICT);
    ck_assert_int_eq(cli_run("keygen --name=Alice --out=b"), TALLY_E_INVALID);
    ck_assert(!cli_run_exists("b"));
    ck_assert_int_eq(cli_run("keygen --name=b --out=no/such/b"), TALLY_E_IO);
    ck_assert_int_eq(cli_run("keygen --name=b --out=b --json"), 0);
    ck_assert(printed("\"key_id\""));
}
END_TEST

/* ---- adapter root -------------------------------------------------------------------- */

START_TEST(adapter)
{
    ck_assert_int_eq(cli_run("adapter root nothing"), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(mkdir("d", 0755), 0);
    ck_assert_int_eq(cli_run("adapter root d"), TALLY_E_NOT_FOUND);
    cli_run_write_text("d/one", "1");
    cli_run_write_text("d/r.tlog-proof", "left out");
    ck_assert_int_eq(cli_run("adapter root --files d"), 0);
    ck_assert(printed("root") && printed(" 1 one\n") && printed("ignored    r.tlog-proof"));
    ck_assert_int_eq(cli_run("adapter root --json --files d"), 0);
    ck_assert(printed("\"file_count\": 1") && printed("\"manifest_root\""));
    ck_assert_int_eq(symlink("/dev/null", "d/link"), 0);
    ck_assert_int_eq(cli_run("adapter root d"), TALLY_E_INVALID);
    ck_assert(said("d/link"));
}
END_TEST

/* ---- genesis ------------------------------------------------------------------------- */

static const char genesis_yaml[] =
    "name: acme\n"
    "members:\n"
    "  - {name: n1, site: berlin, key: n1.pub}\n"
    "  - {name: n2, site: oslo, key: n2.pub}\n"
    "  - {name: n3, site: rome, key: n3.pub}\n"
    "root: {threshold: 1, keys: [r1.pub, r2.pub]}\n"
    "principals:\n"
    "  - {id: alice, kind: human, keys: [alice.pub], roles: [author, admin]}\n";

static void make_keys(void)
{
    ck_assert_int_eq(keyfile_node_create("n1", "n1", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_node_create("n2", "n2", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_node_create("n3", "n3", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_user_create("r1", "r1", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_user_create("r2", "r2", NULL), TALLY_OK);
    ck_assert_int_eq(keyfile_user_create("alice", "alice", NULL), TALLY_OK);
    cli_run_write_text("g.yaml", genesis_yaml);
}

START_TEST(genesis)
{
    make_keys();
    ck_assert_msg(cli_run("genesis new --config=g.yaml --stolen-keys=1 --out=g") == 0, "%s",
                  cli_run_err);
    ck_assert(printed("missing    root key with id"));
    ck_assert_int_eq(cli_run("genesis new --config=g.yaml --stolen-keys=1 --out=g"),
                     TALLY_E_CONFLICT);
    ck_assert_int_eq(cli_run("genesis seal --out=s --trust=t g"), TALLY_E_SIGNERS);
    ck_assert(said("2 of 2 root keys have not signed g"));
    ck_assert_int_eq(cli_run("genesis sign --key=alice g"), TALLY_E_SIGNERS);
    ck_assert_int_eq(cli_run("genesis sign --key=r1 g"), 0);
    ck_assert_int_eq(cli_run("genesis sign --key=r1 g"), TALLY_E_CONFLICT);
    ck_assert_int_eq(cli_run("genesis seal --out=s --trust=t g"), TALLY_E_SIGNERS);
    ck_assert(!cli_run_exists("s") && !cli_run_exists("t"));
    ck_assert_int_eq(cli_run("genesis sign --json --key=r2 g"), 0);
    ck_assert(printed("\"missing\": []"));
    ck_assert_int_eq(cli_run("genesis seal --out=s --trust=t g"), 0);
    ck_assert_msg(printed("tolerates 2 stolen node keys"), "%s", cli_run_out);
    ck_assert_int_eq(cli_run("genesis seal --out=s --trust=t2 g"), TALLY_E_CONFLICT);
    const char *trust = (const char *)cli_run_read("t").data;
    ck_assert_ptr_nonnull(strstr(trust, "group members 3 n1 n2 n3\nquorum members\n"));
    ck_assert_ptr_nonnull(strstr(trust, "# tally root 1 "));
}
END_TEST

/* A damaged signature, a file that is none. */
START_TEST(genesis_damaged)
{
    struct bytes file;
    uint8_t copy[4096];

    make_keys();
    ck_assert_int_eq(cli_run("genesis new --config=g.yaml --stolen-keys=0 --out=g"), 0);
    ck_assert_int_eq(cli_run("genesis sign --key=r1 g"), 0);
    file = cli_run_read("g");
    ck_assert_uint_le(file.size, sizeof copy);
    memcpy(copy, file.data, file.size);
    copy[file.size - 1] ^= 1;
    cli_run_write("g", bytes_of(copy, file.size), 0644);
    ck_assert_int_eq(cli_run("genesis sign --key=r2 g"), TALLY_E_SIGNATURE);
    ck_assert_int_eq(cli_run("genesis sign --key=r2 g.yaml"), TALLY_E_MALFORMED);
    ck_assert_int_eq(cli_run("genesis sign --key=r2 nothing"), TALLY_E_NOT_FOUND);
}
END_TEST

START_TEST(genesis_faults)
{
    make_keys();
    cli_run_write_text("f.yaml",
                       "name: Acme\n"
                       "members:\n"
                       "  - {name: n1, site: berlin, key: n2.pub}\n"
                       "  - {name: n2, site: ., key: alice.pub}\n"
                       "root: {threshold: 1, keys: [gone.pub]}\n"
                       "principals:\n"
                       "  - {id: alice, kind: human, keys: [alice.pub], roles: [king]}\n"
                       "  - {id: bob, kind: human, keys: [alice.pub], roles: []}\n"
                       "colour: red\n");
    ck_assert_int_eq(cli_run("genesis new --config=f.yaml --stolen-keys=0 --out=f"),
                     TALLY_E_MALFORMED);
    ck_assert(said("f.yaml:1:7: 'Acme': use"));
    ck_assert(said("f.yaml:3:35: the key is of the node 'n2', not of 'n1'"));
    ck_assert(said("f.yaml:4:22: '.': use"));
    ck_assert(said("f.yaml:4:30: no public key file of a node"));
    ck_assert(said("f.yaml:5:29: no public key file"));
    ck_assert(said("f.yaml:7:57: no role 'king'"));
    ck_assert(said("f.yaml:8:35: the key of another principal, 'alice'"));
    ck_assert(said("f.yaml:9:1: unknown key 'colour'"));
    ck_assert(!cli_run_exists("f"));
    ck_assert_int_eq(cli_run("genesis new --config=g.yaml --stolen-keys=3 --out=f"),
                     TALLY_E_INVALID);
    ck_assert(said("at most 2 can be tolerated"));
    ck_assert_int_eq(cli_run("genesis new --config=no.yaml --stolen-keys=0 --out=f"),
                     TALLY_E_NOT_FOUND);
}
END_TEST

/* ---- verify -------------------------------------------------------------------------- */

static struct paper paper;

/* Files: t (all three must cosign), allowed, denied, few, state; d: the adapter. */
static void make_receipts(void)
{
    struct tally_manifest manifest;
    const struct tally_hash base = fixture_hash(77);

    ck_assert_int_eq(mkdir("d", 0755), 0);
    cli_run_write_text("d/weights", "some bytes");
    ck_assert_int_eq(tally_manifest_read("d", NULL, NULL, &manifest, NULL), TALLY_OK);
    paper_open(&paper, 3);
    const struct bytes version =
        fixture_event(&paper.fixture, &(struct fixture_spec){.type = EVENT_VERSION_REGISTERED,
                                                             .who = FIXTURE_AUTHOR,
                                                             .base = &base,
                                                             .manifest_root = &manifest.root});
    const uint64_t allowed = paper_events(&paper, FIXTURE_AUTHOR, &version, 1, true);
    const uint64_t denied = paper_events(&paper, FIXTURE_AUTHOR, &version, 1, false);
    const uint64_t state = paper_boundary(&paper);

    cli_run_write("t", paper_trust(&paper, 1), 0644);
    cli_run_write("allowed", paper_receipt(&paper, allowed, PAPER_EVERYBODY), 0644);
    cli_run_write("denied", paper_receipt(&paper, denied, PAPER_EVERYBODY), 0644);
    cli_run_write("few", paper_receipt(&paper, allowed, 3), 0644);
    cli_run_write("state", paper_receipt(&paper, state, PAPER_EVERYBODY), 0644);
    tally_manifest_free(&manifest);
}

/* Write `to`: `from` with the character at `offset` behind `after` changed. */
static void damage(const char *from, const char *to, const char *after, size_t offset)
{
    char text[16 * 1024];
    const struct bytes file = cli_run_read(from);

    ck_assert_uint_lt(file.size, sizeof text);
    memcpy(text, file.data, file.size);
    text[file.size] = '\0';
    char *at = strstr(text, after);
    ck_assert_ptr_nonnull(at);
    at += strlen(after) + offset;
    *at = *at == 'B' ? 'C' : 'B';
    cli_run_write(to, bytes_of(text, file.size), 0644);
}

START_TEST(verify)
{
    make_receipts();
    ck_assert_msg(cli_run("verify --trust=t --proof=allowed --adapter=d") == 0, "%s",
                  cli_run_err);
    ck_assert(printed("version.registered") && printed("principal/author"));
    ck_assert(printed("decision   allowed") && printed("node-3 at 2023-11-14T22:13:22Z"));
    ck_assert(printed("proven and allowed, and these are the bytes"));
    ck_assert_int_eq(cli_run("verify --trust=t --proof=allowed --json"), 0);
    ck_assert(printed("\"verdict\": \"allow\"") && printed("\"tolerates\": 2"));
    ck_assert_int_eq(cli_run("verify --trust=t --proof=denied"), TALLY_E_DENIED);
    ck_assert(printed("decision   denied (role_missing: "));
    ck_assert_int_eq(cli_run("verify --trust=t --proof=denied --json"), TALLY_E_DENIED);
    ck_assert(printed("\"verdict\": \"deny\""));
    ck_assert_int_eq(cli_run("verify --trust=t --proof=state"), TALLY_E_INVALID);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=few"), TALLY_E_QUORUM);
    paper_close(&paper);
}
END_TEST

START_TEST(verify_damaged)
{
    make_receipts();
    damage("allowed", "hash", "index 1\n", 3);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=hash"), TALLY_E_PROOF);
    damage("allowed", "signature", "/node-2 ", 40);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=signature"), TALLY_E_SIGNATURE);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=t"), TALLY_E_MALFORMED);
    ck_assert_int_eq(cli_run("verify --trust=allowed --proof=allowed"), TALLY_E_MALFORMED);
    ck_assert_int_eq(cli_run("verify --trust=no --proof=allowed"), TALLY_E_NOT_FOUND);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=."), TALLY_E_IO);
    cli_run_write_text("d/weights", "some bytez");
    ck_assert_int_eq(cli_run("verify --trust=t --proof=allowed --adapter=d"), TALLY_E_MISMATCH);
    ck_assert_int_eq(cli_run("verify --trust=t --proof=allowed --adapter=no"),
                     TALLY_E_NOT_FOUND);
    paper_close(&paper);
}
END_TEST

START_TEST(verify_expired)
{
    char text[16 * 1024];

    make_receipts();
    (void)snprintf(text, sizeof text, "# tally expires 1600000000\n%s",
                   (const char *)cli_run_read("t").data);
    cli_run_write_text("old", text);
    ck_assert_int_eq(cli_run("verify --trust=old --proof=allowed"), TALLY_E_STALE);
    paper_close(&paper);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("cli files");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, cli_run_open, cli_run_close);
    tcase_add_test(all, keys);
    tcase_add_test(all, adapter);
    tcase_add_test(all, genesis);
    tcase_add_test(all, genesis_damaged);
    tcase_add_test(all, genesis_faults);
    tcase_add_test(all, verify);
    tcase_add_test(all, verify_damaged);
    tcase_add_test(all, verify_expired);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
