#include "support/raft_script.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/raft_script_words.h"

enum { DELIVERIES_MAX = 10000 };

static void drain_all(void)
{
    for (uint32_t i = 1; script.automatic && i <= script.cluster->nodes_count; i++) {
        cluster_drain(script.cluster, i);
    }
}

static void deliver_everything(void)
{
    size_t deliveries = 0;

    for (size_t at = 0; at < script.cluster->wire_count;) {
        if (script.cluster->wire[at]->put_aside) {
            at++;
            continue;
        }
        cluster_deliver(script.cluster, at);
        drain_all();
        if (++deliveries > DELIVERIES_MAX) script_stop("the wires never come to rest");
    }
}

/* The first `count` of the messages that are on a link now. */
static void deliver_link(const char *link, uint64_t count)
{
    const size_t end = script.cluster->wire_count;
    size_t at = 0;
    uint32_t from, to;

    script_link_of(link, &from, &to);
    for (size_t i = 0; i < end && count > 0; i++) {
        if (!script_on_link(at, from, to) || script.cluster->wire[at]->put_aside) {
            at++;
            continue;
        }
        cluster_deliver(script.cluster, at);
        drain_all();
        count--;
    }
}

enum link_change { LINK_LOSE, LINK_REPEAT, LINK_ASIDE, LINK_BACK };

static void change_link(const struct script_line *line, enum link_change change)
{
    struct cluster *cluster = script.cluster;
    uint32_t from, to;

    script_link_of(script_word(line, 1), &from, &to);
    for (size_t at = cluster->wire_count; at-- > 0;) {
        if (!script_on_link(at, from, to)) continue;
        if (change == LINK_LOSE) cluster_lose(cluster, at);
        if (change == LINK_REPEAT) cluster_repeat(cluster, at);
        if (change == LINK_ASIDE) cluster->wire[at]->put_aside = true;
        if (change == LINK_BACK) cluster->wire[at]->put_aside = false;
    }
}

/* What was sent last on a link arrives first. */
static void do_reverse(const struct script_line *line)
{
    struct cluster *cluster = script.cluster;
    size_t first = 0, end = cluster->wire_count;
    uint32_t from, to;

    script_link_of(script_word(line, 1), &from, &to);
    while (first < end) {
        struct cluster_packet *packet = cluster->wire[first];

        if (!script_on_link(first, from, to)) {
            first++;
        } else if (!script_on_link(end - 1, from, to)) {
            end--;
        } else {
            cluster->wire[first++] = cluster->wire[end - 1];
            cluster->wire[--end] = packet;
        }
    }
}

static void do_cut(const struct script_line *line)
{
    uint32_t from, to;

    if (script_is_link(line, 1)) {
        script_link_of(script_word(line, 1), &from, &to);
        script.cluster->cut[from][to] = true;
        return;
    }
    from = script_node_id(script_word(line, 1));
    for (to = 1; to <= script.cluster->nodes_count; to++) {
        script.cluster->cut[from][to] = script.cluster->cut[to][from] = true;
    }
}

/* A message made by the script; its blocks have hashes of their own. */
static void do_send(const struct script_line *line)
{
    struct raft_message m = {.type = script_type_of(script_word(line, 1))};
    struct raft_entry entries[RAFT_BATCH_MAX];
    uint64_t blocks_term = 0;
    bool other_hash = false;
    char name[32];

    script_link_of(script_word(line, 2), &m.from, &m.to);
    for (size_t i = 3; i < line->count; i++) {
        if (strcmp(line->words[i], "other-hash") == 0) {
            other_hash = true;
            continue;
        }
        const uint64_t value = script_pair(line->words[i], name);

        if (strcmp(name, "blocks-term") == 0) {
            blocks_term = value;
        } else {
            (void)script_field(&m, name, &value);
        }
    }
    const struct raft_entry *prev = raft_entry(script_node_raft(m.to), m.prev_index);

    if (prev != NULL && !other_hash) m.prev_hash = prev->hash;
    if (m.entries_count > RAFT_BATCH_MAX) script_stop("too many blocks");
    for (uint32_t i = 0; i < m.entries_count; i++) {
        entries[i] = cluster_entry(script.cluster, blocks_term, 1000);
    }
    cluster_post(script.cluster, &m, entries);
}

static void for_nodes(const struct script_line *line, void (*what)(struct cluster *, uint32_t))
{
    if (line->count < 2) script_stop("which node?");
    for (size_t i = 1; i < line->count; i++)
        what(script.cluster, script_node_id(line->words[i]));
}

