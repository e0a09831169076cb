/* bench - load for `tally bench`: clients that append batches, and the disk's own speed.
 *
 * Each client is a thread with a handle of its own; nothing is shared while they run. */
#ifndef TALLY_BENCH_H
#define TALLY_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "cli.h"
#include "crypto/keyfile.h"

/* Microseconds that each request took; grows up to a cap, then samples are dropped. */
struct bench_times {
    uint32_t *items;
    size_t count, capacity;
};

struct bench_load {
    struct cli *cli;
    const struct user_key *key;
    struct tally_hash ledger_id;
    struct bytes event; /* one encoded event; its id is replaced in every copy */
    size_t id_offset;   /* of the event id in it */
    uint32_t clients, batch_events, proof_every;
    uint64_t seconds;
};

struct bench_result {
    uint64_t events;  /* committed */
    uint64_t refused; /* requests that failed; the first reason was printed */
    double seconds;
    struct bench_times commit, proof; /* sorted; free with bench_times_free() */
};

/* Run the load. Errors: TALLY_E_NO_MEMORY, TALLY_E_INVALID, TALLY_E_IO (of a client's opening),
 * said through cli_fail. */
TALLY_NODISCARD enum tally_err bench_run(const struct bench_load *load,
                                         struct bench_result *ret_result);
/* The value that `permille` of 1000 samples do not exceed; 0 without samples. */
uint32_t bench_percentile(const struct bench_times *times, uint32_t permille);
void bench_times_free(struct bench_times *times);

struct bench_disk {
    double syncs_per_second;
    struct bench_times sync; /* sorted */
};
/* Append 4 KiB and fdatasync, again and again for a second, in a file in `directory`.
 * Errors: TALLY_E_IO, TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err bench_disk(const char *directory, struct bench_disk *ret_disk,
                                          struct tally_diag *diag);

/* An event of about `size` bytes by this key about `subject`, and where its id is in it.
 * Errors: TALLY_E_INVALID (no event can be so small or so large), TALLY_E_MALFORMED,
 * TALLY_E_NO_MEMORY. */
TALLY_NODISCARD enum tally_err bench_event(const struct user_key *key,
                                           const struct tally_hash *ledger_id,
                                           const char *subject, uint64_t size,
                                           struct arena *arena, struct bytes *ret_event,
                                           size_t *ret_id_offset, struct tally_diag *diag);

#endif
