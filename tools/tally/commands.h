/* commands - every command's table entry; each lives in its cmd_*.c. */
#ifndef TALLY_COMMANDS_H
#define TALLY_COMMANDS_H

#include "cli.h"

extern const struct cli_command command_keygen;
extern const struct cli_command command_genesis_new;
extern const struct cli_command command_genesis_sign;
extern const struct cli_command command_genesis_seal;
extern const struct cli_command command_adapter_root;
extern const struct cli_command command_adapter_show;
extern const struct cli_command command_register;
extern const struct cli_command command_attest;
extern const struct cli_command command_append;
extern const struct cli_command command_sign;
extern const struct cli_command command_events, command_events_describe, command_schema;
extern const struct cli_command command_get;
extern const struct cli_command command_log;
extern const struct cli_command command_prove;
extern const struct cli_command command_verify;
extern const struct cli_command command_cluster_add, command_cluster_promote,
    command_cluster_remove, command_cluster_transfer;
extern const struct cli_command command_cluster_status;
extern const struct cli_command command_export, command_audit;
extern const struct cli_command command_report_access, command_report_bundle,
    command_report_changes, command_report_compromised, command_report_compute,
    command_report_denied, command_report_derived, command_report_exports, command_report_times;
extern const struct cli_command command_policy_check, command_policy_compile,
    command_policy_explain, command_policy_test;
extern const struct cli_command command_bench;
extern const struct cli_command command_version;
extern const struct cli_command command_help;
extern const struct cli_command command_man;

#endif
