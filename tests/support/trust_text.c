#include "support/trust_text.h"

#include <check.h>
#include <string.h>

void trust_text_key(int i, struct sign_key *ret_key, struct vkey *ret_vkey)
{
    static const char *const name[TRUST_TEXT_KEYS] = {"log", "log", "other", "n1",
                                                      "n2",  "n3",  "n4"};
    const uint8_t seed[SIGN_SEED_BYTES] = {(uint8_t)(i + 1)};

    sign_keypair_from_seed(seed, ret_key);
    ck_assert_int_eq(vkey_make(name[i], i < TRUST_TEXT_W1 ? VKEY_ED25519 : VKEY_COSIGNATURE,
                               ret_key->public_key, ret_vkey),
                     TALLY_OK);
}

const char *trust_text_expand(const char *text)
{
    static const char *const mark[TRUST_TEXT_KEYS] = {"$L1", "$L2", "$X", "$W1",
                                                      "$W2", "$W3", "$W4"};
    static char buffer[16384];
    size_t size = 0;

    while (*text != '\0') {
        struct sign_key key;
        struct vkey vkey;
        int i = 0;

        while (i < TRUST_TEXT_KEYS && strncmp(text, mark[i], strlen(mark[i])) != 0) i++;
        ck_assert_uint_lt(size + VKEY_TEXT_MAX, sizeof buffer);
        if (i == TRUST_TEXT_KEYS) {
            buffer[size++] = *text++;
            continue;
        }
        trust_text_key(i, &key, &vkey);
        vkey_format(&vkey, buffer + size);
        size += strlen(buffer + size);
        text += strlen(mark[i]);
    }
    buffer[size] = '\0';
    return buffer;
}

void trust_text_parse(const char *text, struct trust *ret_trust)
{
    struct tally_diag diag = {""};
    const char *expanded = trust_text_expand(text);

    ck_assert_msg(trust_parse(expanded, strlen(expanded), ret_trust, &diag) == TALLY_OK, "%s",
                  diag.text);
}
