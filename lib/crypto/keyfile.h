/* crypto/keyfile - keys in files.
 *
 * A secret key file is a small text with mode 0600: created with O_EXCL, so that a key
 * is never overwritten, and refused when group or others may read it. Beside it stands
 * `<path>.pub` with the public half. docs/formats.md has the texts.
 *
 * Errors of all functions that touch files: TALLY_E_IO (the operating system refused;
 * the diag says what), and for loads also TALLY_E_NOT_FOUND (no such file),
 * TALLY_E_INVALID (readable by group or others, or not a regular file) and
 * TALLY_E_MALFORMED (the text). Thread-safe. */
#ifndef CRYPTO_KEYFILE_H
#define CRYPTO_KEYFILE_H

#include "base/limits.h"
#include "crypto/sign.h"
#include "crypto/vkey.h"
#include <stdint.h>
#include <tally/err.h>

/* A person's or a program's key, with which it signs events. Secret: wipe it. */
struct user_key {
    char name[LIMIT_NAME_SIZE + 1];
    struct sign_key key;
};

/* The three keys of a node, all made from one seed. Secret: wipe them. */
struct node_keys {
    char name[LIMIT_NAME_SIZE + 1];
    uint64_t incarnation;   /* random, not 0: a node with a new key is a new node */
    struct sign_key log;    /* signs checkpoints; vkey type 0x01, name = origin */
    struct sign_key cosign; /* cosigns them; vkey type 0x04, name = <origin>/<node> */
    struct sign_key peer;   /* signs block headers and the Hello of peer sessions */
};

/* The public half of struct node_keys. */
struct node_public {
    char name[LIMIT_NAME_SIZE + 1];
    uint64_t incarnation;
    uint8_t log[SIGN_PUBLIC_BYTES];
    uint8_t cosign[SIGN_PUBLIC_BYTES];
    uint8_t peer[SIGN_PUBLIC_BYTES];
};

/* May this be the name of a user or node? 1 to LIMIT_NAME_SIZE of a-z 0-9 . _ - and not
 * beginning with a dot or a dash: it becomes part of subjects, key names and file names. */
bool keyfile_name_valid(const char *name);

/* Make a new key and write `path` and `path`.pub. Both are on disk (fsync) on OK; on any
 * error neither is left behind.
 *   TALLY_E_INVALID   not a name, or the path is too long
 *   TALLY_E_CONFLICT  one of the files exists
 *   TALLY_E_IO */
TALLY_NODISCARD enum tally_err keyfile_user_create(const char *path, const char *name,
                                                   struct tally_diag *diag);
TALLY_NODISCARD enum tally_err keyfile_node_create(const char *path, const char *name,
                                                   struct tally_diag *diag);

/* Read a secret key file; wipe the result after use. */
TALLY_NODISCARD enum tally_err keyfile_user_load(const char *path, struct user_key *ret_key,
                                                 struct tally_diag *diag);
TALLY_NODISCARD enum tally_err keyfile_node_load(const char *path, struct node_keys *ret_keys,
                                                 struct tally_diag *diag);

/* Read the public files that the two create functions wrote. */
TALLY_NODISCARD enum tally_err keyfile_user_public_load(const char *path, struct vkey *ret_vkey,
                                                        struct tally_diag *diag);
TALLY_NODISCARD enum tally_err keyfile_node_public_load(const char *path,
                                                        struct node_public *ret_public,
                                                        struct tally_diag *diag);

/* The keys of a node with this name, incarnation and seed: what keyfile_node_load() makes
 * of the file's three values. `name` must be valid. */
void keyfile_node_derive(const char *name, uint64_t incarnation,
                         const uint8_t seed[SIGN_SEED_BYTES], struct node_keys *ret_keys);
void keyfile_node_public(const struct node_keys *keys, struct node_public *ret_public);

void keyfile_user_wipe(struct user_key *key);
void keyfile_node_wipe(struct node_keys *keys);

#endif
