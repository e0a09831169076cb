#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "commands.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "crypto/keyfile.h"
#include "disk.h"
#include "event/genesis.h"
#include "genesis_build.h"
#include "note/trust.h"
#include "out.h"
#include "receipt/trust_file.h"

enum { ARENA_SIZE_MAX = 16 * 1024 * 1024 };

/* ---- what all three print ------------------------------------------------------------ */

/* Key ids of the root keys that have not signed. */
static json_t *json_missing(const struct genesis *genesis)
{
    uint32_t missing[LIMIT_GENESIS_SIGNERS];
    const uint32_t count = genesis_missing(genesis, missing);
    json_t *list = json_array();

    for (uint32_t i = 0; i < count; i++) {
        struct tally_hash key_id;

        sign_key_id(genesis->event.genesis.root_keys[missing[i]], &key_id);
        (void)json_array_append_new(list, out_json_hex(key_id.bytes, TALLY_HASH_BYTES));
    }
    return list;
}

static void print_missing(struct cli *cli, const struct genesis *genesis)
{
    uint32_t missing[LIMIT_GENESIS_SIGNERS];
    const uint32_t count = genesis_missing(genesis, missing);

    if (count == 0) out_line(cli, "missing", "nobody: seal it with 'tally genesis seal'");
    for (uint32_t i = 0; i < count; i++) {
        struct tally_hash key_id;
        char hex[OUT_HEX_SIZE];

        sign_key_id(genesis->event.genesis.root_keys[missing[i]], &key_id);
        out_line(cli, "missing", "root key with id %s", out_hex(key_id.bytes, hex));
    }
}

static void print_genesis(struct cli *cli, const struct genesis *genesis)
{
    const struct event_genesis *facts = &genesis->event.genesis;
    char time[OUT_TIME_SIZE];

    out_line(cli, "ledger", "%s, %s", facts->name, out_time_ms(genesis->time_ms, time));
    for (uint32_t i = 0; i < genesis->config.members_count; i++)
        out_line(cli, "member", "%u %s at %s", genesis->config.members[i].id,
                 genesis->config.members[i].name, genesis->config.members[i].site);
    for (uint32_t i = 0; i < facts->principals_count; i++)
        out_line(cli, "principal", "%s, %u keys, %u roles", facts->principals[i].id,
                 facts->principals[i].keys_count, facts->principals[i].roles_count);
    out_line(cli, "roots", "%u keys, %u of them decide; %u stolen node keys tolerated",
             facts->root_keys_count, facts->root_threshold, facts->stolen_keys);
}

static enum tally_err print_unsealed(struct cli *cli, const struct genesis *genesis,
                                     const char *path)
{
    if (cli_flag(cli, "json"))
        return out_json(cli,
                        json_pack("{s:s, s:s, s:o, s:o}", "file", path, "name",
                                  genesis->event.genesis.name, "event_hash",
                                  out_json_hex(genesis->event.hash.bytes, TALLY_HASH_BYTES),
                                  "missing", json_missing(genesis)));
    print_genesis(cli, genesis);
    print_missing(cli, genesis);
    return TALLY_OK;
}

/* Read and check the file of the argument; said through cli_fail. */
static enum tally_err load_genesis(struct cli *cli, struct arena *arena, struct bytes *ret_file,
                                   struct genesis *ret_genesis)
{
    struct tally_diag diag = {""};
    enum tally_err err =
        disk_read(cli->arguments[0], LIMIT_GENESIS_SIZE, arena, ret_file, &diag);

    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = genesis_decode(*ret_file, arena, ret_genesis, &diag);
    return err == TALLY_OK ? TALLY_OK
                           : cli_failf(cli, err, "%s: %s", cli->arguments[0], diag.text);
}

/* Run a command's work with an arena. */
static enum tally_err with_arena(struct cli *cli,
                                 enum tally_err (*work)(struct cli *cli, struct arena *arena))
{
    struct arena *arena = NULL;
    enum tally_err err = arena_open(ARENA_SIZE_MAX, &arena);

    if (err == TALLY_OK) err = sign_init();
    if (err != TALLY_OK)
        (void)cli_fail(cli, err, NULL);
    else
        err = work(cli, arena);
    arena_close(arena);
    return err;
}

/* ---- genesis new --------------------------------------------------------------------- */

