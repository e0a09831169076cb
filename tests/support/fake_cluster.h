/* fake_cluster - a ledger in place of the network, for the commands that append and prove.
 *
 * It records on paper (support/paper_ledger.h), and answers, refuses or stays silent as the
 * test says. One thread. */
#ifndef SUPPORT_FAKE_CLUSTER_H
#define SUPPORT_FAKE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <tally/err.h>

#include "base/bytes.h"
#include "support/paper_ledger.h"

struct fake_cluster {
    struct paper paper;
    enum tally_err refuse; /* the next append is refused with this; TALLY_OK: not */
    bool lose_answer;      /* the next append is recorded, and its answer lost */
    bool deny;             /* record appends as denied */
    uint32_t cosigners;    /* of the first proof; later ones have everybody's */
    uint32_t appends, proves;
    bool has_base;    /* the subject base/b is registered */
    bool has_version; /* and model/m/version/1, with these bytes */
    struct tally_hash version_root;
    bool pending_was_there;  /* r.pending, at the time of the append */
    struct bytes last_batch; /* as it was sent */
    uint64_t last_index;
};
extern struct fake_cluster fake;

/* Begin with a ledger of three members that holds its genesis, and let commands talk to it. */
void fake_cluster_open(void);
void fake_cluster_close(void);

#endif
