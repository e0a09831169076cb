/* Headers of safetensors files: an honest one, and rows that differ from it in one thing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/safetensors.h"
#include "support/check_main.h"

/* a is F32 [2,3], b is BF16 [4]. */
#define A    "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define B    "\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[24,32]}"
#define META "\"__metadata__\":{\"format\":\"pt\"}"
enum { DATA = 32 };

static struct arena *arena;

static void open_arena(void)
{
    ck_assert_int_eq(arena_open(0, &arena), TALLY_OK);
}

static void close_arena(void)
{
    arena_close(arena);
}

static enum tally_err parse(const char *header, uint64_t data_size,
                            struct safetensors_view *view, struct tally_diag *diag)
{
    const size_t size = strlen(header);
    uint8_t *copy = malloc(size); /* exactly as large: a read behind it is seen */
    enum tally_err err;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, header, size);
    err = safetensors_parse(bytes_of(copy, size), data_size, arena, view, diag);
    free(copy);
    return err;
}

START_TEST(honest)
{
    struct safetensors_view view;
    struct tally_diag diag = {{0}};

    ck_assert_msg(parse("{" META "," A "," B "}  ", DATA, &view, &diag) == TALLY_OK, "%s",
                  diag.text);
    ck_assert_uint_eq(view.tensors, 2);
    ck_assert_uint_eq(view.parameters, 10);
    ck_assert_uint_eq(view.data_size, DATA);
    ck_assert_uint_eq(view.dtypes_count, 2);
    ck_assert_str_eq(view.dtypes[0].name, "BF16");
    ck_assert_uint_eq(view.dtypes[0].size, 8);
    ck_assert_str_eq(view.dtypes[1].name, "F32");
    ck_assert_uint_eq(view.dtypes[1].tensors, 1);
    ck_assert_uint_eq(view.dtypes[1].parameters, 6);
    ck_assert_uint_eq(view.metadata_count, 1);
    ck_assert_str_eq(view.metadata[0].key, "format");
    ck_assert_str_eq(view.metadata[0].value, "pt");
    ck_assert_uint_eq(view.oddities & ~(uint32_t)SAFETENSORS_UNALIGNED, 0);
}
END_TEST

#define TENSOR(dtype, shape, offsets)                                                          \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}}"
/* Each row has something else in one place. */
static const struct {
    const char *header;
    uint64_t data;
    const char *word; /* of the message; NULL: it passes */
} rows[] = {
    {TENSOR("F32", "2,3", "0,24"), 24, NULL},
    {TENSOR("F32", "", "0,4"), 4, NULL},      /* one number */
    {TENSOR("F32", "0,9", "0,0"), 0, NULL},   /* none */
    {TENSOR("F4", "2", "0,1"), 1, NULL},      /* two in a byte */
    {TENSOR("F6_E2M3", "4", "0,3"), 3, NULL}, /* four in three */
    {TENSOR("Q9", "7", "0,24"), 24, NULL},    /* unknown: the size is not checked */
    {"{}", 0, NULL},
    {"{" META "}", 0, NULL},
    {"{" A "," B "}", DATA, NULL},
    {"{" B "," A "}", DATA, NULL},
    {"{" A "," B "," META "}", DATA, NULL},
    {"", 24, "begin"},
    {"[]", 24, "begin"},
    {" {}", 0, "begin"},
    {"{" A, 24, "not JSON"},
    {"{" A "},", 24, "behind its end"},
    {"{" A "}{}", 24, "behind its end"},
    {"{\"a\":1}", 24, "object"},
    {"{\"a\":{\"shape\":[6],\"data_offsets\":[0,24]}}", 24, "dtype is missing"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,24]}}", 24, "shape is missing"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[6]}}", 24, "data_offsets is missing"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}", 24,
     "twice"},
    {"{\"a\":{\"dtype\":4,\"shape\":[6],\"data_offsets\":[0,24]}}", 24, "dtype must"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":6,\"data_offsets\":[0,24]}}", 24, "shape must"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":24}}", 24, "data_offsets must"},
    {TENSOR("F32", "-6", "0,24"), 24, "shape must"},
    {TENSOR("F32", "6.0", "0,24"), 24, "shape must"},
    {TENSOR("F32", "6e0", "0,24"), 24, "shape must"},
    {TENSOR("F32", "\"6\"", "0,24"), 24, "shape must"},
    {TENSOR("F32", "[6]", "0,24"), 24, "shape must"},
    {TENSOR("F32", "18446744073709551616", "0,24"), 24, "shape must"},
    {TENSOR("F32", "4294967296,4294967296,6", "0,24"), 24, "larger than any memory"},
    {TENSOR("F32", "4611686018427387910", "0,24"), 24, "larger than any memory"},
    {TENSOR("F4", "3", "0,2"), 2, "whole bytes"},
    {TENSOR("F32", "6", "0"), 24, "data_offsets must"},
    {TENSOR("F32", "6", "0,24,48"), 24, "data_offsets must"},
    {TENSOR("F32", "6", "-1,23"), 24, "data_offsets must"},
    {TENSOR("F32", "6", "24,0"), 24, "ends before it begins"},
    {TENSOR("F32", "6", "0,25"), 24, "out of the file"},
    {TENSOR("F32", "6", "0,18446744073709551615"), 24, "out of the file"},
    {TENSOR("F32", "6", "0,20"), 24, "different sizes"},
    {TENSOR("F64", "6", "0,24"), 24, "different sizes"},
    {TENSOR("F32", "6", "0,24"), 25, "1 bytes at the end"},
    {TENSOR("F32", "6", "1,25"), 25, "before it belong to no tensor"},
    {"{}", 1, "at the end belong to no tensor"},
    {"{" A "," A "}", 24, "'a': the name is there twice"},
    {"{" A ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[24,24]}}", 24,
     "'a': the name is there twice"},
    {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}", 24, "overlap"},
    {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[23,32]}}", 32, "overlap"},
    {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[25,32]}}", 32,
     "before it belong to no tensor"},
    {"{" META "," META "}", 0, "__metadata__ twice"},
    {"{\"__metadata__\":[]}", 0, "no object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "else than texts"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "key of __metadata__ twice"},
};

