#include "crypto/keyfile.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/decimal.h"
#include "crypto/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX 1024 /* no key file is longer */

_Static_assert(FILE_SIZE_MAX >= VKEY_TEXT_MAX + 1, "a user's public file is one vkey line");
_Static_assert(SIGN_SEED_BYTES == crypto_kdf_KEYBYTES, "a node's seed is a kdf master key");

static const char kdf_context[crypto_kdf_CONTEXTBYTES] = {'t', 'a', 'l', 'l',
                                                          'y', 'n', 'o', 'd'};

/* Subkey numbers of a node's seed. */
enum { SUBKEY_LOG = 1, SUBKEY_COSIGN = 2, SUBKEY_PEER = 3 };

/* A key file's text, on the way in or out. May hold a seed: wiped by its user. */
struct file_text {
    char data[FILE_SIZE_MAX + 1];
    size_t size;
    size_t at; /* reading: the next line begins here */
};

bool keyfile_name_valid(const char *name)
{
    const size_t size = strlen(name);

    if (size == 0 || size > LIMIT_NAME_SIZE || name[0] == '.' || name[0] == '-') return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

/* ---- text ---------------------------------------------------------------------------- */

static void put(struct file_text *text, const char *key, const char *value)
{
    const int size = snprintf(text->data + text->size, sizeof text->data - text->size,
                              "%s %s\n", key, value);

    ASSERT(size > 0 && (size_t)size < sizeof text->data - text->size);
    text->size += (size_t)size;
}

static void put_hex(struct file_text *text, const char *key, const uint8_t bytes[32])
{
    char hex[65];

    bytes_hex(bytes, 32, hex);
    put(text, key, hex);
    secret_wipe(hex, sizeof hex);
}

static void put_number(struct file_text *text, const char *key, uint64_t value)
{
    char digits[DECIMAL_TEXT_MAX + 1] = {0};

    decimal_format(value, digits);
    put(text, key, digits);
}

/* The next line must be `key`, a space and something: that something, NULL otherwise. */
static const char *take(struct file_text *text, const char *key, size_t *ret_size)
{
    const char *line = text->data + text->at;
    const char *end = memchr(line, '\n', text->size - text->at);
    const size_t key_size = strlen(key);

    if (end == NULL || (size_t)(end - line) < key_size + 2) return NULL;
    if (memcmp(line, key, key_size) != 0 || line[key_size] != ' ') return NULL;
    text->at += (size_t)(end - line) + 1;
    *ret_size = (size_t)(end - line) - key_size - 1;
    return line + key_size + 1;
}

static bool take_word(struct file_text *text, const char *key, const char *word)
{
    size_t size = 0;
    const char *value = take(text, key, &size);

    return value != NULL && size == strlen(word) && memcmp(value, word, size) == 0;
}

static bool take_name(struct file_text *text, char ret_name[LIMIT_NAME_SIZE + 1])
{
    size_t size = 0;
    const char *value = take(text, "name", &size);

    if (value == NULL || size > LIMIT_NAME_SIZE || memchr(value, '\0', size) != NULL)
        return false;
    memset(ret_name, 0, LIMIT_NAME_SIZE + 1);
    memcpy(ret_name, value, size);
    return keyfile_name_valid(ret_name);
}

static bool take_incarnation(struct file_text *text, uint64_t *ret_incarnation)
{
    size_t size = 0;
    const char *value = take(text, "incarnation", &size);

    return value != NULL && decimal_parse(value, size, UINT64_MAX, ret_incarnation) &&
           *ret_incarnation != 0;
}

static bool take_hex(struct file_text *text, const char *key, uint8_t ret_bytes[32])
{
    size_t size = 0;
    const char *value = take(text, key, &size);

    return value != NULL && bytes_unhex(value, size, ret_bytes, 32);
}

/* ---- files --------------------------------------------------------------------------- */

/* Read a whole file; a secret one must not be open to others. */
static enum tally_err file_read(const char *path, bool secret, struct file_text *ret_text,
                                struct tally_diag *diag)
{
    struct stat info;
    ssize_t got = 0;
    enum tally_err err = TALLY_E_IO;

    /* O_NONBLOCK: a FIFO in the place of a key file must not hang us. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? TALLY_E_NOT_FOUND : TALLY_E_IO;
    }
    *ret_text = (struct file_text){.size = 0};
    if (fstat(fd, &info) != 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        goto out;
    }
    err = TALLY_E_INVALID;
    if (!S_ISREG(info.st_mode)) {
        tally_diag_set(diag, "%s: not a regular file", path);
        goto out;
    }
    if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        tally_diag_set(diag, "%s: others may read this secret key (mode %03o): chmod 600 it",
                       path, (unsigned)(info.st_mode & 0777));
        goto out;
    }
    do {
        got = read(fd, ret_text->data + ret_text->size, sizeof ret_text->data - ret_text->size);
        if (got > 0) ret_text->size += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        err = TALLY_E_IO;
        goto out;
    }
    err = TALLY_OK;
    if (ret_text->size > FILE_SIZE_MAX) {
        tally_diag_set(diag, "%s: too long for a key file", path);
        err = TALLY_E_MALFORMED;
    }
out:
    close(fd); /* it was only read */
    return err;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t done = write(fd, data, size);

        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        data += done;
        size -= (size_t)done;
    }
    return true;
}

