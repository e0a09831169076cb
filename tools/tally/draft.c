#include "draft.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "event/event_describe.h"
#include "event/event_json.h"
#include "event/event_types.h"
#include "out.h"

enum tally_err draft_parse(struct bytes text, struct json_t **ret_draft,
                           struct tally_diag *diag)
{
    json_error_t fault;
    json_t *draft =
        json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &fault);

    if (draft == NULL) {
        tally_diag_set(diag, "not JSON, line %d column %d: %s", fault.line, fault.column,
                       fault.text);
        return TALLY_E_MALFORMED;
    }
    if (!json_is_object(draft)) {
        tally_diag_set(diag, "not a JSON object");
        json_decref(draft);
        return TALLY_E_MALFORMED;
    }
    *ret_draft = draft;
    return TALLY_OK;
}

/* The type whose payload the draft has: key version_registered for version.registered. */
static const struct event_type_info *find_type(json_t *draft)
{
    size_t count = 0;
    const struct event_type_info *types = event_types(&count);

    for (size_t i = 0; i < count; i++) {
        char key[EVENT_PAYLOAD_NAME_SIZE];

        if (json_object_get(draft, event_payload_name(types[i].type, key)) != NULL)
            return &types[i];
    }
    return NULL;
}

static bool absent(json_t *draft, const char *key)
{
    return json_object_get(draft, key) == NULL;
}

/* "MEANING_AUTHOR" for "author", as the JSON form writes enums. */
static void meaning_text(uint8_t meaning, char to[64])
{
    (void)snprintf(to, 64, "MEANING_%s", event_meaning_name(meaning));
    for (char *c = to; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
}

static json_t *own_signer(const struct user_key *key, uint8_t meaning)
{
    struct tally_hash key_id;
    char text[64];

    sign_key_id(key->key.public_key, &key_id);
    meaning_text(meaning, text);
    return json_pack("[{s:o, s:s}]", "key_id", out_json_hex(key_id.bytes, TALLY_HASH_BYTES),
                     "meaning", text);
}

static int compare_signers(const void *a, const void *b)
{
    const char *left = json_string_value(json_object_get(*(json_t *const *)a, "key_id"));
    const char *right = json_string_value(json_object_get(*(json_t *const *)b, "key_id"));

    return strcmp(left == NULL ? "" : left, right == NULL ? "" : right);
}

/* The format wants signers by key id; people list them as they come. */
static json_t *sorted_signers(json_t *signers)
{
    json_t *items[LIMIT_EVENT_SIGNERS];
    const size_t count = json_array_size(signers);
    json_t *sorted = json_array();

    if (count > LIMIT_EVENT_SIGNERS) {
        json_decref(sorted);
        return json_incref(signers); /* refused with its own message */
    }
    for (size_t i = 0; i < count; i++) items[i] = json_array_get(signers, i);
    qsort(items, count, sizeof items[0], compare_signers);
    for (size_t i = 0; i < count; i++) (void)json_array_append(sorted, items[i]);
    return sorted;
}

static int fill_signers(json_t *draft, const struct draft_fill *fill,
                        const struct event_type_info *type)
{
    json_t *signers = json_object_get(draft, "required_signers");

    if (json_is_array(signers))
        return json_object_set_new(draft, "required_signers", sorted_signers(signers));
    if (signers != NULL) return 0; /* refused by whoever decodes it */
    return json_object_set_new(draft, "required_signers",
                               own_signer(fill->key, type->actor_meaning));
}

static int fill_identity(json_t *draft, const struct draft_fill *fill)
{
    uint8_t random[10], id[EVENT_ID_BYTES];
    uint64_t time_ms = fill->time_ms;
    int status = 0;

    secret_random(random, sizeof random);
    event_id_make(fill->time_ms, random, id);
    if (fill->earlier != NULL) {
        memcpy(id, fill->earlier->id, sizeof id);
        time_ms = fill->earlier->claimed_time_ms;
    }
    if (absent(draft, "event_id"))
        status |= json_object_set_new(draft, "event_id", out_json_hex(id, sizeof id));
    if (absent(draft, "claimed_time_ms"))
        status |= json_object_set_new(draft, "claimed_time_ms", out_json_number(time_ms));
    return status;
}

static enum tally_err fill_envelope(json_t *draft, const struct draft_fill *fill,
                                    const struct event_type_info *type, struct tally_diag *diag)
{
    char actor[LIMIT_NAME_SIZE + 16];
    int status = 0;

    if (absent(draft, "ledger_id") && fill->ledger_id == NULL) {
        tally_diag_set(diag, "the event has no ledger_id, and there is no --trust");
        return TALLY_E_INVALID;
    }
    if (fill->key == NULL && (absent(draft, "actor") || absent(draft, "required_signers"))) {
        tally_diag_set(diag,
                       "the event has no actor or required_signers, and there is no --key");
        return TALLY_E_INVALID;
    }
    if (absent(draft, "schema"))
        status |= json_object_set_new(draft, "schema", json_integer(1));
    if (absent(draft, "ledger_id"))
        status |= json_object_set_new(draft, "ledger_id",
                                      out_json_hex(fill->ledger_id->bytes, TALLY_HASH_BYTES));
    if (absent(draft, "actor")) {
        (void)snprintf(actor, sizeof actor, "principal/%s", fill->key->name);
        status |= json_object_set_new(draft, "actor", json_string(actor));
    }
    status |= fill_signers(draft, fill, type);
    status |= fill_identity(draft, fill);
    return status == 0 ? TALLY_OK : TALLY_E_NO_MEMORY;
}

enum tally_err draft_encode(struct json_t *draft, const struct draft_fill *fill,
                            struct arena *arena, struct bytes *ret_event,
                            struct tally_diag *diag)
{
    const struct event_type_info *type = find_type(draft);

    if (type == NULL) {
        tally_diag_set(
            diag, "the event has no payload of a known type, such as \"model_created\"; 'tally "
                  "events' lists them");
        return TALLY_E_MALFORMED;
    }
    enum tally_err err = fill_envelope(draft, fill, type, diag);
    if (err != TALLY_OK) return err;
    char *text = json_dumps(draft, JSON_COMPACT);
    if (text == NULL) return TALLY_E_NO_MEMORY;
    err = event_json_decode(bytes_of(text, strlen(text)), arena, ret_event, diag);
    free(text);
    return err;
}
