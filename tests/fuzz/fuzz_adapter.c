/* Any bytes as the configuration of an adapter, and as a file that may run code. What a view
 * holds fits an event: sets ascend, texts are UTF-8, numbers have one form. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "event/adapter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    ASSERT(strlen(text) <= LIMIT_TEXT_SIZE);
    ASSERT(bytes_utf8(text, strlen(text)));
}

static void check_set(const struct adapter_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        check_text(set->texts[i]);
        ASSERT(set->texts[i][0] != '\0');
        ASSERT(i == 0 || strcmp(set->texts[i - 1], set->texts[i]) < 0);
    }
}

static void check_decimal(const struct adapter_decimal *decimal)
{
    if (!decimal->found || decimal->value == 0) ASSERT(decimal->exponent == 0);
    if (decimal->exponent != 0) ASSERT(decimal->value % 10 != 0);
}

static void check_base(const char *name)
{
    char subject[128];

    (void)adapter_base_kind(name);
    (void)adapter_base_differs("base/b", name);
    if (adapter_base_subject(name, subject, sizeof subject))
        ASSERT(strlen(subject) > 5 && strlen(subject) <= 5 + LIMIT_NAME_SIZE);
}

static void try_configuration(struct bytes json)
{
    struct adapter_view view;
    struct tally_diag diag;
    struct arena *arena = NULL;

    if (arena_open(0, &arena) != TALLY_OK) return;
    if (adapter_parse(json, arena, &view, &diag) == TALLY_OK) {
        check_text(view.method);
        check_text(view.base_name);
        check_text(view.base_revision);
        check_text(view.target_pattern);
        check_set(&view.target_modules);
        check_set(&view.exclude_modules);
        check_set(&view.modules_to_save);
        check_decimal(&view.alpha);
        check_decimal(&view.scale);
        check_base(view.base_name);
        ASSERT(view.settings_count <= ADAPTER_SETTINGS_MAX);
        for (uint32_t i = 0; i < view.settings_count; i++) check_text(view.settings[i].text);
    }
    arena_close(arena);
}

static void try_pickle(struct bytes bytes)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    enum pickle_kind kind = PICKLE_NONE;

    ASSERT(fd >= 0);
    ASSERT(write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
    ASSERT(pickle_by_content(fd, bytes.size, &kind) == TALLY_OK);
    ASSERT(pickle_text(kind)[0] != '\0');
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes bytes = bytes_of(data, size);

    if (size == 0) return 0;
    if (data[0] == '{')
        try_configuration(bytes);
    else
        try_pickle(bytes);
    return 0;
}
