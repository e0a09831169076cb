/* support/trust_text - trust files for tests: fixed keys, and marks that stand for them.
 *
 * $L1, $L2 are log keys named "log", $X is a log key named "other", $W1 .. $W4 are the
 * cosignature keys of n1 .. n4. */
#ifndef SUPPORT_TRUST_TEXT_H
#define SUPPORT_TRUST_TEXT_H

#include "crypto/sign.h"
#include "crypto/vkey.h"
#include "note/trust.h"

enum {
    TRUST_TEXT_L1,
    TRUST_TEXT_L2,
    TRUST_TEXT_X,
    TRUST_TEXT_W1,
    TRUST_TEXT_W2,
    TRUST_TEXT_W3,
    TRUST_TEXT_W4,
    TRUST_TEXT_KEYS,
};

/* Three witnesses, as text. */
#define TRUST_TEXT_THREE "witness n1 $W1\nwitness n2 $W2\nwitness n3 $W3\n"

/* Key number `i` and its vkey. */
void trust_text_key(int i, struct sign_key *ret_key, struct vkey *ret_vkey);
/* The text with the marks replaced, in a static buffer that the next call reuses. */
const char *trust_text_expand(const char *text);
/* Expand and parse a text that must be good. */
void trust_text_parse(const char *text, struct trust *ret_trust);

#endif