START_TEST(row)
{
    struct safetensors_view view;
    struct tally_diag diag = {{0}};
    const enum tally_err err = parse(rows[_i].header, rows[_i].data, &view, &diag);

    if (rows[_i].word == NULL) {
        ck_assert_msg(err == TALLY_OK, "%s: %s", rows[_i].header, diag.text);
        return;
    }
    ck_assert_msg(err == TALLY_E_MALFORMED, "%s: %d", rows[_i].header, err);
    ck_assert_msg(strstr(diag.text, rows[_i].word) != NULL, "%s: %s", rows[_i].header,
                  diag.text);
}
END_TEST

/* 56 bytes, with nothing unusual; each row has one thing. */
#define PLAIN TENSOR("U8", "", "0,1")
static const struct {
    const char *header;
    uint64_t data;
    uint32_t oddities;
} oddities[] = {
    {PLAIN "    ", 1, 0},
    {PLAIN, 1, SAFETENSORS_UNALIGNED},
    {PLAIN "            ", 1, SAFETENSORS_PADDED},
    {PLAIN "   \n", 1, SAFETENSORS_PADDED},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0, 1]}}   ", 1,
     SAFETENSORS_SPACED},
    {"{" B "," A "}       ", DATA, SAFETENSORS_UNORDERED},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"x\":[{}],\"data_offsets\":[0,1]}}   ", 1,
     SAFETENSORS_FIELDS},
    {TENSOR("V8", "", "0,1") "    ", 1, SAFETENSORS_DTYPE},
};

START_TEST(oddity)
{
    struct safetensors_view view;
    struct tally_diag diag = {{0}};

    ck_assert_msg(parse(oddities[_i].header, oddities[_i].data, &view, &diag) == TALLY_OK,
                  "%s: %s", oddities[_i].header, diag.text);
    ck_assert_msg(view.oddities == oddities[_i].oddities, "%s: %x", oddities[_i].header,
                  view.oddities);
}
END_TEST

START_TEST(every_oddity_has_words)
{
    for (uint32_t i = 0; i < SAFETENSORS_ODDITIES; i++)
        ck_assert_str_ne(safetensors_oddity(1u << i), "");
    ck_assert_str_eq(safetensors_oddity(1u << SAFETENSORS_ODDITIES), "");
}
END_TEST

