/* Reading a trust file. A fault is noted with its line and the reading goes on, so that
 * one run names all faults of a file. */
#include "base/assert.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/lines.h"
#include "merkle/merkle.h"
#include "note/trust.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    MEMBERS_MAX = TRUST_WITNESSES_MAX + TRUST_GROUPS_MAX,
    WORDS_MAX = 3 + MEMBERS_MAX, /* the longest line: a group of everything */
};

_Static_assert(WORDS_MAX >= 4 + LIMIT_GENESIS_SIGNERS, "a line of root keys fits");

struct parser {
    struct trust *trust;
    uint32_t line; /* from 1 */
    uint32_t words_count;
    struct bytes words[WORDS_MAX];
    bool has_quorum;
    bool used[TRUST_GROUP + TRUST_GROUPS_MAX]; /* is a member of a group already */
    uint32_t faults_count;
    struct tally_diag faults;
    size_t faults_size;
};

static void fault(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fault(struct parser *parser, const char *format, ...)
{
    char text[120];
    va_list args;

    va_start(args, format);
    const int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ASSERT(size >= 0);
    parser->faults_count++;
    const size_t room = sizeof parser->faults.text - parser->faults_size;
    const int added =
        snprintf(parser->faults.text + parser->faults_size, room, "%sline %u: %s",
                 parser->faults_count > 1 ? "; " : "", (unsigned)parser->line, text);
    ASSERT(added >= 0);
    parser->faults_size += (size_t)added < room ? (size_t)added : room - 1;
}

/* For messages: a word as a C string, cut. */
struct shown {
    char text[49];
};

static struct shown show(struct bytes word)
{
    struct shown shown = {""};
    const size_t room = sizeof shown.text - 1;

    if (word.size > 0) memcpy(shown.text, word.data, word.size < room ? word.size : room);
    return shown;
}

static bool word_is(struct bytes word, const char *text)
{
    return bytes_equal(word, bytes_of(text, strlen(text)));
}

static bool word_number(struct bytes word, uint64_t max, uint64_t *ret_value)
{
    return decimal_parse((const char *)word.data, word.size, max, ret_value);
}

static bool word_hash(struct bytes word, struct tally_hash *ret_hash)
{
    return bytes_unhex((const char *)word.data, word.size, ret_hash->bytes, TALLY_HASH_BYTES);
}

static void copy_word(struct bytes word, char *to, size_t room)
{
    ASSERT(word.size < room);
    memset(to, 0, room);
    memcpy(to, word.data, word.size);
}

/* Split at spaces and tabs; a line of too many words is a fault. */
static bool split_words(struct parser *parser, struct bytes line)
{
    parser->words_count = 0;
    for (size_t at = 0; at < line.size;) {
        if (line.data[at] == ' ' || line.data[at] == '\t') {
            at++;
            continue;
        }
        const size_t begin = at;
        while (at < line.size && line.data[at] != ' ' && line.data[at] != '\t') at++;
        if (parser->words_count == WORDS_MAX) {
            fault(parser, "too many words");
            return false;
        }
        parser->words[parser->words_count++] = bytes_of(line.data + begin, at - begin);
    }
    return true;
}

/* ---- our comment lines ---------------------------------------------------------------- */

static void parse_roots(struct parser *parser)
{
    struct trust *trust = parser->trust;
    const uint32_t count = parser->words_count - 4;
    uint64_t threshold = 0;

    if (trust->roots_count > 0) {
        fault(parser, "a second `# tally root`");
        return;
    }
    if (count < 1 || count > LIMIT_GENESIS_SIGNERS ||
        !word_number(parser->words[3], count, &threshold) || threshold == 0) {
        fault(parser, "not `# tally root <threshold> <hex key ids...>`");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!word_hash(parser->words[4 + i], &trust->roots[i])) {
            fault(parser, "a root key id is not 64 hex digits");
            return;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (memcmp(&trust->roots[i], &trust->roots[j], sizeof trust->roots[i]) != 0)
                continue;
            fault(parser, "a root key is listed twice");
            return;
        }
    }
    trust->roots_threshold = (uint32_t)threshold;
    trust->roots_count = count;
}

