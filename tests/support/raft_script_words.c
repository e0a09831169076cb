#include "support/raft_script_words.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct script script;

void script_stop(const char *why)
{
    ck_abort_msg("%s:%u: %s: %s", script.file, script.number, script.text, why);
}

const char *script_word(const struct script_line *line, size_t at)
{
    if (at >= line->count) script_stop("a word is missing");
    return line->words[at];
}

uint64_t script_number(const char *text)
{
    char *end = NULL;
    const uint64_t value = strtoull(text, &end, 10);

    if (end == text || *end != '\0') script_stop("a number is expected");
    return value;
}

uint64_t script_number_or(const struct script_line *line, size_t at, uint64_t otherwise)
{
    return at < line->count ? script_number(line->words[at]) : otherwise;
}

uint32_t script_node_id(const char *text)
{
    const uint64_t id = script_number(text);

    if (script.cluster == NULL || id == 0 || id > script.cluster->nodes_count)
        script_stop("no such node");
    return (uint32_t)id;
}

const struct raft *script_node_raft(uint32_t id)
{
    if (!script.cluster->nodes[id].up) script_stop("the node is down");
    return script.cluster->nodes[id].raft;
}

void script_link_of(const char *text, uint32_t *ret_from, uint32_t *ret_to)
{
    char from[2] = {0}, to[2] = {0};

    if (strlen(text) != 4 || text[1] != '-' || text[2] != '>')
        script_stop("a link is written 1->2");
    from[0] = text[0];
    to[0] = text[3];
    *ret_from = script_node_id(from);
    *ret_to = script_node_id(to);
}

bool script_is_link(const struct script_line *line, size_t at)
{
    return at < line->count && strstr(line->words[at], "->") != NULL;
}

static const char *const type_names[] = {
    NULL,     "prevote",      "prevote-reply", "vote",        "vote-reply",
    "append", "append-reply", "heartbeat",     "timeout-now",
};

enum raft_message_type script_type_of(const char *name)
{
    for (int i = 1; i < 9; i++) {
        if (strcmp(type_names[i], name) == 0) return (enum raft_message_type)i;
    }
    script_stop("no such message type");
    return RAFT_PREVOTE;
}

/* The field of a message that a script calls `name`; set to *value first, unless that is NULL.
 */
uint64_t script_field(struct raft_message *m, const char *name, const uint64_t *value)
{
#define FIELD(text, member)                                                                    \
    if (strcmp(name, text) == 0) {                                                             \
        if (value != NULL) m->member = (__typeof__(m->member))*value;                          \
        return m->member;                                                                      \
    }
    FIELD("term", term)
    FIELD("last", last_index)
    FIELD("last-term", last_term)
    FIELD("granted", granted)
    FIELD("prev", prev_index)
    FIELD("prev-term", prev_term)
    FIELD("count", entries_count)
    FIELD("commit", commit)
    FIELD("rejected", rejected)
    FIELD("match", match)
    FIELD("received", received)
    FIELD("hint", hint_index)
    FIELD("hint-term", hint_term)
    FIELD("round", round)
    FIELD("lost", lost)
    FIELD("successor", successor)
    FIELD("handover", handover)
#undef FIELD
    script_stop("no such field");
    return 0;
}

/* "name=value" in two; the value is a number. */
uint64_t script_pair(const char *text, char ret_name[32])
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals - text > 31) script_stop("name=value is expected");
    memcpy(ret_name, text, (size_t)(equals - text));
    ret_name[equals - text] = '\0';
    return script_number(equals + 1);
}

bool script_on_link(size_t at, uint32_t from, uint32_t to)
{
    const struct raft_message *m = &script.cluster->wire[at]->message;

    return m->from == from && m->to == to;
}
