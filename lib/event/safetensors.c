/* The rules are those of the format's reference reader; what it lets pass and what still means
 * that another program wrote the file is an oddity. */
#include "event/safetensors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/json_scan.h"

/* Names of the format's list, and the size of one number in bits. */
static const struct dtype {
    const char *name;
    uint32_t bits;
} dtypes[] = {
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},    {"?", 0},
};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0], DTYPE_UNKNOWN = DTYPES - 1 };
_Static_assert(sizeof dtypes / sizeof dtypes[0] <= (size_t)SAFETENSORS_DTYPES, "room for all");

struct tensor {
    struct bytes name; /* as it is, not as written */
    uint64_t begin, end;
};

struct parse {
    struct json_scan scan;
    struct arena *arena;
    struct tally_diag *diag;
    struct safetensors_view *view;
    struct safetensors_dtype totals[DTYPES];
    struct tensor *tensors; /* malloc'd */
    size_t count, capacity;
    bool has_metadata;
};

/* One tensor's members. */
struct fields {
    bool has_dtype, has_shape, has_offsets;
    size_t dtype;
    uint64_t parameters, begin, end;
};

/* "tensor 'NAME': WHY", the name cut to what helps. */
static enum tally_err refuse(const struct parse *parse, struct bytes name, const char *why)
{
    const int shown = name.size > 80 ? 80 : (int)name.size;

    tally_diag_set(parse->diag, "tensor '%.*s': %s", shown,
                   name.size == 0 ? "" : (const char *)name.data, why);
    return TALLY_E_MALFORMED;
}

static enum tally_err refuse_all(const struct parse *parse, const char *why)
{
    tally_diag_set(parse->diag, "the header %s", why);
    return TALLY_E_MALFORMED;
}

static const char not_json[] = "is not JSON";

/* ---- one tensor ---------------------------------------------------------------------- */

static bool number_of(const struct json_item *item, uint64_t *ret_value)
{
    return item->kind == JSON_KIND_NUMBER &&
           decimal_parse((const char *)item->text.data, item->text.size, UINT64_MAX, ret_value);
}

static size_t dtype_of(struct bytes written)
{
    for (size_t i = 0; i < DTYPE_UNKNOWN; i++)
        if (json_string_is(written, dtypes[i].name)) return i;
    return DTYPE_UNKNOWN;
}

/* The numbers of a list, multiplied. */
static const char *take_shape(struct parse *parse, struct fields *fields)
{
    struct json_item item;
    uint64_t value = 0;

    fields->parameters = 1;
    while (json_scan_next(&parse->scan, &item) != JSON_KIND_END) {
        if (item.kind == JSON_KIND_BAD) return not_json;
        if (!number_of(&item, &value)) return "shape must be a list of whole numbers";
        if (__builtin_mul_overflow(fields->parameters, value, &fields->parameters))
            return "shape is larger than any memory";
    }
    return NULL;
}

static const char *take_offsets(struct parse *parse, struct fields *fields)
{
    struct json_item item;
    uint64_t values[2] = {0};
    size_t count = 0;

    while (json_scan_next(&parse->scan, &item) != JSON_KIND_END) {
        if (item.kind == JSON_KIND_BAD) return not_json;
        if (count == 2 || !number_of(&item, &values[count]))
            return "data_offsets must be two whole numbers";
        count++;
    }
    if (count != 2) return "data_offsets must be two whole numbers";
    fields->begin = values[0];
    fields->end = values[1];
    return NULL;
}

static const char *take_field(struct parse *parse, const struct json_item *item,
                              struct fields *fields)
{
    bool *has = NULL;

    if (json_string_is(item->key, "dtype")) has = &fields->has_dtype;
    if (json_string_is(item->key, "shape")) has = &fields->has_shape;
    if (json_string_is(item->key, "data_offsets")) has = &fields->has_offsets;
    if (has == NULL) {
        parse->view->oddities |= SAFETENSORS_FIELDS;
        return json_scan_skip(&parse->scan, item) ? NULL : not_json;
    }
    if (*has) return "a field is there twice";
    *has = true;
    if (has == &fields->has_dtype) {
        if (item->kind != JSON_KIND_STRING) return "dtype must be a text";
        fields->dtype = dtype_of(item->text);
        return NULL;
    }
    if (item->kind != JSON_KIND_ARRAY)
        return has == &fields->has_shape ? "shape must be a list of whole numbers"
                                         : "data_offsets must be two whole numbers";
    return has == &fields->has_shape ? take_shape(parse, fields) : take_offsets(parse, fields);
}

