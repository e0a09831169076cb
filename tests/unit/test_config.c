/* Goal: a configuration file is read whole or refused with every fault at its place. Method:
 * texts with one thing changed, and the exact report. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "config/genesis_config.h"
#include "config/node_config.h"
#include "support/check_main.h"

#define LISTEN "listen: {peers: tcp://a:1, clients: tcp://a:2}\n"
#define PLAIN  "data: d\n" LISTEN "peers: []\n"
#define TLS                                                                                    \
    "data: /d\n"                                                                               \
    "listen: {peers: tls+tcp://a:1, clients: tls+tcp://a:2}\n"                                 \
    "peers:\n"                                                                                 \
    "  - {name: n2, peer: tls+tcp://b:1, client: tls+tcp://b:2}\n"                             \
    "tls:\n"                                                                                   \
    "  peers: {cert: c, key: /k, ca: a}\n"                                                     \
    "  clients: {cert: c, key: k}\n"

static struct config *config;
static struct node_config node;
static struct genesis_config genesis;

static enum tally_err read_node(const char *text)
{
    ck_assert_int_eq(
        config_open_text("etc/n1.yaml", bytes_of(text, strlen(text)), &config, NULL), TALLY_OK);
    return node_config_read(config, &node);
}

static enum tally_err read_genesis(const char *text)
{
    ck_assert_int_eq(config_open_text("g.yaml", bytes_of(text, strlen(text)), &config, NULL),
                     TALLY_OK);
    return genesis_config_read(config, &genesis);
}

START_TEST(node_plain)
{
    ck_assert_msg(read_node(PLAIN) == TALLY_OK, "%s", config_faults(config));
    ck_assert_str_eq(node.data, "etc/d"); /* relative to the file */
    ck_assert_str_eq(node.peer_listen, "tcp://a:1");
    ck_assert_str_eq(node.advertise, "tcp://a:2"); /* the default */
    ck_assert_uint_eq(node.peers_count, 0);
    ck_assert_uint_eq(node.tls_peers.place.line, 0);
    ck_assert_int_eq(node.profile, NODE_PROFILE_LAN);
    ck_assert_int_eq(node.log_level, NODE_LOG_INFO);
    ck_assert_str_eq(config_faults(config), "");
    config_close(config);
}
END_TEST

START_TEST(node_tls)
{
    ck_assert_msg(read_node(TLS "profile: wan\nlog: 'error'\nadvertise: \"tls+tcp://x:2\"\n") ==
                      TALLY_OK,
                  "%s", config_faults(config));
    ck_assert_str_eq(node.data, "/d");
    ck_assert_uint_eq(node.peers_count, 1);
    ck_assert_str_eq(node.peers[0].name.text, "n2");
    ck_assert_str_eq(node.peers[0].client_url.text, "tls+tcp://b:2");
    ck_assert_str_eq(node.tls_peers.cert.text, "etc/c");
    ck_assert_str_eq(node.tls_peers.key.text, "/k");
    ck_assert_ptr_null(node.tls_clients.ca.text);
    ck_assert_str_eq(node.advertise, "tls+tcp://x:2");
    ck_assert_int_eq(node.profile, NODE_PROFILE_WAN);
    ck_assert_int_eq(node.log_level, NODE_LOG_ERROR);
    config_close(config);
}
END_TEST

