#include "note/note.h"

#include "base/assert.h"
#include "base/base64.h"
#include "note/cosignature.h"
#include <string.h>

static const char dash[] = "\xE2\x80\x94 "; /* U+2014 and a space begin a signature line */
#define DASH_SIZE (sizeof dash - 1)

/* Signature lines of our own are at most a cosignature: key id || time || Ed25519. */
#define BLOB_MAX (4u + COSIGNATURE_BYTES)

static enum tally_err malformed(struct tally_diag *diag, const char *text)
{
    tally_diag_set(diag, "note: %s", text);
    return TALLY_E_MALFORMED;
}

static enum tally_err check_characters(struct bytes all, struct tally_diag *diag)
{
    if (all.size == 0 || all.data[all.size - 1] != '\n')
        return malformed(diag, "does not end with a newline");
    for (size_t i = 0; i < all.size; i++) {
        if (all.data[i] < 0x20 && all.data[i] != '\n')
            return malformed(diag, "has a control character");
    }
    if (!bytes_utf8(all.data, all.size)) return malformed(diag, "is not UTF-8");
    return TALLY_OK;
}

/* Where the signature lines begin: after the last blank line. 0 when there is none, or no
 * text before it. `all` ends with a newline. */
static size_t find_split(struct bytes all)
{
    for (size_t i = all.size; i >= 3; i--) {
        if (all.data[i - 1] == '\n' && all.data[i - 2] == '\n') return i;
    }
    return 0;
}

/* `line` without its newline. */
static bool parse_line(struct bytes line, struct note_line *ret_line)
{
    uint8_t head[3] = {0};
    uint8_t last[3] = {0};

    if (line.size < DASH_SIZE || memcmp(line.data, dash, DASH_SIZE) != 0) return false;
    const char *name = (const char *)line.data + DASH_SIZE;
    const size_t rest = line.size - DASH_SIZE;
    const char *space = rest > 0 ? memchr(name, ' ', rest) : NULL;
    if (space == NULL || !vkey_name_valid(name, (size_t)(space - name))) return false;
    const char *base64 = space + 1;
    const size_t base64_size = rest - (size_t)(space - name) - 1;
    const size_t decoded = base64_decoded_size(base64, base64_size);
    if (decoded < 5 || !base64_decode(base64, base64_size, NULL)) return false;
    /* 5 bytes take 8 digits: the first 8 hold the key id, whatever their padding says. */
    uint8_t id[4];
    (void)base64_decode(base64, 4, head);
    (void)base64_decode(base64 + 4, 4, last);
    memcpy(id, head, 3);
    id[3] = last[0];
    struct bytes_reader reader = bytes_reader(id, sizeof id);
    *ret_line = (struct note_line){.name = bytes_of(name, (size_t)(space - name)),
                                   .base64 = bytes_of(base64, base64_size),
                                   .key_id = bytes_get_u32(&reader),
                                   .signature_size = decoded - 4};
    return true;
}

enum tally_err note_parse(const void *data, size_t size, struct note *ret_note,
                          struct tally_diag *diag)
{
    const struct bytes all = bytes_of(data, size);

    if (size > LIMIT_NOTE_SIZE) {
        tally_diag_set(diag, "note: over %d bytes", LIMIT_NOTE_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    const enum tally_err err = check_characters(all, diag);
    if (err != TALLY_OK) return err;
    const size_t split = find_split(all);
    if (split == 0) return malformed(diag, "has no text before a blank line");
    if (split == size) return malformed(diag, "has no signature line");

    ret_note->text = bytes_of(all.data, split - 1);
    ret_note->lines_count = 0;
    for (size_t at = split; at < size;) {
        const uint8_t *end = memchr(all.data + at, '\n', size - at);
        const size_t line_size = (size_t)(end - (all.data + at));

        if (ret_note->lines_count == LIMIT_NOTE_SIGNATURES) {
            tally_diag_set(diag, "note: over %d signature lines", LIMIT_NOTE_SIGNATURES);
            return TALLY_E_TOO_LARGE;
        }
        if (!parse_line(bytes_of(all.data + at, line_size),
                        &ret_note->lines[ret_note->lines_count])) {
            tally_diag_set(diag, "note: signature line %u is not `<dash> <name> <base64>`",
                           (unsigned)ret_note->lines_count + 1);
            return TALLY_E_MALFORMED;
        }
        ret_note->lines_count++;
        at += line_size + 1;
    }
    ASSERT(ret_note->lines_count > 0);
    return TALLY_OK;
}

bool note_line_by(const struct note_line *line, const struct vkey *vkey)
{
    return line->key_id == vkey->id &&
           bytes_equal(line->name, bytes_of(vkey->name, strlen(vkey->name)));
}

bool note_line_signature(const struct note_line *line, void *ret_signature, size_t size)
{
    uint8_t blob[BLOB_MAX];

    if (line->signature_size != size || size + 4 > sizeof blob) return false;
    const bool good = base64_decode((const char *)line->base64.data, line->base64.size, blob);
    ASSERT(good); /* note_parse() checked it */
    memcpy(ret_signature, blob + 4, size);
    return true;
}

enum tally_err note_verify(const struct note *note, const struct vkey *vkey)
{
    enum tally_err found = TALLY_E_NOT_FOUND;

    ASSERT(vkey->type == VKEY_ED25519);
    for (uint32_t i = 0; i < note->lines_count; i++) {
        uint8_t signature[SIGN_SIGNATURE_BYTES];

        if (!note_line_by(&note->lines[i], vkey)) continue;
        if (!note_line_signature(&note->lines[i], signature, sizeof signature))
            return TALLY_E_SIGNATURE;
        found = sign_verify(vkey->public_key, note->text.data, note->text.size, signature,
                            sizeof signature);
        if (found != TALLY_OK) return found;
    }
    return found;
}

void note_put_text(struct bytes_writer *writer, struct bytes text)
{
    ASSERT(text.size > 0 && text.data[text.size - 1] == '\n');
    bytes_put(writer, text.data, text.size);
    bytes_put(writer, "\n", 1);
}

void note_put_line(struct bytes_writer *writer, const struct vkey *vkey, const void *signature,
                   size_t size)
{
    uint8_t blob[BLOB_MAX];
    char base64[BASE64_TEXT_SIZE(BLOB_MAX)];
    struct bytes_writer inner = bytes_writer(blob, sizeof blob);

    bytes_put_u32(&inner, vkey->id);
    bytes_put(&inner, signature, size);
    ASSERT(!inner.bad);
    base64_encode(blob, inner.at, base64);
    bytes_put(writer, dash, DASH_SIZE);
    bytes_put(writer, vkey->name, strlen(vkey->name));
    bytes_put(writer, " ", 1);
    bytes_put(writer, base64, BASE64_TEXT_SIZE(inner.at));
    bytes_put(writer, "\n", 1);
}

void note_put_signed(struct bytes_writer *writer, const struct vkey *vkey,
                     const struct sign_key *key, struct bytes text)
{
    uint8_t signature[SIGN_SIGNATURE_BYTES];

    ASSERT(vkey->type == VKEY_ED25519);
    ASSERT(memcmp(vkey->public_key, key->public_key, SIGN_PUBLIC_BYTES) == 0);
    sign_detached(key, text.data, text.size, signature);
    note_put_line(writer, vkey, signature, sizeof signature);
}
