/* note/note - signed notes (C2SP signed-note): text, blank line, signature lines.
 *
 * A parsed note borrows from the bytes it was parsed from. Nothing allocates; thread-safe. */
#ifndef NOTE_NOTE_H
#define NOTE_NOTE_H

#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/sign.h"
#include "crypto/vkey.h"
#include <stddef.h>
#include <stdint.h>
#include <tally/err.h>

/* One signature line. */
struct note_line {
    struct bytes name;   /* a valid key name */
    struct bytes base64; /* checked: u32 key id || signature */
    uint32_t key_id;
    size_t signature_size; /* bytes after the key id, at least 1 */
};

struct note {
    struct bytes text; /* what is signed; ends with a newline, without the blank line */
    uint32_t lines_count;
    struct note_line lines[LIMIT_NOTE_SIGNATURES];
};

/* Split a note at its last blank line and check the form of its signature lines. No
 * signature is verified: the text means nothing before note_verify() or
 * cosignature_find() says OK for a trusted key.
 *
 *   TALLY_E_TOO_LARGE  more than LIMIT_NOTE_SIZE bytes or LIMIT_NOTE_SIGNATURES lines
 *   TALLY_E_MALFORMED  not a note */
TALLY_NODISCARD enum tally_err note_parse(const void *data, size_t size, struct note *ret_note,
                                          struct tally_diag *diag);

/* Is this line by the key with this name and id? (Not yet: is it valid.) */
bool note_line_by(const struct note_line *line, const struct vkey *vkey);

/* Decode the signature, without its key id, into `ret_signature` if it has exactly `size`
 * bytes; false otherwise. */
bool note_line_signature(const struct note_line *line, void *ret_signature, size_t size);

/* Did this key (VKEY_ED25519) sign the note? Every line by its name and id must verify.
 *
 *   TALLY_OK           yes
 *   TALLY_E_NOT_FOUND  no line has its name and id
 *   TALLY_E_SIGNATURE  a line has, and does not verify: reject the note */
TALLY_NODISCARD enum tally_err note_verify(const struct note *note, const struct vkey *vkey);

/* Write a note: note_put_text() once, then each line. A writer that runs out of room is bad.
 * `text` must end with a newline. */
void note_put_text(struct bytes_writer *writer, struct bytes text);
/* Add the line `name base64(id || signature)` for a ready signature of `size` bytes, at
 * most 72: an Ed25519 signature or a cosignature. */
void note_put_line(struct bytes_writer *writer, const struct vkey *vkey, const void *signature,
                   size_t size);
/* Sign `text` and add the line. `vkey` is of type VKEY_ED25519 and belongs to `key`. */
void note_put_signed(struct bytes_writer *writer, const struct vkey *vkey,
                     const struct sign_key *key, struct bytes text);

#endif