/* Everything there, inside the file, and as many bytes as the numbers need. */
static const char *check_fields(const struct parse *parse, const struct fields *fields)
{
    const uint32_t bits = dtypes[fields->dtype].bits;
    uint64_t size = 0;

    if (!fields->has_dtype) return "dtype is missing";
    if (!fields->has_shape) return "shape is missing";
    if (!fields->has_offsets) return "data_offsets is missing";
    if (fields->begin > fields->end) return "data_offsets ends before it begins";
    if (fields->end > parse->view->data_size) return "data_offsets leads out of the file";
    if (fields->dtype == DTYPE_UNKNOWN) return NULL;
    if (__builtin_mul_overflow(fields->parameters, (uint64_t)bits, &size))
        return "shape is larger than any memory";
    if (size % 8 != 0) return "its numbers do not fill whole bytes";
    return size / 8 == fields->end - fields->begin
               ? NULL
               : "data_offsets and shape speak of different sizes";
}

/* ---- the header ---------------------------------------------------------------------- */

/* A string as it is: in place when nothing in it is escaped. data is NULL without memory. */
static struct bytes plain(struct parse *parse, struct bytes written)
{
    uint8_t *to;

    if (written.size == 0 || memchr(written.data, '\\', written.size) == NULL) return written;
    to = arena_alloc(parse->arena, written.size);
    return bytes_of(to, to == NULL ? 0 : json_string_decode(written, to));
}

static enum tally_err add_tensor(struct parse *parse, struct bytes name,
                                 const struct fields *fields)
{
    struct safetensors_dtype *total = &parse->totals[fields->dtype];

    if (parse->count == SAFETENSORS_TENSORS_MAX) {
        tally_diag_set(parse->diag, "more than %d tensors", SAFETENSORS_TENSORS_MAX);
        return TALLY_E_TOO_LARGE;
    }
    if (parse->count == parse->capacity) {
        const size_t capacity = parse->capacity == 0 ? 256 : 2 * parse->capacity;
        struct tensor *tensors = realloc(parse->tensors, capacity * sizeof *tensors);

        if (tensors == NULL) return TALLY_E_NO_MEMORY;
        parse->tensors = tensors;
        parse->capacity = capacity;
    }
    if (parse->count > 0 && fields->begin < parse->tensors[parse->count - 1].end)
        parse->view->oddities |= SAFETENSORS_UNORDERED;
    if (fields->dtype == DTYPE_UNKNOWN) parse->view->oddities |= SAFETENSORS_DTYPE;
    parse->tensors[parse->count++] = (struct tensor){name, fields->begin, fields->end};
    if (__builtin_add_overflow(parse->view->parameters, fields->parameters,
                               &parse->view->parameters))
        return refuse(parse, name, "shape is larger than any memory");
    total->tensors++;
    total->parameters += fields->parameters;
    total->size += fields->end - fields->begin;
    return TALLY_OK;
}

static enum tally_err take_tensor(struct parse *parse, const struct json_item *member)
{
    const struct bytes name = plain(parse, member->key);
    struct fields fields = {0};
    struct json_item item;
    const char *why = NULL;

    if (name.data == NULL) return TALLY_E_NO_MEMORY;
    if (member->kind != JSON_KIND_OBJECT) return refuse(parse, name, "it must be an object");
    while (why == NULL && json_scan_next(&parse->scan, &item) != JSON_KIND_END)
        why = item.kind == JSON_KIND_BAD ? not_json : take_field(parse, &item, &fields);
    if (why == not_json) return refuse_all(parse, not_json);
    if (why == NULL) why = check_fields(parse, &fields);
    return why != NULL ? refuse(parse, name, why) : add_tensor(parse, name, &fields);
}

/* A copy with a NUL behind it; NULL without memory. */
static const char *text_of(struct parse *parse, struct bytes written)
{
    return (const char *)arena_copy(parse->arena, plain(parse, written)).data;
}

