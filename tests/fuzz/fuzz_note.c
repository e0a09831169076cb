/* Any bytes: note_parse() refuses or splits them; what it accepts is made of the text and
 * lines that it names, so writing them again gives the same bytes. */
#include "base/assert.h"
#include "note/cosignature.h"
#include "note/note.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line with a signature of a known size comes back as the same text. */
static void check_line(const struct note_line *line)
{
    char name[LIMIT_KEY_NAME_SIZE + 1] = {0};
    char text[512];
    uint8_t signature[COSIGNATURE_BYTES];
    struct vkey vkey = {.id = line->key_id};
    struct bytes_writer writer = bytes_writer(text, sizeof text);

    ASSERT(line->name.size <= LIMIT_KEY_NAME_SIZE && line->signature_size >= 1);
    memcpy(name, line->name.data, line->name.size);
    memcpy(vkey.name, name, sizeof name);
    ASSERT(note_line_by(line, &vkey));
    if (line->signature_size != SIGN_SIGNATURE_BYTES &&
        line->signature_size != COSIGNATURE_BYTES) {
        ASSERT(!note_line_signature(line, signature, SIGN_SIGNATURE_BYTES));
        return;
    }
    ASSERT(note_line_signature(line, signature, line->signature_size));
    note_put_line(&writer, &vkey, signature, line->signature_size);
    ASSERT(!writer.bad);
    const size_t name_at = 4; /* dash and space */
    ASSERT(bytes_equal(bytes_of(text + name_at, line->name.size), line->name));
    ASSERT(bytes_equal(bytes_of(text + name_at + line->name.size + 1, line->base64.size),
                       line->base64));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct note note;
    struct tally_diag diag;

    if (note_parse(data, size, &note, &diag) != TALLY_OK) return 0;
    ASSERT(note.lines_count >= 1 && note.lines_count <= LIMIT_NOTE_SIGNATURES);
    ASSERT(note.text.size > 0 && note.text.data == data);
    ASSERT(note.text.data[note.text.size - 1] == '\n');
    size_t total = note.text.size + 1;
    for (uint32_t i = 0; i < note.lines_count; i++) {
        check_line(&note.lines[i]);
        total += 4 + note.lines[i].name.size + 1 + note.lines[i].base64.size + 1;
    }
    ASSERT(total == size);
    return 0;
}