static enum tally_err work_new(struct cli *cli, struct arena *arena)
{
    const char *path = cli_text(cli, "config");
    struct timespec now = {0};
    struct tally_diag diag = {""};
    struct config *config = NULL;
    struct genesis genesis = {0};
    struct bytes file = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    enum tally_err err = config_open(path, &config, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = genesis_build(config, (uint32_t)cli_number(cli, "stolen-keys", 0),
                        (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, arena,
                        &file, &diag);
    if (err == TALLY_E_MALFORMED) (void)fputs(config_faults(config), cli->err);
    config_close(config);
    if (err == TALLY_E_MALFORMED) return err;
    if (err == TALLY_OK) err = genesis_decode(file, arena, &genesis, &diag);
    if (err == TALLY_OK) err = file_create(cli_text(cli, "out"), file, 0644, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return print_unsealed(cli, &genesis, cli_text(cli, "out"));
}

static enum tally_err run_new(struct cli *cli)
{
    return with_arena(cli, work_new);
}

static const struct cli_option new_options[] = {
    {.name = "config",
     .type = CLI_TEXT,
     .required = true,
     .argument = "YAML",
     .text = "name, members, root keys, first principals"},
    {.name = "stolen-keys",
     .type = CLI_NUMBER,
     .required = true,
     .min = 0,
     .max = LIMIT_VOTERS - 1,
     .argument = "F",
     .text = "so many stolen node keys must not be able to fool a verifier"},
    {.name = "out",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the unsigned genesis"},
    CLI_JSON,
};
static const struct cli_exit new_exits[] = {
    {TALLY_E_INVALID, "more stolen keys than the members can tolerate"},
    {TALLY_E_MALFORMED, "the YAML; all its faults are listed as file:line:column"},
    {TALLY_E_NOT_FOUND, "no such YAML file"},
    {TALLY_E_CONFLICT, "FILE exists"},
};
const struct cli_command command_genesis_new = {
    .name = "genesis new",
    .arguments = "",
    .options = new_options,
    .options_count = CLI_COUNT(new_options),
    .summary = "begin a ledger: who its members, root keys and first principals are",
    .description =
        "The YAML file:\n\n"
        "  name: acme\n"
        "  members:\n"
        "    - {name: n1, site: berlin, key: n1.key.pub}\n"
        "  root: {threshold: 1, keys: [root.pub]}\n"
        "  principals:\n"
        "    - {id: alice, kind: human, keys: [alice.pub], roles: [author]}\n\n"
        "Member keys are made by 'tallyd keygen', the others by 'tally keygen'; paths are "
        "relative to the YAML file. Kinds are human, service, robot; roles are admin, author, "
        "evaluator, approver, deployer, auditor; 'tally events' says who may append what.\n\n"
        "With --stolen-keys=0 a verifier asks for a majority of the members; each stolen key "
        "more takes more cosignatures (of 3 members with F=1: all three). A node that is down "
        "then delays receipts, never records.",
    .examples = "tally genesis new --config=genesis.yaml --stolen-keys=1 --out=genesis",
    .exits = new_exits,
    .exits_count = CLI_COUNT(new_exits),
    .run = run_new,
};

/* ---- genesis sign -------------------------------------------------------------------- */

static enum tally_err work_sign(struct cli *cli, struct arena *arena)
{
    struct tally_diag diag = {""};
    struct genesis genesis = {0};
    struct bytes file = {0};
    struct user_key key;

    enum tally_err err = load_genesis(cli, arena, &file, &genesis);
    if (err != TALLY_OK) return err;
    err = keyfile_user_load(cli_text(cli, "key"), &key, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    err = genesis_sign(&genesis, &key.key, arena, &file, &diag);
    keyfile_user_wipe(&key);
    if (err == TALLY_OK) err = genesis_decode(file, arena, &genesis, &diag);
    if (err == TALLY_OK) err = file_write(cli->arguments[0], file, 0644, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return print_unsealed(cli, &genesis, cli->arguments[0]);
}

static enum tally_err run_sign(struct cli *cli)
{
    return with_arena(cli, work_sign);
}

static const struct cli_option sign_options[] = {
    {.name = "key",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "secret key of one root key"},
    CLI_JSON,
};
static const struct cli_exit sign_exits[] = {
    {TALLY_E_MALFORMED, "not a genesis file"},
    {TALLY_E_SIGNATURE, "a signature that is in it does not verify"},
    {TALLY_E_NOT_FOUND, "no such file"},
    {TALLY_E_CONFLICT, "this key has signed"},
    {TALLY_E_SIGNERS, "not one of the root keys"},
};
const struct cli_command command_genesis_sign = {
    .name = "genesis sign",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = sign_options,
    .options_count = CLI_COUNT(sign_options),
    .summary = "sign a genesis with one root key, on its owner's machine",
    .description =
        "Prints what is signed, adds the signature to FILE, and says which root keys "
        "are missing. Every root key must sign.",
    .examples = "tally genesis sign --key=root genesis",
    .exits = sign_exits,
    .exits_count = CLI_COUNT(sign_exits),
    .run = run_sign,
};

/* ---- genesis seal -------------------------------------------------------------------- */

static enum tally_err make_trust(const struct genesis *genesis,
                                 const struct tally_hash *ledger_id, struct trust *ret_trust,
                                 struct tally_diag *diag)
{
    const struct event_genesis *facts = &genesis->event.genesis;
    char policy[LEDGER_POLICY_SIZE];

    enum tally_err err = trust_file_policy(&genesis->config, facts->stolen_keys, policy, diag);
    if (err == TALLY_OK)
        err =
            trust_file_make(facts->name, ledger_id, &genesis->config, policy, ret_trust, diag);
    if (err != TALLY_OK) return err;
    ret_trust->roots_threshold = facts->root_threshold;
    ret_trust->roots_count = facts->root_keys_count;
    for (uint32_t i = 0; i < facts->root_keys_count; i++)
        sign_key_id(facts->root_keys[i], &ret_trust->roots[i]);
    return TALLY_OK;
}

static enum tally_err print_sealed(struct cli *cli, const struct genesis *genesis,
                                   const struct tally_hash *ledger_id,
                                   const struct trust *trust)
{
    const char *out = cli_text(cli, "out");
    const char *trust_path = cli_text(cli, "trust");
    char hex[OUT_HEX_SIZE];

    if (cli_flag(cli, "json"))
        return out_json(cli, json_pack("{s:s, s:o, s:s, s:s, s:s, s:i}", "name",
                                       genesis->event.genesis.name, "ledger_id",
                                       out_json_hex(ledger_id->bytes, TALLY_HASH_BYTES),
                                       "origin", trust_origin(trust), "genesis", out, "trust",
                                       trust_path, "tolerates", (int)trust_tolerates(trust)));
    print_genesis(cli, genesis);
    out_line(cli, "ledger id", "%s", out_hex(ledger_id->bytes, hex));
    out_line(cli, "genesis", "%s: for 'tallyd init' on every node", out);
    out_line(cli, "trust", "%s: for everyone who verifies; tolerates %u stolen node keys",
             trust_path, trust_tolerates(trust));
    return TALLY_OK;
}

static enum tally_err work_seal(struct cli *cli, struct arena *arena)
{
    struct trust *trust = arena_zalloc(arena, 1, sizeof *trust);
    char *text = arena_alloc(arena, TRUST_TEXT_MAX);
    struct bytes_writer writer = bytes_writer(text, TRUST_TEXT_MAX);
    struct bytes file = {0}, record = {0}, block = {0};
    struct tally_diag diag = {""};
    struct tally_hash ledger_id;
    struct genesis genesis = {0};
    uint32_t missing[LIMIT_GENESIS_SIGNERS];

    if (trust == NULL || text == NULL) return cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
    enum tally_err err = load_genesis(cli, arena, &file, &genesis);
    if (err != TALLY_OK) return err;
    if (genesis_missing(&genesis, missing) > 0) {
        if (!cli_flag(cli, "json")) print_missing(cli, &genesis);
        return cli_failf(cli, TALLY_E_SIGNERS, "%u of %u root keys have not signed %s",
                         genesis_missing(&genesis, missing),
                         genesis.event.genesis.root_keys_count, cli->arguments[0]);
    }
    err = genesis_seal(&genesis, arena, &record, &ledger_id, &block, &diag);
    if (err == TALLY_OK) err = make_trust(&genesis, &ledger_id, trust, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    trust_put(&writer, trust);
    if (writer.bad) return cli_fail(cli, TALLY_E_TOO_LARGE, NULL);
    err = file_create(cli_text(cli, "out"), file, 0644, &diag);
    if (err == TALLY_OK)
        err = file_create(cli_text(cli, "trust"), bytes_of(text, writer.at), 0644, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return print_sealed(cli, &genesis, &ledger_id, trust);
}

static enum tally_err run_seal(struct cli *cli)
{
    return with_arena(cli, work_seal);
}

static const struct cli_option seal_options[] = {
    {.name = "out",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the genesis file, for 'tallyd init'"},
    {.name = "trust",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the trust file, for everyone who verifies"},
    CLI_JSON,
};
static const struct cli_exit seal_exits[] = {
    {TALLY_E_MALFORMED, "not a genesis file"},
    {TALLY_E_SIGNATURE, "a signature that is in it does not verify"},
    {TALLY_E_NOT_FOUND, "no such file"},
    {TALLY_E_CONFLICT, "one of the files to write exists"},
    {TALLY_E_SIGNERS, "a root key has not signed; the message says which"},
};
const struct cli_command command_genesis_seal = {
    .name = "genesis seal",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = seal_options,
    .options_count = CLI_COUNT(seal_options),
    .summary = "finish a genesis that every root key has signed",
    .description =
        "Writes the genesis file, whose record is number 0 of the ledger and gives it "
        "its id, and the trust file, with which receipts are verified. Hand the trust "
        "file to verifiers by a way that they trust: it is what they believe.",
    .examples = "tally genesis seal --out=acme.genesis --trust=acme.trust genesis",
    .exits = seal_exits,
    .exits_count = CLI_COUNT(seal_exits),
    .run = run_seal,
};
