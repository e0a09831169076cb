#include "commands.h"

const struct cli_command *const cli_commands[] = {
    &command_keygen,       &command_genesis_new,    &command_genesis_sign,
    &command_genesis_seal, &command_adapter_root,   &command_register,
    &command_append,       &command_sign,           &command_get,
    &command_log,          &command_prove,          &command_verify,
    &command_bench,        &command_cluster_status, &command_help,
    &command_man,          &command_version,        NULL,
};
