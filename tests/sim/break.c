/* Each check is shown a violation: one that stays silent is no check. */
#include "base/assert.h"
#include "crypto/hash.h"
#include "sim/world.h"

/* Change what is known of a client's events; false: it has fewer than two. */
static bool break_client(struct client *client, enum sim_check check)
{
    struct acknowledged *first = &client->acknowledged[0];
    struct acknowledged *last = &client->acknowledged[client->acknowledged_count - 1];

    if (client->acknowledged_count < 2) return false;
    switch (check) {
    case CHECK_ACKNOWLEDGED:
        last->index = first->index;
        return true;
    case CHECK_UNIQUE:
        *last = *first;
        return true;
    case CHECK_ORDER:
        first->sent_ms = first->acknowledged_ms = last->acknowledged_ms + 1;
        last->acknowledged_ms = 0;
        return true;
    default:
        return false;
    }
}

static void break_proofs(struct world *world, enum sim_check check)
{
    for (size_t i = 0; check == CHECK_CONSISTENCY && i < world->roots_count; i++) {
        if (world->roots[i].published) world->roots[i].root.bytes[0] ^= 1;
        if (world->roots[i].published) return;
    }
    for (size_t i = 0; check == CHECK_RECEIPTS && i < world->receipts_count; i++) {
        world->receipts[i].leaf.bytes[31] ^= 1;
    }
}

void break_check(struct world *world, enum sim_check check)
{
    const uint64_t commit = raft_commit(node_raft(world->machines[0].node));
    struct root root = world->roots[0];
    uint64_t block = 0;

    switch (check) {
    case CHECK_LEADERS:
        check_leader(world, 1, 1);
        check_leader(world, 1, 2);
        return;
    case CHECK_COMMITTED:
        check_committed(world, 1, commit, &root.root);
        return;
    case CHECK_ROOTS:
        root.root.bytes[31] ^= 0x80;
        check_root(world, root.size, &root.root, false);
        return;
    case CHECK_SIGNED_BELOW:
        check_signed(&world->machines[0], root.size, &root.root);
        return;
    case CHECK_BOUNDARIES:
        while (world->boundary_size[block] == 0) block++;
        check_boundary(world, block, world->boundary_size[block] + 1, &root.root);
        return;
    case CHECK_READS:
        check_read(world, world->acknowledged_floor, world->acknowledged_floor - 1);
        return;
    case CHECK_ACKNOWLEDGED:
    case CHECK_UNIQUE:
    case CHECK_ORDER:
        for (uint32_t i = 0; i < CLIENTS; i++) {
            if (break_client(&world->clients[i], check)) return;
        }
        return;
    case CHECK_CONSISTENCY:
    case CHECK_RECEIPTS:
        break_proofs(world, check);
        return;
    case CHECK_ANSWERS: {
        const struct happening answer = {.code = TALLY_E_MALFORMED};

        world->clients[0].batch = buffer_new(0);
        world->clients[0].attempt = 0;
        client_answer(world, &world->clients[0], &answer);
        return;
    }
    case CHECK_NODES:
        machine_break(&world->machines[0], "shown to the check");
        return;
    case CHECK_PROGRESS:
        check_no_agreement(world);
    case SIM_CHECKS:
        break;
    }
    UNREACHABLE("no such check");
}
