/* note/cosignature - timestamped cosignatures (C2SP tlog-cosignature, cosignature/v1).
 *
 * u64 time || Ed25519 over "cosignature/v1\ntime <time>\n" || checkpoint text. The time is
 * in seconds since 1970 and below 2^63. Nothing allocates; thread-safe. */
#ifndef NOTE_COSIGNATURE_H
#define NOTE_COSIGNATURE_H

#include "base/bytes.h"
#include "crypto/sign.h"
#include "crypto/vkey.h"
#include "note/checkpoint.h"
#include "note/note.h"
#include <stdint.h>
#include <tally/err.h>

#define COSIGNATURE_BYTES (8u + SIGN_SIGNATURE_BYTES)

/* Cosign a checkpoint's text (at most CHECKPOINT_TEXT_MAX bytes, asserted) as of `time_s`
 * (below 2^63, asserted). The result goes into a note with note_put_line(). */
void cosignature_sign(const struct sign_key *key, struct bytes text, uint64_t time_s,
                      uint8_t ret_cosignature[COSIGNATURE_BYTES]);

/* Verify a cosignature of any length that came from anywhere.
 *   ret_time_s  the time it states; may be NULL
 *
 *   TALLY_E_SIGNATURE  it is not a cosignature of `text` by this key */
TALLY_NODISCARD enum tally_err cosignature_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                                  struct bytes text, const void *cosignature,
                                                  size_t size, uint64_t *ret_time_s);

/* Did this key (VKEY_COSIGNATURE) cosign the note? Every line by its name and id must
 * verify; if there are several, the latest time counts.
 *   ret_time_s  may be NULL
 *
 *   TALLY_E_NOT_FOUND  no line has its name and id
 *   TALLY_E_SIGNATURE  a line has, and does not verify: reject the note */
TALLY_NODISCARD enum tally_err cosignature_find(const struct note *note,
                                                const struct vkey *vkey, uint64_t *ret_time_s);

#endif