static void times(const struct script_line *line, bool (*what)(struct cluster *, uint32_t))
{
    const uint32_t id = script_node_id(script_word(line, 1));

    for (uint64_t count = script_number_or(line, 2, UINT64_MAX); count > 0; count--) {
        if (!what(script.cluster, id)) return;
    }
}

static void do_manual(const struct script_line *line)
{
    (void)line;
    script.automatic = false;
}

static void do_automatic(const struct script_line *line)
{
    (void)line;
    script.automatic = true;
}

static void do_wait(const struct script_line *line)
{
    script.cluster->now_ms += script_number(script_word(line, 1));
}

static void do_tick(const struct script_line *line)
{
    for_nodes(line, cluster_tick);
}

/* Time enough for the node's timer; nobody else looks at the clock. */
static void do_campaign(const struct script_line *line)
{
    script.cluster->now_ms += UINT64_C(2) * script.cluster->election_ms;
    cluster_tick(script.cluster, script_node_id(script_word(line, 1)));
    drain_all();
}

static void do_elect(const struct script_line *line)
{
    do_campaign(line);
    deliver_everything();
    script_expect_role(script_node_id(script_word(line, 1)), "leader");
}

static void do_propose(const struct script_line *line)
{
    for (uint64_t count = script_number_or(line, 2, 1); count > 0; count--) {
        if (!cluster_propose(script.cluster, script_node_id(script_word(line, 1))))
            script_stop("it may not propose");
        drain_all();
    }
}

static void do_forge(const struct script_line *line)
{
    (void)line;
    script.cluster->forge = true;
}

static void do_deliver(const struct script_line *line)
{
    if (script_is_link(line, 1)) {
        deliver_link(line->words[1], script_number_or(line, 2, UINT64_MAX));
    } else {
        deliver_everything();
    }
}

static void do_lose(const struct script_line *line)
{
    change_link(line, LINK_LOSE);
}

static void do_repeat(const struct script_line *line)
{
    change_link(line, LINK_REPEAT);
}

static void do_aside(const struct script_line *line)
{
    change_link(line, LINK_ASIDE);
}

static void do_back(const struct script_line *line)
{
    change_link(line, LINK_BACK);
}

static void do_heal(const struct script_line *line)
{
    (void)line;
    memset(script.cluster->cut, 0, sizeof script.cluster->cut);
}

static void do_persist(const struct script_line *line)
{
    times(line, cluster_disk);
}

static void do_verify(const struct script_line *line)
{
    times(line, cluster_verify);
}

static void do_backfill(const struct script_line *line)
{
    times(line, cluster_backfill);
}

static void do_stall(const struct script_line *line)
{
    script.cluster->nodes[script_node_id(script_word(line, 1))].stalled = true;
}

static void do_resume(const struct script_line *line)
{
    script.cluster->nodes[script_node_id(script_word(line, 1))].stalled = false;
}

static void do_size(const struct script_line *line)
{
    script.cluster->block_size = (uint32_t)script_number(script_word(line, 1));
}

static void do_crash(const struct script_line *line)
{
    for_nodes(line, cluster_crash);
}

static void do_restart(const struct script_line *line)
{
    for_nodes(line, cluster_restart);
}

/* "1,2,3" */
static void members_of(const char *text, bool voters, struct raft_members *members)
{
    for (; *text != '\0'; text += text[1] == ',' ? 2 : 1) {
        const char name[2] = {*text, '\0'};
        uint32_t at = members->count++;

        for (; at > 0 && members->ids[at - 1] > script_node_id(name); at--) {
            members->ids[at] = members->ids[at - 1];
            members->voters[at] = members->voters[at - 1];
        }
        members->ids[at] = script_node_id(name);
        members->voters[at] = voters;
    }
}

static void do_change(const struct script_line *line)
{
    struct raft_members members = {0};

    members_of(script_word(line, 2), true, &members);
    if (line->count > 3) members_of(line->words[3], false, &members);
    if (!cluster_change(script.cluster, script_node_id(script_word(line, 1)), &members))
        script_stop("it may not propose a Config");
}

static void do_transfer(const struct script_line *line)
{
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER};

    if (line->count > 2) event.transfer_to = script_node_id(line->words[2]);
    cluster_feed(script.cluster, script_node_id(script_word(line, 1)), &event);
}

