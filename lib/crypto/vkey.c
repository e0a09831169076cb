#include "crypto/vkey.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "crypto/hash.h"
#include <string.h>

#define KEY_MATERIAL_BYTES (1u + SIGN_PUBLIC_BYTES) /* type || public key */

_Static_assert(BASE64_TEXT_SIZE(KEY_MATERIAL_BYTES) == 44, "VKEY_TEXT_MAX counts on it");

/* Size of the Unicode space (property White_Space, beyond ASCII) that `text` starts with,
 * 0 if it starts with none. `text` is valid UTF-8. */
static size_t unicode_space(const uint8_t *text, size_t size)
{
    if (size >= 2 && text[0] == 0xC2) return text[1] == 0x85 || text[1] == 0xA0 ? 2 : 0;
    if (size < 3) return 0;
    const uint32_t point = (text[0] & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
    if ((text[0] & 0xF0u) != 0xE0u) return 0;
    if (point >= 0x2000 && point <= 0x200A) return 3;
    return point == 0x1680 || point == 0x2028 || point == 0x2029 || point == 0x202F ||
                   point == 0x205F || point == 0x3000
               ? 3
               : 0;
}

bool vkey_name_valid(const char *name, size_t size)
{
    const uint8_t *text = (const uint8_t *)name;

    if (size == 0 || size > LIMIT_KEY_NAME_SIZE || !bytes_utf8(name, size)) return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= 0x20 || text[i] == 0x7F || text[i] == '+') return false;
        if (unicode_space(text + i, size - i) > 0) return false;
    }
    return true;
}

static uint32_t key_id(const char *name, size_t name_size,
                       const uint8_t material[KEY_MATERIAL_BYTES])
{
    struct hash_state state;
    struct tally_hash hash;

    hash_begin(&state);
    hash_update(&state, name, name_size);
    hash_update(&state, "\n", 1);
    hash_update(&state, material, KEY_MATERIAL_BYTES);
    hash_finish(&state, &hash);
    struct bytes_reader reader = bytes_reader(hash.bytes, 4);
    return bytes_get_u32(&reader);
}

/* `name_size` was checked by vkey_name_valid(). */
static void fill(const char *name, size_t name_size, const uint8_t material[KEY_MATERIAL_BYTES],
                 struct vkey *ret_vkey)
{
    ASSERT(name_size <= LIMIT_KEY_NAME_SIZE);
    *ret_vkey = (struct vkey){.type = material[0], .id = key_id(name, name_size, material)};
    memcpy(ret_vkey->name, name, name_size);
    memcpy(ret_vkey->public_key, material + 1, SIGN_PUBLIC_BYTES);
}

enum tally_err vkey_make(const char *name, enum vkey_type type,
                         const uint8_t public_key[SIGN_PUBLIC_BYTES], struct vkey *ret_vkey)
{
    const size_t name_size = strlen(name);
    uint8_t material[KEY_MATERIAL_BYTES] = {(uint8_t)type};

    ASSERT(type == VKEY_ED25519 || type == VKEY_COSIGNATURE);
    if (!vkey_name_valid(name, name_size)) return TALLY_E_INVALID;
    memcpy(material + 1, public_key, SIGN_PUBLIC_BYTES);
    fill(name, name_size, material, ret_vkey);
    return TALLY_OK;
}

enum tally_err vkey_parse(const char *text, size_t size, struct vkey *ret_vkey,
                          struct tally_diag *diag)
{
    uint8_t material[KEY_MATERIAL_BYTES];
    uint8_t id[4];

    /* A name has no '+', so the first one ends it; base64 may contain more of them. */
    const char *plus = size > 0 ? memchr(text, '+', size) : NULL;
    const size_t name_size = plus != NULL ? (size_t)(plus - text) : size;
    const size_t rest = size - name_size;
    if (plus == NULL || rest < 10 || plus[9] != '+' || !bytes_unhex(plus + 1, 8, id, 4)) {
        tally_diag_set(diag, "not of the form <name>+<8 hex digits>+<base64>");
        return TALLY_E_MALFORMED;
    }
    if (!vkey_name_valid(text, name_size)) {
        tally_diag_set(diag, "not a key name before the first '+'");
        return TALLY_E_MALFORMED;
    }
    const char *base64 = plus + 10;
    const size_t base64_size = rest - 10;
    uint8_t first[3] = {0};
    if (base64_size >= 4 && base64_decode(base64, 4, first) && first[0] != VKEY_ED25519 &&
        first[0] != VKEY_COSIGNATURE) {
        tally_diag_set(diag, "key type 0x%02x is not supported", (unsigned)first[0]);
        return TALLY_E_MALFORMED;
    }
    if (base64_decoded_size(base64, base64_size) != sizeof material ||
        !base64_decode(base64, base64_size, material)) {
        tally_diag_set(diag, "the key is not base64 of %u bytes", KEY_MATERIAL_BYTES);
        return TALLY_E_MALFORMED;
    }
    struct vkey vkey;
    fill(text, name_size, material, &vkey);
    struct bytes_reader reader = bytes_reader(id, sizeof id);
    if (bytes_get_u32(&reader) != vkey.id) {
        tally_diag_set(diag, "the key id should be %08x", (unsigned)vkey.id);
        return TALLY_E_MALFORMED;
    }
    *ret_vkey = vkey;
    return TALLY_OK;
}

void vkey_format(const struct vkey *vkey, char ret_text[VKEY_TEXT_MAX])
{
    const size_t name_size = strlen(vkey->name);
    uint8_t id[4];
    uint8_t material[KEY_MATERIAL_BYTES] = {vkey->type};
    char *at = ret_text;

    ASSERT(vkey_name_valid(vkey->name, name_size));
    memcpy(at, vkey->name, name_size);
    at += name_size;
    *at++ = '+';
    struct bytes_writer writer = bytes_writer(id, sizeof id);
    bytes_put_u32(&writer, vkey->id);
    bytes_hex(id, sizeof id, at); /* its NUL is the place of the next '+' */
    at += 8;
    *at++ = '+';
    memcpy(material + 1, vkey->public_key, SIGN_PUBLIC_BYTES);
    base64_encode(material, sizeof material, at);
    at[BASE64_TEXT_SIZE(sizeof material)] = '\0';
}
