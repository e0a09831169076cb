/* Any bytes as a safetensors file: as it stands, and with a header of the size that is there.
 * Then the header as JSON: the scan and jansson, which shares no code with it, must agree. */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/json_scan.h"
#include "event/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const struct safetensors_view *view)
{
    uint64_t tensors = 0, parameters = 0, data_size = 0;

    for (uint32_t i = 0; i < view->dtypes_count; i++) {
        ASSERT(view->dtypes[i].tensors > 0);
        tensors += view->dtypes[i].tensors;
        parameters += view->dtypes[i].parameters;
        data_size += view->dtypes[i].size;
    }
    ASSERT(tensors == view->tensors && parameters == view->parameters);
    ASSERT(data_size == view->data_size); /* every byte belongs to one tensor */
    for (uint32_t i = 0; i < view->metadata_count; i++) {
        ASSERT(bytes_utf8(view->metadata[i].key, strlen(view->metadata[i].key)));
        ASSERT(bytes_utf8(view->metadata[i].value, strlen(view->metadata[i].value)));
    }
}

static void try_header(struct bytes header, uint64_t data_size)
{
    struct safetensors_view view;
    struct tally_diag diag;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return;
    if (safetensors_parse(header, data_size, arena, &view, &diag) == TALLY_OK)
        check_view(&view);
    arena_close(arena);
}

/* Strings are decoded on the way: that fails on none that passed. */
static enum json_kind scan_all(struct bytes json, bool *ret_deep)
{
    struct json_scan scan = json_scan(json);
    static uint8_t room[4 * 1024 * 1024];
    struct json_item item;

    do {
        json_scan_next(&scan, &item);
        if (item.kind == JSON_KIND_BAD || item.text.size > sizeof room) break;
        if (item.kind == JSON_KIND_STRING) {
            const size_t size = json_string_decode(item.text, room);

            ASSERT(size <= item.text.size && bytes_utf8(room, size));
        }
    } while (item.kind != JSON_KIND_DONE);
    *ret_deep = scan.depth == JSON_SCAN_DEPTH;
    return item.kind;
}

static void compare(struct bytes json)
{
    bool deep = false;
    const bool ours = scan_all(json, &deep) == JSON_KIND_DONE;
    json_error_t error = {0};

    /* jansson 2.14 passes over a NUL behind a number. */
    if (memchr(json.data, 0, json.size) != NULL) {
        ASSERT(!ours);
        return;
    }
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY, &error);
    if (root != NULL) ASSERT(ours || deep);
    /* jansson keeps numbers in 64 bits. */
    if (ours) ASSERT(root != NULL || json_error_code(&error) == json_error_numeric_overflow);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[8];
    uint64_t header_size = 0;
    struct tally_diag diag;

    if (safetensors_header_size(size < 8 ? nothing : data, size, &header_size, &diag) ==
        TALLY_OK)
        try_header(bytes_of(data + 8, header_size), size - 8 - header_size);
    if (size <= 8) return 0;
    try_header(bytes_of(data + 8, size - 8), data[0]);
    compare(bytes_of(data + 8, size - 8));
    return 0;
}
