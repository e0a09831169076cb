#include "audit_window.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/sign.h"

void audit_window_clear(struct audit_window *window)
{
    for (uint32_t i = 0; i < window->parts_count; i++) {
        source_page_free(&window->parts[i].page);
        window->parts[i].items = NULL;
    }
    window->parts_count = 0;
    window->signatures_count = 0;
    window->checks_count = 0;
    window->err = TALLY_OK;
}

void audit_window_free(struct audit_window *window)
{
    audit_window_clear(window);
    for (uint32_t i = 0; i < AUDIT_PAGES; i++) arena_close(window->parts[i].arena);
    free(window->signatures);
    free(window->checks);
}

/* ---- decode -------------------------------------------------------------------------- */

static size_t page_size(const struct source_page *page)
{
    size_t size = 0;

    for (uint32_t i = 0; i < page->count; i++) size += page->leaves[i].size;
    return size;
}

void audit_window_load(struct audit_window *window, struct source *source, uint64_t first)
{
    const uint64_t size = source->checkpoint.checkpoint.size;
    size_t loaded = 0;

    window->first = window->end = first;
    while (window->err == TALLY_OK && window->parts_count < AUDIT_PAGES && window->end < size &&
           loaded < AUDIT_WINDOW_SIZE) {
        struct audit_part *part = &window->parts[window->parts_count];

        window->err = source_page(source, window->end, &part->page, &window->diag);
        if (window->err != TALLY_OK) {
            source_page_free(&part->page);
            return;
        }
        window->parts_count++;
        window->end += part->page.count;
        loaded += page_size(&part->page);
    }
}

static void decode(void *argument)
{
    struct audit_part *part = argument;
    const struct source_page *page = &part->page;

    part->decoded = 0;
    part->err = part->arena == NULL ? arena_open(0, &part->arena) : TALLY_OK;
    if (part->err != TALLY_OK) return;
    arena_reset(part->arena, 0);
    part->items = arena_alloc(part->arena, page->count * sizeof *part->items);
    if (part->items == NULL) part->err = TALLY_E_NO_MEMORY;
    for (; part->err == TALLY_OK && part->decoded < page->count; part->decoded++) {
        const uint32_t i = part->decoded;
        struct tally_hash hash;

        /* The tile first: it says more of a changed byte than what the byte breaks. */
        hash_leaf(page->leaves[i].data, page->leaves[i].size, &hash);
        if (page->has_tile && !hash_equal(&hash, &page->tile[i])) {
            tally_diag_set(&part->diag, "its bytes do not have the hash that the tile has");
            part->err = TALLY_E_PROOF;
            return;
        }
        part->err = replay_decode(page->leaves[i], page->first + i, part->arena,
                                  &part->items[i], &part->diag);
        if (part->err != TALLY_OK) return;
    }
}

void audit_window_decode(struct audit_window *window, struct pool *pool)
{
    for (uint32_t i = 0; i < window->parts_count; i++)
        pool_submit(pool, &window->decode, decode, &window->parts[i]);
}

/* ---- verify -------------------------------------------------------------------------- */

enum tally_err audit_window_add(struct audit_window *window,
                                const struct replay_signature *signature)
{
    if (window->signatures_count == window->signatures_capacity) {
        const size_t capacity =
            window->signatures_capacity == 0 ? 1024 : 2 * window->signatures_capacity;
        struct replay_signature *grown =
            realloc(window->signatures, capacity * sizeof *window->signatures);

        if (grown == NULL) return TALLY_E_NO_MEMORY;
        window->signatures = grown;
        window->signatures_capacity = capacity;
    }
    window->signatures[window->signatures_count++] = *signature;
    return TALLY_OK;
}

static void check(void *argument)
{
    struct audit_check *self = argument;

    for (self->failed = 0; self->failed < self->count; self->failed++) {
        const struct replay_signature *one = &self->signatures[self->failed];

        if (sign_verify(one->public_key, one->message, sizeof one->message, one->signature,
                        sizeof one->signature) != TALLY_OK) {
            return;
        }
    }
}

enum tally_err audit_window_verify(struct audit_window *window, struct pool *pool)
{
    const size_t count =
        (window->signatures_count + AUDIT_CHECK_SIGNATURES - 1) / AUDIT_CHECK_SIGNATURES;

    if (count > window->checks_capacity) {
        struct audit_check *grown = realloc(window->checks, count * sizeof *window->checks);

        if (grown == NULL) return TALLY_E_NO_MEMORY;
        window->checks = grown;
        window->checks_capacity = count;
    }
    window->checks_count = count;
    for (size_t i = 0; i < count; i++) {
        const size_t from = i * AUDIT_CHECK_SIGNATURES;
        const size_t left = window->signatures_count - from;

        window->checks[i] = (struct audit_check){
            .signatures = &window->signatures[from],
            .count = left < AUDIT_CHECK_SIGNATURES ? (uint32_t)left : AUDIT_CHECK_SIGNATURES};
        pool_submit(pool, &window->verify, check, &window->checks[i]);
    }
    return TALLY_OK;
}

const struct replay_signature *audit_window_failed(const struct audit_window *window)
{
    for (size_t i = 0; i < window->checks_count; i++) {
        const struct audit_check *self = &window->checks[i];

        if (self->failed < self->count) return &self->signatures[self->failed];
    }
    return NULL;
}
