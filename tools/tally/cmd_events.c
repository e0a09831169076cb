/* The commands that say which events there are: events, events describe, schema. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "commands.h"
#include "event/event.h"
#include "event/event_describe.h"
#include "event/rules.h"
#include "out.h"

enum { ARENA_SIZE_MAX = 4 * 1024 * 1024, WHO_SIZE = 256 };

/* "author, deployer", or "nobody: <why>". Returns `to`. */
static const char *who_may(const struct event_type_info *info, char to[WHO_SIZE])
{
    size_t size = 0;

    if (info->closed != NULL) {
        (void)snprintf(to, WHO_SIZE, "nobody: %s", info->closed);
        return to;
    }
    for (int role = ROLE_NONE + 1; role < ROLES_END; role++) {
        if (!role_may((enum role)role, (uint32_t)info->type)) continue;
        size += (size_t)snprintf(to + size, WHO_SIZE - size, "%s%s", size > 0 ? ", " : "",
                                 role_name((enum role)role));
    }
    return to;
}

/* ---- events -------------------------------------------------------------------------- */

static enum tally_err list_json(struct cli *cli)
{
    json_t *list = json_array();
    size_t count;
    const struct event_type_info *types = event_types(&count);

    for (size_t i = 0; i < count; i++) {
        const struct event_type_info *info = &types[i];
        json_t *roles = json_array();

        for (int role = ROLE_NONE + 1; role < ROLES_END; role++) {
            if (role_may((enum role)role, (uint32_t)info->type))
                (void)json_array_append_new(roles, json_string(role_name((enum role)role)));
        }
        (void)json_array_append_new(
            list,
            json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:b, s:s*}", "number", (int)info->type,
                      "name", info->name, "subject", event_subject_form(info->subject),
                      "actor_signs_as", event_meaning_name(info->actor_meaning), "text",
                      info->text, "may_append", roles, "open", info->closed == NULL, "closed",
                      info->closed));
    }
    return out_json(cli, json_pack("{s:o}", "events", list));
}

static void list_markdown(struct cli *cli)
{
    static const char *const heads[] = {
        [HEAD_STAYS] = "", [HEAD_MOVES] = "moves", [HEAD_CLAIMED] = "claimed"};
    size_t count;
    const struct event_type_info *types = event_types(&count);
    char who[WHO_SIZE];

    (void)fprintf(cli->out, "| number | type | subject | it says | signed as | head | who may "
                            "append it |\n|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(cli->out, "| %d | `%s` | `%s` | %s | %s | %s | %s |\n",
                      (int)types[i].type, types[i].name, event_subject_form(types[i].subject),
                      types[i].text, event_meaning_name(types[i].actor_meaning),
                      heads[types[i].head], who_may(&types[i], who));
    }
}

static enum tally_err run_events(struct cli *cli)
{
    size_t count;
    const struct event_type_info *types = event_types(&count);
    char who[WHO_SIZE];

    if (cli_flag(cli, "json") && cli_flag(cli, "markdown")) {
        return cli_failf(cli, TALLY_E_INVALID, "--json or --markdown, not both");
    }
    if (cli_flag(cli, "json")) return list_json(cli);
    if (cli_flag(cli, "markdown")) {
        list_markdown(cli);
        return TALLY_OK;
    }
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(cli->out, "%d %-25s %-30s %s\n", (int)types[i].type, types[i].name,
                      event_subject_form(types[i].subject), who_may(&types[i], who));
    }
    return TALLY_OK;
}

static const struct cli_option events_options[] = {
    {.name = "markdown", .type = CLI_FLAG, .text = "print the table of docs/governance.md"},
    CLI_JSON,
};
static const struct cli_exit events_exits[] = {
    {TALLY_E_INVALID, "options that do not fit together"},
};
const struct cli_command command_events = {
    .name = "events",
    .arguments = "",
    .options = events_options,
    .options_count = CLI_COUNT(events_options),
    .summary = "list the types of events: number, name, subject, who may append them",
    .description = "'nobody' stands for types that are registered, and denied by the rule "
                   "type_closed until this program can decide on them.",
    .examples = "tally events",
    .exits = events_exits,
    .exits_count = CLI_COUNT(events_exits),
    .run = run_events,
};

/* ---- events describe ----------------------------------------------------------------- */

static const struct event_type_info *find_type(struct cli *cli)
{
    return event_type_named(cli->arguments[0]);
}

static enum tally_err no_type(struct cli *cli)
{
    return cli_failf(cli, TALLY_E_NOT_FOUND, "no type '%s'; 'tally events' lists them",
                     cli->arguments[0]);
}

/* A list of texts as "a, b"; a dash when it is empty. */
static const char *joined(const json_t *list, const char *between, char *to, size_t size)
{
    size_t at = 0, i;
    const json_t *item;

    (void)snprintf(to, size, "-");
    json_array_foreach(list, i, item)
    {
        if (at >= size) break;
        at += (size_t)snprintf(to + at, size - at, "%s%s", i > 0 ? between : "",
                               json_string_value(item));
    }
    return to;
}

static void print_fields(struct cli *cli, const json_t *fields)
{
    char values[1024];
    size_t i;
    const json_t *field;

    json_array_foreach(fields, i, field)
    {
        const json_t *names = json_object_get(field, "values");
        const bool list = json_is_true(json_object_get(field, "list"));

        (void)fprintf(
            cli->out, "  %-36s %s%s%s: %s\n", json_string_value(json_object_get(field, "name")),
            json_is_true(json_object_get(field, "required")) ? "" : "[",
            json_string_value(json_object_get(field, "form")),
            json_is_true(json_object_get(field, "required")) ? (list ? ", ..." : "")
                                                             : (list ? ", ...]" : "]"),
            json_string_value(json_object_get(field, "text")));
        if (names == NULL) continue;
        (void)fprintf(cli->out, "  %-36s %s\n", "", joined(names, " ", values, sizeof values));
    }
}