static void parse_last_checkpoint(struct parser *parser)
{
    struct trust *trust = parser->trust;
    const struct bytes root = parser->words[4];

    if (trust->has_checkpoint) {
        fault(parser, "a second `# tally checkpoint`");
    } else if (parser->words_count != 5 ||
               !word_number(parser->words[3], MERKLE_SIZE_MAX - 1, &trust->checkpoint_size) ||
               base64_decoded_size((const char *)root.data, root.size) != TALLY_HASH_BYTES ||
               !base64_decode((const char *)root.data, root.size,
                              trust->checkpoint_root.bytes)) {
        fault(parser, "not `# tally checkpoint <size> <base64 root>`");
    } else {
        trust->has_checkpoint = true;
    }
}

/* `# tally <word> <number>`, a number above 0, once. */
static void parse_one_number(struct parser *parser, uint64_t *ret_value)
{
    const struct shown word = show(parser->words[2]);
    uint64_t value = 0;

    if (*ret_value != 0)
        fault(parser, "a second `# tally %s`", word.text);
    else if (parser->words_count != 4 || !word_number(parser->words[3], INT64_MAX, &value) ||
             value == 0)
        fault(parser, "not `# tally %s <number above 0>`", word.text);
    else
        *ret_value = value;
}

/* A line that begins with '#'. Only `# tally ...` is ours; there an unknown word is a fault,
 * since a rule that we do not understand may be one that somebody relies on. */
static void parse_comment(struct parser *parser, struct bytes line)
{
    struct trust *trust = parser->trust;
    static const char ours[] = "# tally ";

    if (line.size < sizeof ours - 1 || memcmp(line.data, ours, sizeof ours - 1) != 0) return;
    if (!split_words(parser, line)) return;
    if (parser->words_count < 4) {
        fault(parser, "`# tally` wants a word and a value");
        return;
    }
    const struct bytes word = parser->words[2];
    if (word_is(word, "ledger")) {
        if (trust->has_ledger)
            fault(parser, "a second `# tally ledger`");
        else if (parser->words_count != 4 || !word_hash(parser->words[3], &trust->ledger_id))
            fault(parser, "not `# tally ledger <64 hex digits>`");
        else
            trust->has_ledger = true;
    } else if (word_is(word, "config")) {
        parse_one_number(parser, &trust->config_version);
    } else if (word_is(word, "expires")) {
        parse_one_number(parser, &trust->expires_s);
    } else if (word_is(word, "root")) {
        parse_roots(parser);
    } else if (word_is(word, "checkpoint")) {
        parse_last_checkpoint(parser);
    } else {
        fault(parser, "unknown `# tally %s`", show(word).text);
    }
}

/* ---- C2SP lines ----------------------------------------------------------------------- */

/* The member number of a defined name; TRUST_NOBODY when there is none. */
static uint8_t find_name(const struct trust *trust, struct bytes name)
{
    for (uint32_t i = 0; i < trust->witnesses_count; i++) {
        if (word_is(name, trust->witnesses[i].name)) return (uint8_t)i;
    }
    for (uint32_t i = 0; i < trust->groups_count; i++) {
        if (word_is(name, trust->groups[i].name)) return (uint8_t)(TRUST_GROUP + i);
    }
    return TRUST_NOBODY;
}

static bool new_name(struct parser *parser, struct bytes name)
{
    if (name.size > LIMIT_KEY_NAME_SIZE)
        fault(parser, "a name is over %d bytes", LIMIT_KEY_NAME_SIZE);
    else if (word_is(name, "none"))
        fault(parser, "the name `none` is reserved");
    else if (find_name(parser->trust, name) != TRUST_NOBODY)
        fault(parser, "the name %s is defined twice", show(name).text);
    else
        return true;
    return false;
}