static enum tally_err add_pair(struct parse *parse, struct safetensors_pair *pairs,
                               const struct json_item *item)
{
    const struct safetensors_pair pair = {text_of(parse, item->key),
                                          text_of(parse, item->text)};
    struct safetensors_view *view = parse->view;

    if (pair.key == NULL || pair.value == NULL) return TALLY_E_NO_MEMORY;
    for (uint32_t i = 0; i < view->metadata_count; i++)
        if (strcmp(pairs[i].key, pair.key) == 0)
            return refuse_all(parse, "has a key of __metadata__ twice");
    if (view->metadata_count == SAFETENSORS_METADATA_MAX) {
        tally_diag_set(parse->diag, "more than %d texts in __metadata__",
                       SAFETENSORS_METADATA_MAX);
        return TALLY_E_TOO_LARGE;
    }
    pairs[view->metadata_count++] = pair;
    return TALLY_OK;
}

static enum tally_err take_metadata(struct parse *parse, const struct json_item *member)
{
    struct safetensors_pair *pairs;
    enum tally_err err = TALLY_OK;
    struct json_item item;

    if (parse->has_metadata) return refuse_all(parse, "has __metadata__ twice");
    parse->has_metadata = true;
    if (member->kind != JSON_KIND_OBJECT)
        return refuse_all(parse, "has a __metadata__ that is no object");
    pairs = arena_zalloc(parse->arena, SAFETENSORS_METADATA_MAX, sizeof *pairs);
    if (pairs == NULL) return TALLY_E_NO_MEMORY;
    parse->view->metadata = pairs;
    while (err == TALLY_OK && json_scan_next(&parse->scan, &item) != JSON_KIND_END) {
        if (item.kind == JSON_KIND_BAD) return refuse_all(parse, not_json);
        err = item.kind == JSON_KIND_STRING
                  ? add_pair(parse, pairs, &item)
                  : refuse_all(parse, "has something else than texts in __metadata__");
    }
    return err;
}

static int compare_names(const void *a, const void *b)
{
    return bytes_compare(((const struct tensor *)a)->name, ((const struct tensor *)b)->name);
}