static void print_refs(struct cli *cli, const json_t *refs)
{
    char names[256];
    size_t i;
    const json_t *ref;

    json_array_foreach(refs, i, ref)
    {
        const json_t *types = json_object_get(ref, "names");

        out_line(cli, "refs", "%s%s: %s%s%s%s", json_string_value(json_object_get(ref, "rel")),
                 json_is_true(json_object_get(ref, "required")) ? ", required" : "",
                 json_string_value(json_object_get(ref, "text")),
                 json_array_size(types) > 0 ? ", a " : "",
                 json_array_size(types) > 0 ? joined(types, " or ", names, sizeof names) : "",
                 json_is_true(json_object_get(ref, "same_subject")) ? ", of the same subject"
                                                                    : "");
    }
}

static void print_description(struct cli *cli, const struct event_type_info *info,
                              const json_t *json)
{
    char *example = json_dumps(json_object_get(json, "example"), JSON_INDENT(2));
    char who[WHO_SIZE];

    out_line(cli, "type", "%s, number %d", info->name, (int)info->type);
    out_line(cli, "says", "%s", info->text);
    out_line(cli, "append", "%s", who_may(info, who));
    out_line(cli, "signed", "by the actor as %s", event_meaning_name(info->actor_meaning));
    if (info->need == NEED_NOTHING)
        out_line(cli, "subject", "%s", event_subject_form(info->subject));
    else
        out_line(cli, "subject", "%s; it must be %s", event_subject_form(info->subject),
                 json_string_value(json_object_get(json, "subject_must_be")));
    out_line(cli, "effect", "%s%s", json_string_value(json_object_get(json, "effect")),
             info->head == HEAD_STAYS ? "" : "; it becomes the subject's newest change");
    if (info->head == HEAD_CLAIMED)
        out_line(cli, "head", "expected_head is required: the subject's newest change");
    if (info->artifact != NULL)
        out_line(cli, "bytes", "an artifact with the role %s is required", info->artifact);
    print_refs(cli, json_object_get(json, "refs"));
    out_line(cli, "payload", "%s; in brackets: may be absent",
             json_string_value(json_object_get(json, "payload")));
    print_fields(cli, json_object_get(json, "fields"));
    if (example != NULL) (void)fprintf(cli->out, "\nFor 'tally append':\n%s\n", example);
    free(example);
}

/* The text of one of event_describe.h's functions about the type that was asked for. */
static enum tally_err make_text(struct cli *cli, struct arena **ret_arena, bool schema,
                                struct bytes *ret_text)
{
    const struct event_type_info *info = find_type(cli);
    enum tally_err err;

    *ret_arena = NULL;
    if (info == NULL) return no_type(cli);
    err = arena_open(ARENA_SIZE_MAX, ret_arena);
    if (err == TALLY_OK) {
        err = schema ? event_schema(info->type, *ret_arena, ret_text)
                     : event_description(info->type, *ret_arena, ret_text);
    }
    return err == TALLY_OK ? TALLY_OK : cli_fail(cli, err, NULL);
}

static enum tally_err run_describe(struct cli *cli)
{
    struct arena *arena = NULL;
    struct bytes text = {0};
    enum tally_err err = make_text(cli, &arena, false, &text);
    json_t *json = NULL;

    if (err == TALLY_OK && cli_flag(cli, "json")) {
        (void)fprintf(cli->out, "%s\n", (const char *)text.data);
    } else if (err == TALLY_OK) {
        json = json_loadb((const char *)text.data, text.size, 0, NULL);
        if (json == NULL) err = cli_fail(cli, TALLY_E_NO_MEMORY, NULL);
        if (json != NULL) print_description(cli, find_type(cli), json);
        json_decref(json);
    }
    arena_close(arena);
    return err;
}

static const struct cli_option describe_options[] = {CLI_JSON};
static const struct cli_exit type_exits[] = {
    {TALLY_E_NOT_FOUND, "no such type"},
};
const struct cli_command command_events_describe = {
    .name = "events describe",
    .arguments = "TYPE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = describe_options,
    .options_count = CLI_COUNT(describe_options),
    .summary = "explain a type of event: its fields, who may append it, an example",
    .description =
        "The example is what 'tally append' takes, once the hashes of events in it are those "
        "of your ledger: refs, expected_head, and the fields that name events.",
    .examples = "tally events describe version.registered",
    .exits = type_exits,
    .exits_count = CLI_COUNT(type_exits),
    .run = run_describe,
};

/* ---- schema -------------------------------------------------------------------------- */

static enum tally_err run_schema(struct cli *cli)
{
    struct arena *arena = NULL;
    struct bytes text = {0};
    const enum tally_err err = make_text(cli, &arena, true, &text);

    if (err == TALLY_OK) (void)fprintf(cli->out, "%s\n", (const char *)text.data);
    arena_close(arena);
    return err;
}

const struct cli_command command_schema = {
    .name = "schema",
    .arguments = "TYPE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = describe_options,
    .options_count = CLI_COUNT(describe_options),
    .summary = "print the JSON Schema of a type of event",
    .description =
        "The schema (2020-12) is of EVENT.json as 'tally append' takes it; with or without "
        "--json. What 'tally append' fills in may be absent. A few rules between fields are "
        "not in it; 'tally append' checks all of them.",
    .examples = "tally schema evaluation.recorded",
    .exits = type_exits,
    .exits_count = CLI_COUNT(type_exits),
    .run = run_schema,
};
