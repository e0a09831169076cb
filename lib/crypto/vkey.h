/* crypto/vkey - verifier keys as text: `<name>+<8 hex key id>+<base64(type || public key)>`
 *
 * The key id is the first four bytes of SHA-256(name || 0x0A || type || public key). Only
 * the two Ed25519 types are known here. Thread-safe; nothing allocates. */
#ifndef CRYPTO_VKEY_H
#define CRYPTO_VKEY_H

#include "base/limits.h"
#include "crypto/sign.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

enum vkey_type {
    VKEY_ED25519 = 0x01,     /* a note signature: logs, users */
    VKEY_COSIGNATURE = 0x04, /* a timestamped cosignature: members, witnesses */
};

/* Room for a formatted vkey and its NUL. */
#define VKEY_TEXT_MAX (LIMIT_KEY_NAME_SIZE + 1 + 8 + 1 + 44 + 1)

struct vkey {
    char name[LIMIT_KEY_NAME_SIZE + 1]; /* NUL-terminated */
    uint8_t type;                       /* enum vkey_type */
    uint32_t id;
    uint8_t public_key[SIGN_PUBLIC_BYTES];
};

/* May these bytes be a key name? Not empty, at most LIMIT_KEY_NAME_SIZE, valid UTF-8
 * without control characters, Unicode spaces and '+'. */
bool vkey_name_valid(const char *name, size_t size);

/* Make the vkey of a public key.
 *   TALLY_E_INVALID  `name` (NUL-terminated) is no key name */
TALLY_NODISCARD enum tally_err vkey_make(const char *name, enum vkey_type type,
                                         const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                         struct vkey *ret_vkey);

/* Parse exactly `size` characters, without a newline.
 *   TALLY_E_MALFORMED  not a vkey, an unknown type, or a key id that is not this key's */
TALLY_NODISCARD enum tally_err vkey_parse(const char *text, size_t size, struct vkey *ret_vkey,
                                          struct tally_diag *diag);

/* Write the text with a NUL. */
void vkey_format(const struct vkey *vkey, char ret_text[VKEY_TEXT_MAX]);

#endif
