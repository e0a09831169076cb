#include <jansson.h>

#include "commands.h"
#include "crypto/keyfile.h"
#include "disk.h"
#include "out.h"

static enum tally_err print_key(struct cli *cli, const char *path, const char *public_path,
                                const struct vkey *vkey)
{
    char text[VKEY_TEXT_MAX], hex[OUT_HEX_SIZE];
    struct tally_hash key_id;

    vkey_format(vkey, text);
    sign_key_id(vkey->public_key, &key_id);
    if (cli_flag(cli, "json"))
        return out_json(cli,
                        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", vkey->name, "key",
                                  path, "public", public_path, "vkey", text, "key_id",
                                  out_json_hex(key_id.bytes, TALLY_HASH_BYTES), "public_key",
                                  out_json_hex(vkey->public_key, SIGN_PUBLIC_BYTES)));
    out_line(cli, "secret", "%s (keep it; it cannot be made again)", path);
    out_line(cli, "public", "%s", public_path);
    out_line(cli, "vkey", "%s", text);
    out_line(cli, "key id", "%s", out_hex(key_id.bytes, hex));
    return TALLY_OK;
}

static enum tally_err run(struct cli *cli)
{
    const char *path = cli_text(cli, "out");
    char public_path[DISK_PATH_MAX];
    struct tally_diag diag = {""};
    struct vkey vkey;

    enum tally_err err = sign_init();
    if (err != TALLY_OK) return cli_fail(cli, err, NULL);
    err = keyfile_user_create(path, cli_text(cli, "name"), &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    (void)snprintf(public_path, sizeof public_path, "%s.pub", path);
    err = keyfile_user_public_load(public_path, &vkey, &diag);
    if (err != TALLY_OK) return cli_fail(cli, err, &diag);
    return print_key(cli, path, public_path, &vkey);
}

static const struct cli_option options[] = {
    {.name = "name",
     .type = CLI_TEXT,
     .required = true,
     .argument = "NAME",
     .text = "a-z 0-9 . _ -; events are signed as principal/NAME unless they say otherwise"},
    {.name = "out",
     .type = CLI_TEXT,
     .required = true,
     .argument = "FILE",
     .text = "the secret key; the public key goes to FILE.pub"},
    CLI_JSON,
};
static const struct cli_exit exits[] = {
    {TALLY_E_INVALID, "not a name"},
    {TALLY_E_IO, "the files cannot be written"},
    {TALLY_E_CONFLICT, "FILE or FILE.pub exists: a key is never overwritten"},
};
const struct cli_command command_keygen = {
    .name = "keygen",
    .arguments = "",
    .options = options,
    .options_count = CLI_COUNT(options),
    .summary = "make a key with which a person or program signs events",
    .description =
        "Writes the secret key (mode 0600) and, beside it, the public key as one line "
        "of text. The public key is what goes into genesis or a key.enrolled event.\n\n"
        "The keys of nodes are made by 'tallyd keygen', on the node.",
    .examples = "tally keygen --name=alice --out=alice",
    .exits = exits,
    .exits_count = CLI_COUNT(exits),
    .run = run,
};
