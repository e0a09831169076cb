#include "support/event_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/event_describe.h"
#include "event/event_json.h"

#define LEDGER_ID "a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8a1a2a3a4a5a6a7a8"
#define KEY_ID    "b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b8b1b2b3b4b5b6b7b8"

json_t *event_text_example(enum event_type type, struct arena *arena)
{
    json_t *envelope =
        json_pack("{s:i, s:s, s:s, s:s, s:[{s:s, s:s}]}", "schema", 1, "ledger_id", LEDGER_ID,
                  "event_id", "018f0000000070008000000000000001", "actor", "principal/author",
                  "required_signers", "key_id", KEY_ID, "meaning", "MEANING_AUTHOR");
    struct bytes text = {0};
    json_t *event;

    ASSERT(event_example(type, arena, &text) == TALLY_OK);
    event = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    ASSERT(event != NULL && envelope != NULL);
    ASSERT(json_object_update_missing(event, envelope) == 0);
    json_decref(envelope);
    return event;
}

void event_text_set(json_t *event, const char *path, json_t *value)
{
    char name[64];

    for (;;) {
        const size_t size = strcspn(path, ".[");

        ASSERT(size < sizeof name && json_is_object(event));
        memcpy(name, path, size);
        name[size] = '\0';
        path += size;
        if (*path == '\0') break;
        event = json_object_get(event, name);
        if (*path == '[') {
            char *end;

            event = json_array_get(event, strtoul(path + 1, &end, 10));
            ASSERT(*end == ']');
            path = end + 1;
        }
        ASSERT(event != NULL && *path == '.');
        path++;
    }
    if (value == NULL) {
        ASSERT(json_object_del(event, name) == 0);
    } else {
        ASSERT(json_object_set_new(event, name, value) == 0);
    }
}

enum tally_err event_text_decode(const json_t *event, struct arena *arena,
                                 struct event *ret_event, struct tally_diag *diag)
{
    char *text = json_dumps(event, JSON_COMPACT);
    struct bytes bytes = {0};
    enum tally_err err;

    ASSERT(text != NULL);
    err = event_json_decode(bytes_of(text, strlen(text)), arena, &bytes, diag);
    free(text);
    return err == TALLY_OK ? event_decode(bytes, arena, ret_event, diag) : err;
}