static bool parse_key(struct parser *parser, struct bytes word, enum vkey_type type,
                      struct vkey *ret_key)
{
    struct tally_diag detail = {""};

    if (vkey_parse((const char *)word.data, word.size, ret_key, &detail) != TALLY_OK)
        fault(parser, "key: %s", detail.text);
    else if (ret_key->type != type)
        fault(parser, "key: type 0x%02x where 0x%02x belongs", (unsigned)ret_key->type,
              (unsigned)type);
    else
        return true;
    return false;
}

/* Word number `place`, if there is one, is the last and a URL. */
static bool parse_url(struct parser *parser, uint32_t place, char ret_url[LIMIT_URL_SIZE + 1])
{
    ret_url[0] = '\0';
    if (parser->words_count > place + 1) {
        fault(parser, "words after the URL");
        return false;
    }
    if (parser->words_count == place) return true;
    if (parser->words[place].size > LIMIT_URL_SIZE) {
        fault(parser, "the URL is over %d bytes", LIMIT_URL_SIZE);
        return false;
    }
    copy_word(parser->words[place], ret_url, LIMIT_URL_SIZE + 1);
    return true;
}

/* The same public key, or another one that signature lines could not tell apart. */
static bool keys_clash(const struct vkey *a, const struct vkey *b)
{
    return memcmp(a->public_key, b->public_key, SIGN_PUBLIC_BYTES) == 0 ||
           (a->id == b->id && strcmp(a->name, b->name) == 0);
}

static void parse_log(struct parser *parser)
{
    struct trust *trust = parser->trust;
    struct trust_log *log = &trust->logs[trust->logs_count];

    if (trust->logs_count == TRUST_LOGS_MAX) {
        fault(parser, "over %d logs", TRUST_LOGS_MAX);
        return;
    }
    if (parser->words_count < 2) {
        fault(parser, "not `log <vkey> [<url>]`");
        return;
    }
    if (!parse_key(parser, parser->words[1], VKEY_ED25519, &log->key) ||
        !parse_url(parser, 2, log->url))
        return;
    for (uint32_t i = 0; i < trust->logs_count; i++) {
        if (strcmp(trust->logs[i].key.name, log->key.name) != 0)
            fault(parser, "another log than %.60s", trust->logs[i].key.name);
        else if (keys_clash(&trust->logs[i].key, &log->key))
            fault(parser, "the same log key twice");
        else
            continue;
        return;
    }
    trust->logs_count++;
}

static void parse_witness(struct parser *parser)
{
    struct trust *trust = parser->trust;
    struct trust_witness *witness = &trust->witnesses[trust->witnesses_count];

    if (trust->witnesses_count == TRUST_WITNESSES_MAX) {
        fault(parser, "over %d witnesses", TRUST_WITNESSES_MAX);
        return;
    }
    if (parser->words_count < 3) {
        fault(parser, "not `witness <name> <vkey> [<url>]`");
        return;
    }
    if (!new_name(parser, parser->words[1]) ||
        !parse_key(parser, parser->words[2], VKEY_COSIGNATURE, &witness->key) ||
        !parse_url(parser, 3, witness->url))
        return;
    for (uint32_t i = 0; i < trust->witnesses_count; i++) {
        if (!keys_clash(&trust->witnesses[i].key, &witness->key)) continue;
        fault(parser, "the key of witness %.60s again", trust->witnesses[i].name);
        return;
    }
    copy_word(parser->words[1], witness->name, sizeof witness->name);
    trust->witnesses_count++;
}