static void do_read(const struct script_line *line)
{
    cluster_read(script.cluster, script_node_id(script_word(line, 1)));
}

/* The disk of a node that is down loses its last blocks; its witness still names the last. */
static void do_cut_short(const struct script_line *line)
{
    struct cluster_node *node = &script.cluster->nodes[script_node_id(script_word(line, 1))];
    const uint64_t count = script_number(script_word(line, 2));
    const struct raft_entry *last = &node->disk[node->disk_last];

    if (node->up || count >= node->disk_last) script_stop("it runs, or has not so many");
    node->lost =
        (struct raft_lost){.index = node->disk_last, .term = last->term, .hash = last->hash};
    node->disk_last -= count;
}

/* The next start gives no vote before `remember`. */
static void do_ask(const struct script_line *line)
{
    script.cluster->nodes[script_node_id(script_word(line, 1))].ask_peers = true;
}

static void do_remember(const struct script_line *line)
{
    struct raft_event event = {.type = RAFT_EVENT_REMEMBERED};

    event.lost.index = script_number_or(line, 2, 0);
    event.lost.term = script_number_or(line, 3, 0);
    cluster_feed(script.cluster, script_node_id(script_word(line, 1)), &event);
}

static void do_unfit(const struct script_line *line)
{
    script.cluster->nodes[script_node_id(script_word(line, 1))].unfit = true;
}

static void do_settle(const struct script_line *line)
{
    cluster_settle(script.cluster, (uint32_t)script_number_or(line, 1, 30));
}

static const struct {
    const char *name;
    void (*run)(const struct script_line *line);
} commands[] = {
    {"manual", do_manual},
    {"automatic", do_automatic},
    {"wait", do_wait},
    {"tick", do_tick},
    {"campaign", do_campaign},
    {"elect", do_elect},
    {"propose", do_propose},
    {"forge", do_forge},
    {"deliver", do_deliver},
    {"lose", do_lose},
    {"repeat", do_repeat},
    {"aside", do_aside},
    {"back", do_back},
    {"reverse", do_reverse},
    {"cut", do_cut},
    {"heal", do_heal},
    {"persist", do_persist},
    {"verify", do_verify},
    {"backfill", do_backfill},
    {"crash", do_crash},
    {"restart", do_restart},
    {"settle", do_settle},
    {"stall", do_stall},
    {"resume", do_resume},
    {"size", do_size},
    {"send", do_send},
    {"expect", script_expect},
    {"change", do_change},
    {"transfer", do_transfer},
    {"read", do_read},
    {"cut-short", do_cut_short},
    {"ask", do_ask},
    {"remember", do_remember},
    {"unfit", do_unfit},
};

static void command(const struct script_line *line)
{
    const size_t count = sizeof commands / sizeof commands[0];
    size_t at = 0;

    if (strcmp(line->words[0], "nodes") == 0) {
        if (script.cluster != NULL) script_stop("only once");
        const uint64_t nodes = script_number(script_word(line, 1));

        script.cluster =
            cluster_open((uint32_t)nodes, (uint32_t)script_number_or(line, 2, nodes), 100, 20);
        return;
    }
    if (script.cluster == NULL) script_stop("nodes comes first");
    while (at < count && strcmp(commands[at].name, line->words[0]) != 0) at++;
    if (at == count) script_stop("no such command");
    commands[at].run(line);
    drain_all();
    if (script.cluster->failure[0] != '\0') script_stop(script.cluster->failure);
}

void script_run(const char *path)
{
    FILE *file = fopen(path, "re");
    struct script_line line;

    ck_assert_msg(file != NULL, "%s cannot be read", path);
    script.file = strrchr(path, '/') + 1;
    script.automatic = true;
    script.cluster = NULL;
    for (script.number = 1; fgets(line.text, sizeof line.text, file) != NULL; script.number++) {
        char *rest = NULL;

        line.text[strcspn(line.text, "#\n")] = '\0';
        (void)snprintf(script.text, sizeof script.text, "%s", line.text);
        line.count = 0;
        for (char *at = strtok_r(line.text, " ", &rest); at != NULL;
             at = strtok_r(NULL, " ", &rest)) {
            if (line.count == SCRIPT_WORDS_MAX) script_stop("too many words");
            line.words[line.count++] = at;
        }
        if (line.count > 0) command(&line);
    }
    (void)fclose(file);
    ck_assert_msg(script.cluster != NULL, "%s is empty", path);
    cluster_close(script.cluster);
}