/* What is in force, as text; free() it. */
static char *print_node(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(out);
    node_config_print(&node, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* It reads the same. */
START_TEST(node_printed)
{
    ck_assert_int_eq(read_node(TLS), TALLY_OK);
    char *text = print_node();
    config_close(config);

    ck_assert_int_eq(config_open_text("x.yaml", bytes_of(text, strlen(text)), &config, NULL),
                     TALLY_OK);
    ck_assert_msg(node_config_read(config, &node) == TALLY_OK, "%s", config_faults(config));
    char *again = print_node();
    config_close(config);
    ck_assert_str_eq(text, again);
    ck_assert_ptr_nonnull(strstr(text, "profile: lan\nlog: info\n"));
    free(text);
    free(again);
}
END_TEST

struct row {
    const char *text, *report;
};

static const struct row node_rows[] = {
    {"", "etc/n1.yaml:1:1: the file is empty\n"},
    {"# only words\n", "etc/n1.yaml:1:1: the file is empty\n"},
    {"- a\n", "etc/n1.yaml:1:1: 'the file' must be a mapping\n"},
    {PLAIN "---\nx: 1\n", "etc/n1.yaml:4:1: a second document; one file is one document\n"},
    {"data: &x d\n" LISTEN "peers: []\nlog: *x\n",
     "etc/n1.yaml:1:7: anchors (&...) are not used here\n"
     "etc/n1.yaml:4:6: aliases (*...) are not used here\n"},
    {"data: !!str d\n" LISTEN "peers: []\n",
     "etc/n1.yaml:1:7: tags (!...) are not used here\n"},
    {PLAIN "lok: info\n",
     "etc/n1.yaml:4:1: unknown key 'lok'; known here: data, listen, advertise, peers, tls, "
     "profile, log\n"},
    {PLAIN "data: e\n", "etc/n1.yaml:4:1: key 'data' is there twice\n"},
    {PLAIN "log: loud\n",
     "etc/n1.yaml:4:6: 'log' must be one of debug, info, warning, error, not 'loud'\n"},
    {PLAIN "log: [info]\n", "etc/n1.yaml:4:6: 'log' must be a text\n"},
    {PLAIN "log:\n", "etc/n1.yaml:4:5: 'log' must be a text\n"},
    {PLAIN "advertise: ~\n", "etc/n1.yaml:4:12: 'advertise' must be a text\n"},
    {PLAIN "advertise: \"tcp://a\\0:1\"\n",
     "etc/n1.yaml:4:12: 'advertise' contains a NUL character\n"},
    {"data: d\n" LISTEN "peers: {}\n", "etc/n1.yaml:3:8: 'peers' must be a list of mappings\n"},
    {"data: d\n" LISTEN "peers: [x]\n",
     "etc/n1.yaml:3:9: 'peers' must be a list of mappings\n"},
    {"data: d\nlisten: {peers: http://a:1, clients: tcp://a}\npeers: []\n",
     "etc/n1.yaml:2:17: 'http://a:1' is not tls+tcp://host:port (or tcp://host:port)\n"
     "etc/n1.yaml:2:38: 'tcp://a' is not tls+tcp://host:port (or tcp://host:port)\n"},
    {PLAIN "tls: {peers: {cert: c, key: k, ca: a}}\n",
     "etc/n1.yaml:4:14: tls.peers is of no use: listen.peers is without TLS\n"},
    {"data: d\nlisten: {peers: tls+tcp://a:1, clients: tcp://a:2}\npeers: []\n",
     "etc/n1.yaml:2:17: 'tls+tcp://a:1' needs the section tls.peers\n"},
    {"data: d\n" LISTEN "peers:\n  - {name: a, peer: tls+tcp://b:1, client: tcp://b:2}\n"
     "  - {name: a, peer: tcp://b:1, client: tcp://b:3}\n",
     "etc/n1.yaml:4:21: 'tcp://a:1' and 'tls+tcp://b:1': both with TLS or both without\n"
     "etc/n1.yaml:5:12: 'a' is there twice\n"},
    {"lok: 1\npeers: 3\ndata: ''\n",
     "etc/n1.yaml:1:1: unknown key 'lok'; known here: data, listen, advertise, peers, tls, "
     "profile, log\n"
     "etc/n1.yaml:1:1: key 'listen' is missing\n"
     "etc/n1.yaml:2:8: 'peers' must be a list of mappings\n"
     "etc/n1.yaml:3:7: 'data' must have 1 to 1024 characters, not 0\n"},
};

START_TEST(node_faults)
{
    ck_assert_int_eq(read_node(node_rows[_i].text), TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(config), node_rows[_i].report);
    config_close(config);
}
END_TEST

/* What the YAML library says differs by version: the place is ours to promise. */
START_TEST(broken_yaml)
{
    ck_assert_int_eq(read_node("data: [d\nlisten: x\n"), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(config_faults(config), "etc/n1.yaml:2:"));
    config_close(config);
    ck_assert_int_eq(read_node("data: \xff\xfe\n"), TALLY_E_MALFORMED);
    config_close(config);
}
END_TEST

#define MEMBERS "members: [{name: n1, site: s, key: n1.pub}]\n"
#define ROOT    "root: {threshold: 1, keys: [r.pub]}\n"
#define PEOPLE  "principals: [{id: a, kind: human, keys: [a.pub], roles: [author]}]\n"

START_TEST(genesis_good)
{
    ck_assert_msg(read_genesis("name: acme\n" MEMBERS ROOT PEOPLE) == TALLY_OK, "%s",
                  config_faults(config));
    const struct genesis_config_member *members = genesis.members.items;
    const struct genesis_config_principal *people = genesis.principals.items;

    ck_assert_str_eq(genesis.name.text, "acme");
    ck_assert_str_eq(members[0].key.text, "n1.pub");
    ck_assert_uint_eq(genesis.root.threshold.value, 1);
    ck_assert_str_eq(genesis.root.keys.items[0].text, "r.pub");
    ck_assert_str_eq(people[0].kind.text, "human");
    ck_assert_str_eq(people[0].roles.items[0].text, "author");
    config_close(config);
}
END_TEST

static const struct row genesis_rows[] = {
    {"name: a\n" MEMBERS PEOPLE "root: {threshold: 2, keys: [r.pub]}\n",
     "g.yaml:4:19: threshold 2 of 1 root keys cannot be reached\n"},
    {"name: a\n" MEMBERS PEOPLE "root: {threshold: '1', keys: [r.pub]}\n",
     "g.yaml:4:19: 'threshold' must be a whole number\n"},
    {"name: a\n" MEMBERS PEOPLE "root: {threshold: 01, keys: [r.pub]}\n",
     "g.yaml:4:19: 'threshold' must be a whole number\n"},
    {"name: a\n" MEMBERS PEOPLE "root: {threshold: 0, keys: [r.pub, r.pub]}\n",
     "g.yaml:4:19: 'threshold' must be 1 to 16, not 0\n"
     "g.yaml:4:36: 'r.pub' is there twice\n"},
    {"name: a\n" ROOT PEOPLE "members: []\n",
     "g.yaml:4:10: 'members' must have 1 to 7 entries, not 0\n"},
    {"name: a\n" ROOT PEOPLE
     "members: [{name: n, site: s, key: k}, {name: n, site: s, key: k}]\n",
     "g.yaml:4:46: 'n' is there twice\n"
     "g.yaml:4:63: 'k' is there twice\n"},
    {"name: a\n" MEMBERS ROOT "principals: [{id: a, kind: dog, keys: [], roles: [[]]}]\n",
     "g.yaml:4:28: 'kind' must be one of human, service, robot, not 'dog'\n"
     "g.yaml:4:39: 'keys' must have 1 to 8 entries, not 0\n"
     "g.yaml:4:51: 'roles' must be a list of texts\n"},
};

START_TEST(genesis_faults)
{
    ck_assert_int_eq(read_genesis(genesis_rows[_i].text), TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(config), genesis_rows[_i].report);
    config_close(config);
}
END_TEST

START_TEST(many_faults)
{
    char text[8192] = PLAIN;
    size_t at = strlen(text);

    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "x%d: 1\n", i);
    ck_assert_int_eq(read_node(text), TALLY_E_MALFORMED);
    ck_assert_ptr_nonnull(strstr(config_faults(config), "and 36 more faults"));
    config_close(config);
}
END_TEST

START_TEST(many_keys)
{
    char text[8192] = PLAIN;
    size_t at = strlen(text);

    for (int i = 0; i < 300; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "x%d: 1\n", i);
    ck_assert_int_eq(read_node(text), TALLY_E_MALFORMED);
    ck_assert_str_eq(config_faults(config), "etc/n1.yaml:1:1: more than 256 keys\n");
    config_close(config);
}
END_TEST

START_TEST(files)
{
    char *text = calloc(1, LIMIT_CONFIG_FILE_SIZE + 2);
    struct tally_diag diag = {""};

    memset(text, '#', LIMIT_CONFIG_FILE_SIZE + 1);
    ck_assert_int_eq(
        config_open_text("x", bytes_of(text, LIMIT_CONFIG_FILE_SIZE + 1), &config, &diag),
        TALLY_E_TOO_LARGE);
    free(text);
    ck_assert_int_eq(config_open("/nowhere/at/all.yaml", &config, &diag), TALLY_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(diag.text, "/nowhere/at/all.yaml"));
    ck_assert_int_eq(config_open("/", &config, &diag), TALLY_E_IO);
    config_close(NULL);
}
END_TEST

/* A table with the types that the two files do not use. */
struct other {
    struct config_place place;
    struct config_number flag, number;
};
static const struct config_field other_fields[] = {
    {.key = "flag", .type = CONFIG_BOOL, .offset = offsetof(struct other, flag)},
    {.key = "number",
     .type = CONFIG_NUMBER,
     .min = 2,
     .max = 9,
     .offset = offsetof(struct other, number)},
};
static const struct config_table other_table = {other_fields, 2, sizeof(struct other)};

START_TEST(other_types)
{
    static const struct {
        const char *text, *report;
        uint64_t flag, number;
    } rows[] = {
        {"flag: true\nnumber: 9\n", "", 1, 9},
        {"flag: false\nnumber: 2\n", "", 0, 2},
        {"flag: 'true'\n", "x:1:7: 'flag' must be true or false\n", 0, 0},
        {"flag: yes\n", "x:1:7: 'flag' must be true or false\n", 0, 0},
        {"flag: []\n", "x:1:7: 'flag' must be true or false\n", 0, 0},
        {"number: 10\n", "x:1:9: 'number' must be 2 to 9, not 10\n", 0, 0},
        {"number: -3\n", "x:1:9: 'number' must be a whole number\n", 0, 0},
        {"number: 99999999999999999999\n", "x:1:9: 'number' must be a whole number\n", 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct other other;

        ck_assert_int_eq(
            config_open_text("x", bytes_of(rows[i].text, strlen(rows[i].text)), &config, NULL),
            TALLY_OK);
        ck_assert_int_eq(config_read(config, &other_table, &other),
                         rows[i].report[0] == '\0' ? TALLY_OK : TALLY_E_MALFORMED);
        ck_assert_str_eq(config_faults(config), rows[i].report);
        ck_assert_uint_eq(other.flag.value, rows[i].flag);
        ck_assert_uint_eq(other.number.value, rows[i].number);
        config_close(config);
    }
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *all = tcase_create("all");

    tcase_add_test(all, node_plain);
    tcase_add_test(all, node_tls);
    tcase_add_test(all, node_printed);
    tcase_add_loop_test(all, node_faults, 0, (int)(sizeof node_rows / sizeof node_rows[0]));
    tcase_add_test(all, broken_yaml);
    tcase_add_test(all, genesis_good);
    tcase_add_loop_test(all, genesis_faults, 0,
                        (int)(sizeof genesis_rows / sizeof genesis_rows[0]));
    tcase_add_test(all, many_faults);
    tcase_add_test(all, many_keys);
    tcase_add_test(all, files);
    tcase_add_test(all, other_types);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