static int compare_places(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Names once, and every byte behind the header in exactly one tensor. */
static enum tally_err check_tensors(struct parse *parse)
{
    struct tensor *tensors = parse->tensors;
    uint64_t end = 0;

    if (parse->count > 0) qsort(tensors, parse->count, sizeof *tensors, compare_names);
    for (size_t i = 1; i < parse->count; i++)
        if (bytes_equal(tensors[i - 1].name, tensors[i].name))
            return refuse(parse, tensors[i].name, "the name is there twice");
    if (parse->count > 0) qsort(tensors, parse->count, sizeof *tensors, compare_places);
    for (size_t i = 0; i < parse->count; i++) {
        if (tensors[i].begin < end)
            return refuse(parse, tensors[i].name, "its bytes overlap those of another one");
        if (tensors[i].begin > end)
            return refuse(parse, tensors[i].name, "bytes before it belong to no tensor");
        end = tensors[i].end;
    }
    if (end == parse->view->data_size) return TALLY_OK;
    tally_diag_set(parse->diag, "%llu bytes at the end belong to no tensor",
                   (unsigned long long)(parse->view->data_size - end));
    return TALLY_E_MALFORMED;
}

static enum tally_err take_members(struct parse *parse)
{
    struct json_item member;
    enum tally_err err = TALLY_OK;

    if (json_scan_next(&parse->scan, &member) != JSON_KIND_OBJECT)
        return refuse_all(parse, member.kind == JSON_KIND_BAD ? not_json : "is no JSON object");
    while (err == TALLY_OK && json_scan_next(&parse->scan, &member) != JSON_KIND_END) {
        if (member.kind == JSON_KIND_BAD) return refuse_all(parse, not_json);
        err = json_string_is(member.key, "__metadata__") ? take_metadata(parse, &member)
                                                         : take_tensor(parse, &member);
    }
    if (err != TALLY_OK) return err;
    return json_scan_next(&parse->scan, &member) == JSON_KIND_DONE
               ? TALLY_OK
               : refuse_all(parse, "has something behind its end");
}

static void finish_view(struct parse *parse, struct bytes header)
{
    struct safetensors_view *view = parse->view;
    size_t end = header.size;

    view->tensors = parse->count;
    for (; header.data[end - 1] != '}'; end--)
        if (header.data[end - 1] != ' ') view->oddities |= SAFETENSORS_PADDED;
    if (header.size - end > 7) view->oddities |= SAFETENSORS_PADDED;
    if (parse->scan.spaced) view->oddities |= SAFETENSORS_SPACED;
    if (header.size % 8 != 0) view->oddities |= SAFETENSORS_UNALIGNED;
    for (size_t i = 0; i < DTYPES; i++) {
        if (parse->totals[i].tensors == 0) continue;
        parse->totals[i].name = dtypes[i].name;
        view->dtypes[view->dtypes_count++] = parse->totals[i];
    }
}

enum tally_err safetensors_parse(struct bytes header, uint64_t data_size, struct arena *arena,
                                 struct safetensors_view *ret_view, struct tally_diag *diag)
{
    struct safetensors_view view = {.header_size = header.size, .data_size = data_size};
    struct parse parse = {
        .scan = json_scan(header), .arena = arena, .diag = diag, .view = &view};
    enum tally_err err;

    /* The reference reader demands it: no other format begins so. */
    if (header.size == 0 || header.data[0] != '{')
        return refuse_all(&parse, "does not begin with {");
    err = take_members(&parse);
    if (err == TALLY_OK) err = check_tensors(&parse);
    if (err == TALLY_OK) {
        finish_view(&parse, header);
        *ret_view = view;
    }
    free(parse.tensors);
    return err;
}

/* ---- the file ------------------------------------------------------------------------ */

enum tally_err safetensors_header_size(const uint8_t *first, uint64_t file_size,
                                       uint64_t *ret_size, struct tally_diag *diag)
{
    uint64_t size = 0;

    if (file_size < 8) {
        tally_diag_set(diag, "%llu bytes: too short for a safetensors file",
                       (unsigned long long)file_size);
        return TALLY_E_MALFORMED;
    }
    for (int i = 7; i >= 0; i--) size = size << 8 | first[i];
    if (size > SAFETENSORS_FORMAT_MAX || size > file_size - 8) {
        tally_diag_set(diag, "a header of %llu bytes, %s", (unsigned long long)size,
                       size > file_size - 8 ? "more than the file has"
                                            : "more than the format allows");
        return TALLY_E_MALFORMED;
    }
    if (size > SAFETENSORS_HEADER_MAX) {
        tally_diag_set(diag, "a header of %llu bytes, over the limit of %d",
                       (unsigned long long)size, SAFETENSORS_HEADER_MAX);
        return TALLY_E_TOO_LARGE;
    }
    *ret_size = size;
    return TALLY_OK;
}

static bool read_at(int fd, uint8_t *to, size_t size, off_t at)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = pread(fd, to + done, size - done, at + (off_t)done);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

enum tally_err safetensors_read(int fd, struct arena *arena, struct safetensors_view *ret_view,
                                struct tally_diag *diag)
{
    struct stat status;
    uint8_t first[8] = {0};
    uint64_t size = 0;
    uint8_t *header;
    enum tally_err err;

    if (fstat(fd, &status) != 0 ||
        (status.st_size >= 8 && !read_at(fd, first, sizeof first, 0))) {
        tally_diag_set(diag, "it cannot be read");
        return TALLY_E_IO;
    }
    err = safetensors_header_size(first, (uint64_t)status.st_size, &size, diag);
    if (err != TALLY_OK) return err;
    header = malloc((size_t)size + 1);
    if (header == NULL) return TALLY_E_NO_MEMORY;
    if (!read_at(fd, header, (size_t)size, 8)) {
        tally_diag_set(diag, "it cannot be read");
        err = TALLY_E_IO;
    } else {
        err = safetensors_parse(bytes_of(header, (size_t)size),
                                (uint64_t)status.st_size - 8 - size, arena, ret_view, diag);
    }
    free(header);
    return err;
}

const char *safetensors_oddity(uint32_t bit)
{
    switch (bit) {
    case SAFETENSORS_SPACED:
        return "white space inside the header: not written by the usual library";
    case SAFETENSORS_PADDED:
        return "other padding behind the header than alignment needs";
    case SAFETENSORS_UNALIGNED:
        return "the tensors begin at no multiple of 8: some programs cannot map the file";
    case SAFETENSORS_UNORDERED:
        return "tensors are not listed in the order of their bytes";
    case SAFETENSORS_FIELDS:
        return "a tensor has a field that the format does not know";
    case SAFETENSORS_DTYPE:
        return "a dtype that is not known here: its size is not checked";
    default:
        return "";
    }
}
