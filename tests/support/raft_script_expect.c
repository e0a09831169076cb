/* What a script expects of nodes and wires. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/raft_script_words.h"

static void expect_number(uint64_t is, uint64_t want)
{
    char why[64];

    if (is == want) return;
    (void)snprintf(why, sizeof why, "it is %" PRIu64, is);
    script_stop(why);
}

static size_t wire_matches(const struct script_line *line, size_t at)
{
    size_t found = 0;
    uint32_t from, to;
    char name[32];

    script_link_of(script_word(line, at), &from, &to);
    for (size_t i = 0; i < script.cluster->wire_count; i++) {
        struct raft_message *m = &script.cluster->wire[i]->message;
        bool fits = script_on_link(i, from, to) &&
                    (at + 1 >= line->count || m->type == script_type_of(line->words[at + 1]));

        for (size_t word_at = at + 2; fits && word_at < line->count; word_at++) {
            const uint64_t value = script_pair(line->words[word_at], name);

            fits = script_field(m, name, NULL) == value;
        }
        if (fits) found++;
    }
    return found;
}

static void expect_note(uint32_t id, const char *name)
{
    const struct cluster_node *node = &script.cluster->nodes[id];
    const size_t first =
        node->notes_count > CLUSTER_NOTES_MAX ? node->notes_count - CLUSTER_NOTES_MAX : 0;

    for (size_t i = first; i < node->notes_count; i++) {
        if (strcmp(raft_note_name(node->notes[i % CLUSTER_NOTES_MAX].code), name) == 0) return;
    }
    script_stop("there is no such note");
}

void script_expect_role(uint32_t id, const char *name)
{
    static const char *const roles[] = {"follower", "precandidate", "candidate", "leader"};
    const char *is = roles[raft_role(script_node_raft(id))];

    if (strcmp(is, name) != 0) script_stop(is);
}

static void expect_same(uint32_t a, uint32_t b)
{
    const struct raft *left = script_node_raft(a), *right = script_node_raft(b);

    expect_number(raft_last_index(left), raft_last_index(right));
    for (uint64_t index = raft_last_index(left); index > 0; index--) {
        const struct raft_entry *x = raft_entry(left, index), *y = raft_entry(right, index);

        if (x == NULL || y == NULL) return;
        if (memcmp(x->hash.bytes, y->hash.bytes, sizeof x->hash.bytes) != 0)
            script_stop("they differ");
    }
}

/* What a node says of itself in one number. */
static bool node_number(uint32_t id, const char *what, uint64_t *ret_is)
{
    const struct raft *raft = script.cluster->nodes[id].raft;

    if (strcmp(what, "disk") == 0) {
        *ret_is = script.cluster->nodes[id].disk_last;
    } else if (raft == NULL) {
        return false;
    } else if (strcmp(what, "term") == 0) {
        *ret_is = raft_term(raft);
    } else if (strcmp(what, "vote") == 0) {
        *ret_is = raft_vote(raft);
    } else if (strcmp(what, "follows") == 0) {
        *ret_is = raft_leader(raft);
    } else if (strcmp(what, "commit") == 0) {
        *ret_is = raft_commit(raft);
    } else if (strcmp(what, "last") == 0) {
        *ret_is = raft_last_index(raft);
    } else if (strcmp(what, "members") == 0) {
        *ret_is = raft_members(raft)->count;
    } else if (strcmp(what, "config") == 0) {
        *ret_is = raft_members_index(raft);
    } else if (strcmp(what, "lost") == 0) {
        *ret_is = raft_lost(raft).index;
    } else if (strcmp(what, "round") == 0) {
        *ret_is = script.cluster->nodes[id].read_round;
    } else if (strcmp(what, "released") == 0) {
        *ret_is = script.cluster->nodes[id].reads_released;
    } else {
        return false;
    }
    return true;
}

void script_expect(const struct script_line *line)
{
    const char *what = script_word(line, 1);

    if (strcmp(what, "wire") == 0) {
        if (wire_matches(line, 2) == 0) script_stop("there is no such message");
        return;
    }
    if (strcmp(what, "wires") == 0) {
        expect_number(wire_matches(line, 3), script_number(script_word(line, 2)));
        return;
    }
    if (strcmp(what, "no-wire") == 0) {
        if (wire_matches(line, 2) != 0) script_stop("there is such a message");
        return;
    }
    const uint32_t id = script_node_id(script_word(line, 2));
    uint64_t is;

    if (node_number(id, what, &is)) {
        expect_number(is, script_number(script_word(line, 3)));
    } else if (strcmp(what, "leader") == 0) {
        script_expect_role(id, "leader");
    } else if (strcmp(what, "role") == 0) {
        script_expect_role(id, script_word(line, 3));
    } else if (strcmp(what, "block") == 0) {
        const struct raft_entry *entry =
            raft_entry(script_node_raft(id), script_number(script_word(line, 3)));

        if (entry == NULL) script_stop("it is not in the ring");
        expect_number(entry->term, script_number(script_word(line, 4)));
    } else if (strcmp(what, "match") == 0) {
        uint64_t match, heard_ms;

        raft_peer(script_node_raft(id), script_node_id(script_word(line, 3)), &match,
                  &heard_ms);
        expect_number(match, script_number(script_word(line, 4)));
    } else if (strcmp(what, "note") == 0) {
        expect_note(id, script_word(line, 3));
    } else if (strcmp(what, "same") == 0) {
        expect_same(id, script_node_id(script_word(line, 3)));
    } else if (strcmp(what, "halted") == 0) {
        if (!script.cluster->nodes[id].halted) script_stop("it runs");
    } else if (strcmp(what, "running") == 0) {
        if (script.cluster->nodes[id].halted || !script.cluster->nodes[id].up)
            script_stop("it stopped");
    } else if (strcmp(what, "no-change") == 0) {
        if (raft_may_change(script_node_raft(id))) script_stop("it may propose a Config");
    } else if (strcmp(what, "full") == 0) {
        if (raft_may_propose(script_node_raft(id), script.cluster->block_size))
            script_stop("it may propose");
    } else {
        script_stop("no such expectation");
    }
}
