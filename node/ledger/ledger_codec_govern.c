#include "ledger/ledger_codec_govern.h"

#include "base/assert.h"

enum { GOVERNANCE_VERSION = 1, ABOUT_VERSION = 1, RESULT_VERSION = 1 };

static void put_key(char tag, const void *data, size_t size, struct codec_key *ret_key)
{
    struct bytes_writer writer = bytes_writer(ret_key->data, sizeof ret_key->data);

    bytes_put_u8(&writer, (uint8_t)tag);
    bytes_put(&writer, data, size);
    ASSERT(!writer.bad);
    ret_key->size = writer.at;
}

void codec_key_governance(struct codec_key *ret_key)
{
    put_key('g', NULL, 0, ret_key);
}

void codec_key_policy(uint64_t version, struct codec_key *ret_key)
{
    uint8_t number[8];
    struct bytes_writer writer = bytes_writer(number, sizeof number);

    bytes_put_u64(&writer, version);
    put_key('g', number, sizeof number, ret_key);
}

void codec_key_about(const char *path, size_t size, struct codec_key *ret_key)
{
    put_key('w', path, size, ret_key);
}

void codec_governance_put(const struct governance *governance,
                          uint8_t ret_value[CODEC_GOVERNANCE_SIZE])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_GOVERNANCE_SIZE);

    bytes_put_u8(&writer, GOVERNANCE_VERSION);
    bytes_put_u32(&writer, governance->admins);
    for (int i = 0; i < 5; i++) bytes_put_u32(&writer, governance->incidents[i]);
    bytes_put_u64(&writer, governance->newest);
    bytes_put_u64(&writer, governance->effective_ms);
    bytes_put(&writer, governance->digest.bytes, 32);
    bytes_put(&writer, governance->previous.bytes, 32);
    ASSERT(!writer.bad && writer.at == CODEC_GOVERNANCE_SIZE);
}

bool codec_governance_get(struct bytes value, struct governance *ret_governance)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);

    ret_governance->admins = bytes_get_u32(&reader);
    for (int i = 0; i < 5; i++) ret_governance->incidents[i] = bytes_get_u32(&reader);
    ret_governance->newest = bytes_get_u64(&reader);
    ret_governance->effective_ms = bytes_get_u64(&reader);
    bytes_get_copy(&reader, ret_governance->digest.bytes, 32);
    bytes_get_copy(&reader, ret_governance->previous.bytes, 32);
    return bytes_reader_done(&reader) && version == GOVERNANCE_VERSION;
}

static void put_text(struct bytes_writer *writer, struct bytes text)
{
    bytes_put_u16(writer, (uint16_t)text.size);
    bytes_put(writer, text.data, text.size);
}

static struct bytes get_text(struct bytes_reader *reader)
{
    const size_t size = bytes_get_u16(reader);

    return bytes_of(bytes_get(reader, size), reader->bad ? 0 : size);
}

size_t codec_about_put(const struct about *about, uint8_t ret_value[CODEC_ABOUT_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_ABOUT_MAX);

    ASSERT(about->authors_count <= ABOUT_AUTHORS_MAX);
    bytes_put_u8(&writer, ABOUT_VERSION);
    bytes_put_u8(&writer, about->tier);
    bytes_put_u8(&writer, about->kind);
    bytes_put_u8(&writer, about->severity);
    bytes_put_u8(&writer, about->data_named ? 1 : 0);
    put_text(&writer, about->owner);
    put_text(&writer, about->environment);
    bytes_put_u8(&writer, (uint8_t)about->authors_count);
    for (uint32_t i = 0; i < about->authors_count; i++) put_text(&writer, about->authors[i]);
    ASSERT(!writer.bad);
    return writer.at;
}

bool codec_about_get(struct bytes value, struct about *ret_about)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);
    struct about about = {.tier = bytes_get_u8(&reader)};

    about.kind = bytes_get_u8(&reader);
    about.severity = bytes_get_u8(&reader);
    about.data_named = bytes_get_u8(&reader) == 1;
    about.owner = get_text(&reader);
    about.environment = get_text(&reader);
    about.authors_count = bytes_get_u8(&reader);
    if (about.authors_count > ABOUT_AUTHORS_MAX) return false;
    for (uint32_t i = 0; i < about.authors_count; i++) about.authors[i] = get_text(&reader);
    *ret_about = about;
    return bytes_reader_done(&reader) && version == ABOUT_VERSION && about.tier <= 3 &&
           about.severity <= 4;
}

void codec_key_results(const struct tally_hash *root, struct codec_key *ret_key)
{
    put_key('v', root->bytes, sizeof root->bytes, ret_key);
}

void codec_key_result(const struct tally_hash *root, uint32_t number, struct codec_key *ret_key)
{
    uint8_t name[32 + 2];
    struct bytes_writer writer = bytes_writer(name, sizeof name);

    ASSERT(number <= UINT16_MAX);
    bytes_put(&writer, root->bytes, sizeof root->bytes);
    bytes_put_u16(&writer, (uint16_t)number);
    put_key('v', name, sizeof name, ret_key);
}

size_t codec_result_put(const struct result *result, uint8_t ret_value[CODEC_RESULT_MAX])
{
    struct bytes_writer writer = bytes_writer(ret_value, CODEC_RESULT_MAX);

    bytes_put_u8(&writer, RESULT_VERSION);
    bytes_put(&writer, result->event.bytes, sizeof result->event.bytes);
    bytes_put_u8(&writer, result->kind);
    bytes_put_u8(&writer, result->verdict);
    bytes_put_u64(&writer, result->time_ms);
    bytes_put_u64(&writer, result->index);
    put_text(&writer, result->by);
    put_text(&writer, result->suite);
    ASSERT(!writer.bad);
    return writer.at;
}

bool codec_result_get(struct bytes value, struct result *ret_result)
{
    struct bytes_reader reader = bytes_reader(value.data, value.size);
    const uint8_t version = bytes_get_u8(&reader);
    struct result result = {.kind = 0};

    bytes_get_copy(&reader, result.event.bytes, sizeof result.event.bytes);
    result.kind = bytes_get_u8(&reader);
    result.verdict = bytes_get_u8(&reader);
    result.time_ms = bytes_get_u64(&reader);
    result.index = bytes_get_u64(&reader);
    result.by = get_text(&reader);
    result.suite = get_text(&reader);
    *ret_result = result;
    return bytes_reader_done(&reader) && version == RESULT_VERSION && result.verdict >= 1 &&
           result.verdict <= 3;
}
