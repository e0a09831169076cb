/* Requests about the node itself: how it is, and that another one should lead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/sign.h"
#include "loop/run_internal.h"

enum { TRANSFER_MS = 60 * 1000 }; /* a signed order to hand over is good for so long */

/* Bytes that this process has written, from /proc/self/io; 0 when the system does not say. */
static uint64_t disk_written(void)
{
    FILE *file = fopen("/proc/self/io", "re");
    static const char name[] = "write_bytes: ";
    uint64_t value = 0;
    char line[128];

    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, sizeof name - 1) == 0) {
            value = strtoull(line + sizeof name - 1, NULL, 10);
            break;
        }
    }
    fclose(file);
    return value;
}

static const char *role_name(enum raft_role role)
{
    if (role == RAFT_LEADER) return "leader";
    return role == RAFT_FOLLOWER ? "follower" : "candidate";
}

/* What keeps this node from leading or acknowledging, for people. */
static const char *trouble_of(const struct node_status *status, char room[160])
{
    if (status->unfit != NULL) return status->unfit;
    if (status->lost > 0) {
        (void)snprintf(room, 160, "its disk lost blocks up to %llu; they are being replaced",
                       (unsigned long long)status->lost);
        return room;
    }
    return status->asking ? "it waits for what the other members remember of it" : "";
}

void serve_status(struct run *run, struct request *request)
{
    const struct node_status *status = &request->status;
    struct tally_member_status members[LIMIT_MEMBERS] = {{0}};
    struct rpc_response response = {.kind = RPC_STATUS};
    struct tally_status_result *to = &response.status;
    struct store_value checkpoint = {0};
    struct ledger_identity identity;
    char room[160];

    for (uint32_t i = 0; i < status->members_count; i++) {
        const uint32_t id = status->members[i].id;

        members[i] = (struct tally_member_status){
            .id = id,
            .name = status->members[i].name,
            .site = status->members[i].site,
            .voter = status->members[i].voter,
            .match = status->members[i].match,
            .reachable = id == run->publish.self ||
                         (!run->read_only && peer_net_connected(run->peers, id)),
            .heard_ms_ago = status->members[i].heard_ms_ago == UINT64_MAX
                                ? 0
                                : status->members[i].heard_ms_ago,
        };
    }
    if (job_checkpoint(run->store, &checkpoint) == TALLY_OK) {
        to->checkpoint = (struct tally_bytes){checkpoint.data, checkpoint.size};
    }
    to->ledger = run->ledger_name;
    memcpy(to->ledger_id, run->publish.ledger_id.bytes, 32);
    to->origin = run->publish.origin;
    to->node_id = run->publish.self;
    to->node_name = run->keys.name;
    to->role = role_name(status->role);
    to->term = status->term;
    to->leader_id = status->leader;
    to->blocks_last = status->last;
    to->blocks_committed = status->commit;
    to->blocks_applied = status->applied;
    to->records = status->size;
    to->published = status->published;
    to->members = members;
    to->members_count = status->members_count;
    to->time_ms = atomic_load(&run->time_ms);
    to->disk_written = disk_written();
    to->uptime_ms = clock_monotonic_ms() - run->started_ms;
    to->version = TALLY_VERSION;
    to->trouble = trouble_of(status, room);
    to->scrubbed_ms = atomic_load(&run->scrubbed.ended_ms);
    to->scrubbed_records = atomic_load(&run->scrubbed.records);
    if (ledger_read_identity(run->store, request->arena, &identity, NULL) == TALLY_OK) {
        to->config = serve_lend(identity.config);
    }
    if (ledger_read_next_member(run->store, &to->next_member, NULL) != TALLY_OK) {
        to->next_member = 0;
    }
    serve_answer(request, &response);
    store_value_free(&checkpoint);
}

/* An order to hand leadership on. */
void serve_transfer(struct run *run, struct request *request)
{
    const struct rpc_transfer *transfer = &request->rpc.transfer;
    struct rpc_response response = {.kind = RPC_TRANSFER};
    const uint64_t now_ms = clock_wall_ms();
    char text[RPC_TRANSFER_TEXT_MAX];
    struct tally_diag diag = {{0}};
    struct tally_hash key_id;
    struct inbox *inbox;
    bool may = false;
    enum tally_err err;

    sign_key_id(transfer->public_key, &key_id);
    err = ledger_read_may(run->store, key_id.bytes, "admin", atomic_load(&run->time_ms), &may,
                          &diag);
    if (err == TALLY_OK && may) {
        err = sign_verify(
            transfer->public_key, text,
            rpc_transfer_text(run->publish.origin, transfer->member, transfer->time_ms, text),
            transfer->signature, sizeof transfer->signature);
    }
    if (err == TALLY_OK && (!may || transfer->time_ms > now_ms + TRANSFER_MS ||
                            transfer->time_ms + TRANSFER_MS < now_ms)) {
        tally_diag_set(&diag, may ? "it was signed more than a minute ago, or will be"
                                  : "the key is not one of a principal with the role admin");
        err = TALLY_E_SIGNERS;
    }
    if (err != TALLY_OK) {
        serve_error(run, request, err, &diag);
        return;
    }
    /* Only a leader hands over; who does not lead passes the order by. */
    inbox = run_inbox_new(NODE_TRANSFER);
    inbox->event.transfer_to = transfer->member;
    run_post(run, inbox);
    serve_answer(request, &response);
}
