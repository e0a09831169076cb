/* source - a log to read from its first record on: a directory of `tally export`, or nodes.
 *
 * Gives the checkpoint, and then the leaves below it page by page. Nothing of what it gives is
 * checked here but its form; with a trust file the checkpoint is. One thread. */
#ifndef TALLY_SOURCE_H
#define TALLY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/client.h>
#include <tally/err.h>

#include "base/arena.h"
#include "cli.h"
#include "export_dir.h"
#include "note/trust.h"

/* Option of every command that reads a source. */
#define SOURCE_TRUST                                                                           \
    {                                                                                          \
        .name = "trust", .type = CLI_TEXT, .argument = "FILE",                                 \
        .text = "trust file that the checkpoint must satisfy"                                  \
    }

struct source {
    const char *directory;       /* NULL: nodes are asked */
    struct tally_client *client; /* NULL: the directory is read */
    uint64_t timeout_ms;
    struct arena *arena; /* of the checkpoint */
    struct export_checkpoint checkpoint;
    struct trust *trust;           /* NULL: there is none */
    struct trust_checkpoint found; /* with a trust file: who signed */
};

/* Leaves first .. first + count - 1; they borrow from the page. */
struct source_page {
    uint64_t first;
    uint32_t count;
    struct bytes leaves[TILES_WIDTH];
    bool has_tile; /* a directory says what the leaf hashes are */
    struct tally_hash tile[TILES_WIDTH];
    uint8_t *data;
    size_t size; /* bytes of a page that nodes gave */
};

/* A directory. Errors, said through cli_fail: as export_checkpoint_read and source_checkpoint.
 */
TALLY_NODISCARD enum tally_err source_open_directory(struct cli *cli, const char *directory,
                                                     struct source *ret_source);
/* Nodes, at "URL[,URL]", with the options --ca, --timeout and --trust of the command; waits for
 * a checkpoint with the cosignatures that the trust file asks for. Errors, said through
 * cli_fail: TALLY_E_NOT_FOUND (nothing is published), of the client and of the check. */
TALLY_NODISCARD enum tally_err source_open_nodes(struct cli *cli, const char *urls,
                                                 struct source *ret_source);
/* What --from-log names: nodes when it is a URL, else a directory. Errors: as theirs. */
TALLY_NODISCARD enum tally_err source_open(struct cli *cli, const char *from,
                                           struct source *ret_source);
/* Also after an error of an open, and of a zeroed struct. */
void source_close(struct source *source);

/* The next page, full up to a multiple of 256 or to the end; `first` is 0, or the end of the
 * page before. Free it, also after an error. Errors: TALLY_E_NOT_FOUND, TALLY_E_MALFORMED (a
 * file; the diag names it), TALLY_E_IO, TALLY_E_TIMEOUT and others of the client,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err source_page(struct source *source, uint64_t first,
                                           struct source_page *ret_page,
                                           struct tally_diag *diag);
void source_page_free(struct source_page *page);

#endif
