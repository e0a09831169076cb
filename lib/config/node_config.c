#include "config/node_config.h"

#include <string.h>

#include "base/limits.h"

enum { PATH_MAX_SIZE = 1024 };

static const char scheme_tls[] = "tls+tcp://";
static const char scheme_tcp[] = "tcp://";

static const char *const profiles[] = {"lan", "wan", NULL};
static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};

/* The file as its tables have it. */
struct listen_section {
    struct config_place place;
    struct config_text peers, clients;
};
struct tls_section {
    struct config_place place;
    struct node_config_tls peers, clients;
};
struct node_file {
    struct config_place place;
    struct config_text data;
    struct listen_section listen;
    struct config_text advertise;
    struct config_maps peers;
    struct tls_section tls;
    struct config_text profile, log;
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define URL(name, is_required, member)                                                         \
    {                                                                                          \
        .key = (name), .type = CONFIG_TEXT, .required = (is_required), .min = 1,               \
        .max = LIMIT_URL_SIZE, .offset = (member)                                              \
    }
#define FILE_PATH(name, member)                                                                \
    {                                                                                          \
        .key = (name), .type = CONFIG_PATH, .required = true, .min = 1, .max = PATH_MAX_SIZE,  \
        .offset = (member)                                                                     \
    }

static const struct config_field listen_fields[] = {
    URL("peers", true, offsetof(struct listen_section, peers)),
    URL("clients", true, offsetof(struct listen_section, clients)),
};
static const struct config_table listen_table = {listen_fields, COUNT(listen_fields),
                                                 sizeof(struct listen_section)};

static const struct config_field peer_fields[] = {
    {.key = "name",
     .type = CONFIG_TEXT,
     .required = true,
     .min = 1,
     .max = LIMIT_NAME_SIZE,
     .offset = offsetof(struct node_config_peer, name)},
    URL("peer", true, offsetof(struct node_config_peer, peer_url)),
    URL("client", true, offsetof(struct node_config_peer, client_url)),
};
static const struct config_table peer_table = {peer_fields, COUNT(peer_fields),
                                               sizeof(struct node_config_peer)};

static const struct config_field peers_tls_fields[] = {
    FILE_PATH("cert", offsetof(struct node_config_tls, cert)),
    FILE_PATH("key", offsetof(struct node_config_tls, key)),
    FILE_PATH("ca", offsetof(struct node_config_tls, ca)),
};
static const struct config_table peers_tls_table = {peers_tls_fields, COUNT(peers_tls_fields),
                                                    sizeof(struct node_config_tls)};

static const struct config_field clients_tls_fields[] = {
    FILE_PATH("cert", offsetof(struct node_config_tls, cert)),
    FILE_PATH("key", offsetof(struct node_config_tls, key)),
};
static const struct config_table clients_tls_table = {
    clients_tls_fields, COUNT(clients_tls_fields), sizeof(struct node_config_tls)};

static const struct config_field tls_fields[] = {
    {.key = "peers",
     .type = CONFIG_MAP,
     .offset = offsetof(struct tls_section, peers),
     .table = &peers_tls_table},
    {.key = "clients",
     .type = CONFIG_MAP,
     .offset = offsetof(struct tls_section, clients),
     .table = &clients_tls_table},
};
static const struct config_table tls_table = {tls_fields, COUNT(tls_fields),
                                              sizeof(struct tls_section)};

static const struct config_field node_fields[] = {
    FILE_PATH("data", offsetof(struct node_file, data)),
    {.key = "listen",
     .type = CONFIG_MAP,
     .required = true,
     .offset = offsetof(struct node_file, listen),
     .table = &listen_table},
    URL("advertise", false, offsetof(struct node_file, advertise)),
    {.key = "peers",
     .type = CONFIG_MAPS,
     .required = true,
     .min = 0,
     .max = LIMIT_MEMBERS,
     .offset = offsetof(struct node_file, peers),
     .table = &peer_table},
    {.key = "tls",
     .type = CONFIG_MAP,
     .offset = offsetof(struct node_file, tls),
     .table = &tls_table},
    {.key = "profile",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct node_file, profile),
     .choices = profiles},
    {.key = "log",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct node_file, log),
     .choices = log_levels},
};
static const struct config_table node_table = {node_fields, COUNT(node_fields),
                                               sizeof(struct node_file)};

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void check_url(struct config *config, const struct config_text *url)
{
    if (url->text == NULL) return;
    const char *rest = begins(url->text, scheme_tls)   ? url->text + strlen(scheme_tls)
                       : begins(url->text, scheme_tcp) ? url->text + strlen(scheme_tcp)
                                                       : NULL;
    const char *colon = rest == NULL ? NULL : strrchr(rest, ':');

    if (colon == NULL || colon == rest || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        config_fault(config, url->place,
                     "'%.80s' is not tls+tcp://host:port (or tcp://host:port)", url->text);
}

/* Both URLs, when there are two, must agree on TLS: one side would never understand the other.
 */
static void check_same_scheme(struct config *config, const struct config_text *own,
                              const struct config_text *other)
{
    if (own->text == NULL || other->text == NULL) return;
    if (begins(own->text, scheme_tls) != begins(other->text, scheme_tls))
        config_fault(config, other->place, "'%.80s' and '%.80s': both with TLS or both without",
                     own->text, other->text);
}

/* A section of certificates is there exactly when the URL that needs it says tls+tcp. */
static void check_tls(struct config *config, const struct config_text *url,
                      const struct node_config_tls *tls, const char *name)
{
    if (url->text == NULL) return;
    const bool want = begins(url->text, scheme_tls);

    if (want && tls->place.line == 0)
        config_fault(config, url->place, "'%.80s' needs the section tls.%s", url->text, name);
    if (!want && tls->place.line != 0)
        config_fault(config, tls->place, "tls.%s is of no use: listen.%s is without TLS", name,
                     name);
}

static void check_file(struct config *config, const struct node_file *file)
{
    const struct node_config_peer *peers = file->peers.items;

    check_url(config, &file->listen.peers);
    check_url(config, &file->listen.clients);
    check_url(config, &file->advertise);
    check_same_scheme(config, &file->listen.clients, &file->advertise);
    check_tls(config, &file->listen.peers, &file->tls.peers, "peers");
    check_tls(config, &file->listen.clients, &file->tls.clients, "clients");
    for (uint32_t i = 0; i < file->peers.count; i++) {
        check_url(config, &peers[i].peer_url);
        check_url(config, &peers[i].client_url);
        check_same_scheme(config, &file->listen.peers, &peers[i].peer_url);
        check_same_scheme(config, &file->listen.clients, &peers[i].client_url);
        for (uint32_t j = 0; j < i; j++)
            if (peers[i].name.text != NULL && peers[j].name.text != NULL &&
                strcmp(peers[i].name.text, peers[j].name.text) == 0)
                config_fault(config, peers[i].name.place, "'%s' is there twice",
                             peers[i].name.text);
    }
}

/* The place of a text in a list of choices that it is known to be in; `absent` for NULL. */
static uint32_t choice(const char *text, const char *const *choices, uint32_t absent)
{
    if (text == NULL) return absent;
    for (uint32_t i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], text) == 0) return i;
    return absent;
}