static const struct {
    uint64_t header, file;
    enum tally_err err;
} sizes[] = {
    {2, 10, TALLY_OK},
    {SAFETENSORS_HEADER_MAX, SAFETENSORS_HEADER_MAX + 8, TALLY_OK},
    {2, 7, TALLY_E_MALFORMED},
    {3, 10, TALLY_E_MALFORMED},
    {UINT64_MAX, UINT64_MAX, TALLY_E_MALFORMED},
    {SAFETENSORS_FORMAT_MAX + 1, UINT64_MAX, TALLY_E_MALFORMED},
    {SAFETENSORS_HEADER_MAX + 1, UINT64_MAX, TALLY_E_TOO_LARGE},
    {SAFETENSORS_FORMAT_MAX, UINT64_MAX, TALLY_E_TOO_LARGE},
};

START_TEST(header_size)
{
    uint8_t first[8];
    uint64_t size = 77;

    for (size_t i = 0; i < 8; i++) first[i] = (uint8_t)(sizes[_i].header >> 8 * i);
    ck_assert_int_eq(safetensors_header_size(first, sizes[_i].file, &size, NULL),
                     sizes[_i].err);
    ck_assert_uint_eq(size, sizes[_i].err == TALLY_OK ? sizes[_i].header : 77);
}
END_TEST

/* A file, and the same cut anywhere. */
START_TEST(file)
{
    static const char header[] = PLAIN "     ";
    uint8_t bytes[8 + sizeof header] = {sizeof header - 1};
    struct safetensors_view view;
    FILE *out = tmpfile();

    ck_assert_ptr_nonnull(out);
    memcpy(bytes + 8, header, sizeof header - 1);
    bytes[sizeof bytes - 1] = 9; /* the one number */
    ck_assert_uint_eq(fwrite(bytes, 1, sizeof bytes, out), sizeof bytes);
    ck_assert_int_eq(fflush(out), 0);
    ck_assert_int_eq(safetensors_read(fileno(out), arena, &view, NULL), TALLY_OK);
    ck_assert_uint_eq(view.parameters, 1);
    for (size_t size = 0; size < sizeof bytes; size++) {
        ck_assert_int_eq(ftruncate(fileno(out), (off_t)(sizeof bytes - 1 - size)), 0);
        ck_assert_int_eq(safetensors_read(fileno(out), arena, &view, NULL), TALLY_E_MALFORMED);
    }
    fclose(out);
}
END_TEST

/* Many tensors and texts: up to the limit, and one more. */
static enum tally_err many_texts(size_t count)
{
    char *header = malloc(64 + count * 16);
    struct safetensors_view view;
    size_t at = (size_t)sprintf(header, "{\"__metadata__\":{");
    enum tally_err err;

    for (size_t i = 0; i < count; i++)
        at += (size_t)sprintf(header + at, "%s\"%zu\":\"\"", i == 0 ? "" : ",", i);
    sprintf(header + at, "}}");
    err = parse(header, 0, &view, NULL);
    free(header);
    return err;
}

static enum tally_err many_tensors(size_t count)
{
    char *header = malloc(64 + count * 80);
    struct safetensors_view view;
    size_t at = (size_t)sprintf(header, "{");
    enum tally_err err;

    for (size_t i = 0; i < count; i++)
        at += (size_t)sprintf(
            header + at, "%s\"%zu\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[%zu,%zu]}",
            i == 0 ? "" : ",", i, i, i + 1);
    sprintf(header + at, "}");
    err = parse(header, count, &view, NULL);
    if (err == TALLY_OK) ck_assert_uint_eq(view.tensors, count);
    free(header);
    return err;
}

START_TEST(many)
{
    ck_assert_int_eq(many_texts(SAFETENSORS_METADATA_MAX), TALLY_OK);
    ck_assert_int_eq(many_texts(SAFETENSORS_METADATA_MAX + 1), TALLY_E_TOO_LARGE);
    ck_assert_int_eq(many_tensors(SAFETENSORS_TENSORS_MAX), TALLY_OK);
    ck_assert_int_eq(many_tensors(SAFETENSORS_TENSORS_MAX + 1), TALLY_E_TOO_LARGE);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, open_arena, close_arena);
    tcase_add_test(all, honest);
    tcase_add_loop_test(all, row, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(all, oddity, 0, sizeof oddities / sizeof oddities[0]);
    tcase_add_test(all, every_oddity_has_words);
    tcase_add_loop_test(all, header_size, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_test(all, file);
    tcase_add_test(all, many);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    return check_main(make_suite());
}