static void parse_group(struct parser *parser)
{
    struct trust *trust = parser->trust;
    struct trust_group *group = &trust->groups[trust->groups_count];
    uint64_t threshold = 0;

    if (trust->groups_count == TRUST_GROUPS_MAX) {
        fault(parser, "over %d groups", TRUST_GROUPS_MAX);
        return;
    }
    if (parser->words_count < 4) {
        fault(parser, "not `group <name> all|any|<k> <members...>`");
        return;
    }
    if (!new_name(parser, parser->words[1])) return;
    const uint32_t count = parser->words_count - 3;
    if (word_is(parser->words[2], "all")) {
        threshold = count;
    } else if (word_is(parser->words[2], "any")) {
        threshold = 1;
    } else if (!word_number(parser->words[2], count, &threshold) || threshold == 0) {
        fault(parser, "the threshold is not all, any or 1 to %u", (unsigned)count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct bytes name = parser->words[3 + i];
        const uint8_t member = find_name(trust, name);

        if (member == TRUST_NOBODY) {
            fault(parser, "%s is not defined before this line", show(name).text);
            return;
        }
        if (parser->used[member]) {
            fault(parser, "%s is a group member already", show(name).text);
            return;
        }
        parser->used[member] = true;
        group->members[i] = member;
    }
    copy_word(parser->words[1], group->name, sizeof group->name);
    group->threshold = (uint8_t)threshold;
    group->members_count = (uint8_t)count;
    trust->groups_count++;
}

static void parse_quorum(struct parser *parser)
{
    if (parser->has_quorum) {
        fault(parser, "a second quorum");
        return;
    }
    parser->has_quorum = true; /* even a bad one: it is reported once */
    if (parser->words_count != 2) {
        fault(parser, "not `quorum <name>|none`");
        return;
    }
    parser->trust->quorum = find_name(parser->trust, parser->words[1]);
    if (parser->trust->quorum == TRUST_NOBODY && !word_is(parser->words[1], "none"))
        fault(parser, "%s is not defined before this line", show(parser->words[1]).text);
}

static void parse_line(struct parser *parser, struct bytes line)
{
    /* C2SP: tab, newline, printable ASCII, and any byte with the high bit. */
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] >= 0x20 && line.data[i] != 0x7F) || line.data[i] == '\t') continue;
        fault(parser, "a control character");
        return;
    }
    while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = bytes_of(line.data + 1, line.size - 1);
    if (line.size == 0) return;
    if (line.data[0] == '#') {
        parse_comment(parser, line);
        return;
    }
    if (!split_words(parser, line)) return;
    if (word_is(parser->words[0], "log"))
        parse_log(parser);
    else if (word_is(parser->words[0], "witness"))
        parse_witness(parser);
    else if (word_is(parser->words[0], "group"))
        parse_group(parser);
    else if (word_is(parser->words[0], "quorum"))
        parse_quorum(parser);
    else
        fault(parser, "unknown word %s", show(parser->words[0]).text);
}

enum tally_err trust_parse(const void *data, size_t size, struct trust *ret_trust,
                           struct tally_diag *diag)
{
    struct bytes rest = bytes_of(data, size);
    struct bytes line = {0};
    struct parser parser = {.trust = ret_trust};

    if (size > LIMIT_TRUST_FILE_SIZE) {
        tally_diag_set(diag, "trust file: over %d bytes", LIMIT_TRUST_FILE_SIZE);
        return TALLY_E_TOO_LARGE;
    }
    *ret_trust = (struct trust){.quorum = TRUST_NOBODY};
    while (lines_take(&rest, &line)) {
        parser.line++;
        parse_line(&parser, line);
    }
    parser.line++;
    if (rest.size > 0) fault(&parser, "no newline at the end: is the file cut off?");
    if (!parser.has_quorum) fault(&parser, "the file ends without a quorum");
    if (ret_trust->logs_count == 0) fault(&parser, "the file ends without a valid log");
    if (parser.faults_count > 0) {
        tally_diag_set(diag, "trust file: %s", parser.faults.text);
        return TALLY_E_MALFORMED;
    }
    ASSERT(trust_valid(ret_trust));
    return TALLY_OK;
}