/* Create one file with this text, durably; on an error it is not there. */
static enum tally_err file_create(const char *path, const struct file_text *text, mode_t mode,
                                  struct tally_diag *diag)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0) {
        tally_diag_set(diag, "%s: %s", path, strerror(errno));
        return errno == EEXIST ? TALLY_E_CONFLICT : TALLY_E_IO;
    }
    bool good = write_all(fd, text->data, text->size) && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) != 0 && good) {
        reason = errno;
        good = false;
    }
    if (good) return TALLY_OK;
    tally_diag_set(diag, "%s: %s", path, strerror(reason));
    unlink(path);
    return TALLY_E_IO;
}

/* Make the directory entry of `path` survive power loss. */
static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

    ASSERT(size < sizeof folder);
    memcpy(folder, path, size);
    folder[size] = '\0';
    const int fd = open(size == 0 ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

/* Create `path` and `path`.pub, both or none. */
static enum tally_err pair_create(const char *path, const struct file_text *secret,
                                  const struct file_text *public_half, struct tally_diag *diag)
{
    char public_path[PATH_MAX];
    const int size = snprintf(public_path, sizeof public_path, "%s.pub", path);

    if (size < 0 || (size_t)size >= sizeof public_path) {
        tally_diag_set(diag, "the path of the key file is too long");
        return TALLY_E_INVALID;
    }
    enum tally_err err = file_create(path, secret, 0600, diag);
    if (err != TALLY_OK) return err;
    err = file_create(public_path, public_half, 0644, diag);
    if (err != TALLY_OK) {
        unlink(path);
        return err;
    }
    if (!sync_folder_of(path)) {
        tally_diag_set(diag, "%s: cannot sync its folder: %s", path, strerror(errno));
        unlink(public_path);
        unlink(path);
        return TALLY_E_IO;
    }
    return TALLY_OK;
}

/* ---- users --------------------------------------------------------------------------- */

static enum tally_err bad_name(const char *name, struct tally_diag *diag)
{
    tally_diag_set(diag, "'%.80s' is no name: 1 to %d of a-z 0-9 . _ -, no dot or dash first",
                   name, LIMIT_NAME_SIZE);
    return TALLY_E_INVALID;
}

static enum tally_err bad_text(const char *path, const char *kind, struct tally_diag *diag)
{
    tally_diag_set(diag, "%s: not a %s", path, kind);
    return TALLY_E_MALFORMED;
}

enum tally_err keyfile_user_create(const char *path, const char *name, struct tally_diag *diag)
{
    uint8_t seed[SIGN_SEED_BYTES];
    char vkey_text[VKEY_TEXT_MAX];
    struct sign_key key;
    struct vkey vkey;
    struct file_text secret = {.size = 0};
    struct file_text public_half = {.size = 0};

    if (!keyfile_name_valid(name)) return bad_name(name, diag);
    sign_keypair_new(&key, seed);
    put(&secret, "tally-key", "v1");
    put(&secret, "kind", "user");
    put(&secret, "name", name);
    put_hex(&secret, "seed", seed);
    const enum tally_err made = vkey_make(name, VKEY_ED25519, key.public_key, &vkey);
    ASSERT(made == TALLY_OK);
    vkey_format(&vkey, vkey_text);
    public_half.size = strlen(vkey_text);
    memcpy(public_half.data, vkey_text, public_half.size);
    public_half.data[public_half.size++] = '\n';

    const enum tally_err err = pair_create(path, &secret, &public_half, diag);
    secret_wipe(seed, sizeof seed);
    secret_wipe(&secret, sizeof secret);
    sign_key_wipe(&key);
    return err;
}

enum tally_err keyfile_user_load(const char *path, struct user_key *ret_key,
                                 struct tally_diag *diag)
{
    uint8_t seed[SIGN_SEED_BYTES] = {0};
    struct user_key key = {.name = ""};
    struct file_text text;

    enum tally_err err = file_read(path, true, &text, diag);
    if (err == TALLY_OK) {
        const bool good = take_word(&text, "tally-key", "v1") &&
                          take_word(&text, "kind", "user") && take_name(&text, key.name) &&
                          take_hex(&text, "seed", seed) && text.at == text.size;
        err = good ? TALLY_OK : bad_text(path, "user's secret key file", diag);
    }
    if (err == TALLY_OK) {
        sign_keypair_from_seed(seed, &key.key);
        *ret_key = key;
    }
    secret_wipe(seed, sizeof seed);
    secret_wipe(&text, sizeof text);
    keyfile_user_wipe(&key);
    return err;
}

enum tally_err keyfile_user_public_load(const char *path, struct vkey *ret_vkey,
                                        struct tally_diag *diag)
{
    struct file_text text;
    struct tally_diag detail = {""};
    enum tally_err err = file_read(path, false, &text, diag);

    if (err != TALLY_OK) return err;
    if (text.size == 0 || text.data[text.size - 1] != '\n')
        return bad_text(path, "user's public key file", diag);
    err = vkey_parse(text.data, text.size - 1, ret_vkey, &detail);
    if (err != TALLY_OK) tally_diag_set(diag, "%s: %s", path, detail.text);
    return err;
}

void keyfile_user_wipe(struct user_key *key)
{
    secret_wipe(key, sizeof *key);
}

/* ---- nodes --------------------------------------------------------------------------- */

static void derive_key(const uint8_t seed[SIGN_SEED_BYTES], uint64_t number,
                       struct sign_key *ret_key)
{
    uint8_t subseed[SIGN_SEED_BYTES];

    crypto_kdf_derive_from_key(subseed, sizeof subseed, number, kdf_context, seed);
    sign_keypair_from_seed(subseed, ret_key);
    secret_wipe(subseed, sizeof subseed);
}

void keyfile_node_derive(const char *name, uint64_t incarnation,
                         const uint8_t seed[SIGN_SEED_BYTES], struct node_keys *ret_keys)
{
    ASSERT(keyfile_name_valid(name));
    ASSERT(incarnation != 0);
    *ret_keys = (struct node_keys){.incarnation = incarnation};
    memcpy(ret_keys->name, name, strlen(name));
    derive_key(seed, SUBKEY_LOG, &ret_keys->log);
    derive_key(seed, SUBKEY_COSIGN, &ret_keys->cosign);
    derive_key(seed, SUBKEY_PEER, &ret_keys->peer);
}

void keyfile_node_public(const struct node_keys *keys, struct node_public *ret_public)
{
    *ret_public = (struct node_public){.incarnation = keys->incarnation};
    memcpy(ret_public->name, keys->name, sizeof ret_public->name);
    memcpy(ret_public->log, keys->log.public_key, SIGN_PUBLIC_BYTES);
    memcpy(ret_public->cosign, keys->cosign.public_key, SIGN_PUBLIC_BYTES);
    memcpy(ret_public->peer, keys->peer.public_key, SIGN_PUBLIC_BYTES);
}

enum tally_err keyfile_node_create(const char *path, const char *name, struct tally_diag *diag)
{
    uint8_t seed[SIGN_SEED_BYTES];
    struct node_keys keys;
    struct file_text secret = {.size = 0};
    struct file_text public_half = {.size = 0};

    if (!keyfile_name_valid(name)) return bad_name(name, diag);
    secret_random(seed, sizeof seed);
    keyfile_node_derive(name, secret_random_u64(), seed, &keys);
    put(&secret, "tally-key", "v1");
    put(&secret, "kind", "node");
    put(&secret, "name", name);
    put_number(&secret, "incarnation", keys.incarnation);
    put_hex(&secret, "seed", seed);
    put(&public_half, "tally-node", "v1");
    put(&public_half, "name", name);
    put_number(&public_half, "incarnation", keys.incarnation);
    put_hex(&public_half, "log", keys.log.public_key);
    put_hex(&public_half, "cosign", keys.cosign.public_key);
    put_hex(&public_half, "peer", keys.peer.public_key);

    const enum tally_err err = pair_create(path, &secret, &public_half, diag);
    secret_wipe(seed, sizeof seed);
    secret_wipe(&secret, sizeof secret);
    keyfile_node_wipe(&keys);
    return err;
}

enum tally_err keyfile_node_load(const char *path, struct node_keys *ret_keys,
                                 struct tally_diag *diag)
{
    uint8_t seed[SIGN_SEED_BYTES] = {0};
    char name[LIMIT_NAME_SIZE + 1] = "";
    uint64_t incarnation = 0;
    struct file_text text;

    enum tally_err err = file_read(path, true, &text, diag);
    if (err == TALLY_OK) {
        const bool good = take_word(&text, "tally-key", "v1") &&
                          take_word(&text, "kind", "node") && take_name(&text, name) &&
                          take_incarnation(&text, &incarnation) &&
                          take_hex(&text, "seed", seed) && text.at == text.size;
        err = good ? TALLY_OK : bad_text(path, "node's secret key file", diag);
    }
    if (err == TALLY_OK) keyfile_node_derive(name, incarnation, seed, ret_keys);
    secret_wipe(seed, sizeof seed);
    secret_wipe(&text, sizeof text);
    return err;
}

enum tally_err keyfile_node_public_load(const char *path, struct node_public *ret_public,
                                        struct tally_diag *diag)
{
    struct node_public found = {.name = ""};
    struct file_text text;
    const enum tally_err err = file_read(path, false, &text, diag);

    if (err != TALLY_OK) return err;
    if (!take_word(&text, "tally-node", "v1") || !take_name(&text, found.name) ||
        !take_incarnation(&text, &found.incarnation) || !take_hex(&text, "log", found.log) ||
        !take_hex(&text, "cosign", found.cosign) || !take_hex(&text, "peer", found.peer) ||
        text.at != text.size)
        return bad_text(path, "node's public key file", diag);
    *ret_public = found;
    return TALLY_OK;
}

void keyfile_node_wipe(struct node_keys *keys)
{
    secret_wipe(keys, sizeof *keys);
}