enum tally_err node_config_read(struct config *config, struct node_config *ret_config)
{
    struct node_file file;
    enum tally_err err = config_read(config, &node_table, &file);

    if (err == TALLY_E_NO_MEMORY) return err;
    check_file(config, &file);
    err = config_result(config);
    if (err != TALLY_OK) return err;
    *ret_config = (struct node_config){
        .data = file.data.text,
        .peer_listen = file.listen.peers.text,
        .client_listen = file.listen.clients.text,
        .advertise =
            file.advertise.text != NULL ? file.advertise.text : file.listen.clients.text,
        .peers_count = file.peers.count,
        .peers = file.peers.items,
        .tls_peers = file.tls.peers,
        .tls_clients = file.tls.clients,
        .profile = (enum node_profile)choice(file.profile.text, profiles, NODE_PROFILE_LAN),
        .log_level = (enum node_log_level)choice(file.log.text, log_levels, NODE_LOG_INFO),
    };
    return TALLY_OK;
}

/* A text as a double-quoted YAML scalar. */
static void print_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            (void)fprintf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            (void)fprintf(out, "\\x%02x", (unsigned char)*c);
        else
            (void)fputc(*c, out);
    }
    (void)fputc('"', out);
}

static void print_pair(FILE *out, const char *before, const char *text, const char *after)
{
    (void)fputs(before, out);
    print_text(out, text);
    (void)fputs(after, out);
}

static void print_tls(FILE *out, const char *name, const struct node_config_tls *tls)
{
    if (tls->place.line == 0) return;
    (void)fprintf(out, "  %s:\n", name);
    print_pair(out, "    cert: ", tls->cert.text, "\n");
    print_pair(out, "    key: ", tls->key.text, "\n");
    if (tls->ca.text != NULL) print_pair(out, "    ca: ", tls->ca.text, "\n");
}

void node_config_print(const struct node_config *config, FILE *out)
{
    print_pair(out, "data: ", config->data, "\n");
    print_pair(out, "listen:\n  peers: ", config->peer_listen, "\n");
    print_pair(out, "  clients: ", config->client_listen, "\n");
    print_pair(out, "advertise: ", config->advertise, "\n");
    (void)fputs(config->peers_count == 0 ? "peers: []\n" : "peers:\n", out);
    for (uint32_t i = 0; i < config->peers_count; i++) {
        print_pair(out, "  - name: ", config->peers[i].name.text, "\n");
        print_pair(out, "    peer: ", config->peers[i].peer_url.text, "\n");
        print_pair(out, "    client: ", config->peers[i].client_url.text, "\n");
    }
    if (config->tls_peers.place.line != 0 || config->tls_clients.place.line != 0)
        (void)fputs("tls:\n", out);
    print_tls(out, "peers", &config->tls_peers);
    print_tls(out, "clients", &config->tls_clients);
    (void)fprintf(out, "profile: %s\nlog: %s\n", profiles[config->profile],
                  log_levels[config->log_level]);
}
