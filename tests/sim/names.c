/* The words of the report. */
#include "base/assert.h"
#include "sim/sim.h"

static const char *const checks[SIM_CHECKS] = {
    [CHECK_LEADERS] = "leaders",
    [CHECK_COMMITTED] = "committed",
    [CHECK_ROOTS] = "roots",
    [CHECK_SIGNED_BELOW] = "signed-below",
    [CHECK_BOUNDARIES] = "boundaries",
    [CHECK_RECEIPTS] = "receipts",
    [CHECK_ACKNOWLEDGED] = "acknowledged",
    [CHECK_UNIQUE] = "unique",
    [CHECK_ORDER] = "order",
    [CHECK_CONSISTENCY] = "consistency",
    [CHECK_READS] = "reads",
    [CHECK_ANSWERS] = "answers",
    [CHECK_NODES] = "nodes",
    [CHECK_PROGRESS] = "progress",
};

static const char *const faults[SIM_FAULTS] = {
    [FAULT_LOST] = "messages lost",
    [FAULT_DOUBLED] = "messages doubled",
    [FAULT_LATE] = "messages later than an election time-out",
    [FAULT_OLD_AGAIN] = "very old messages again",
    [FAULT_CUT] = "nodes cut off",
    [FAULT_ONE_WAY_CUT] = "one-way cuts",
    [FAULT_CLOG] = "links clogged",
    [FAULT_SESSION_RESET] = "sessions reset",
    [FAULT_PAUSE] = "pauses",
    [FAULT_CLOCK_JUMP] = "clock jumps",
    [FAULT_CLOCK_FAR] = "clock jumps beyond the future bound",
    [FAULT_CLIENT_CLOCK] = "events of clients with a wrong clock",
    [FAULT_SLOW_DISK] = "slow disks",
    [FAULT_HUNG_DISK] = "hung disks",
    [FAULT_FULL_DISK] = "disks nearly full",
    [FAULT_DISK_ERROR] = "disk errors",
    [FAULT_TORN_WRITE] = "writes found begun after a crash",
    [FAULT_LOST_PUTS] = "crashes that lost what was not synced",
    [FAULT_BIT_FLIP] = "bits flipped",
    [FAULT_MISDIRECTED] = "writes misdirected",
    [FAULT_LOST_BLOCK] = "blocks lost",
    [FAULT_CUT_LOG] = "logs cut short",
    [FAULT_WIPED] = "data directories lost",
    [FAULT_POWER_CUT] = "power cuts for all",
    [FAULT_TRANSFER] = "transfers asked for",
};

static const char *const crash_points[SIM_CRASH_POINTS] = {
    [NODE_WRITE] = "before a write",
    [NODE_SEND] = "before a message",
    [NODE_VERIFY] = "before a verification",
    [NODE_APPLY] = "before apply",
    [NODE_SIGN] = "before a cosignature",
    [NODE_READ] = "before a read",
    [NODE_ANSWER_APPEND] = "before an answer",
    [NODE_ANSWER_WAIT] = "before an answer to a wait",
    [NODE_MEMBERS] = "before the network hears of members",
    [NODE_PUBLISH] = "before a checkpoint",
    [NODE_LOG] = "before a log line",
    [NODE_HALT] = "before a halt",
    [CRASH_STEP_DONE] = "after a step",
    [CRASH_WITNESS_LOWERED] = "witness looked at, blocks not written",
    [CRASH_BLOCKS_WRITTEN] = "blocks written, witness not",
    [CRASH_WITNESS_WRITTEN] = "witness written, nobody told",
    [CRASH_ROOT_WITNESSED] = "root witnessed, not signed",
    [CRASH_APPLIED] = "applied, nobody told",
    [CRASH_CHECKPOINT_KEPT] = "checkpoint kept",
    [CRASH_VERIFIED] = "verified, nobody told",
    [CRASH_READ] = "read and sent, nobody told",
};

const char *sim_check_name(enum sim_check check)
{
    ASSERT(check < SIM_CHECKS);
    return checks[check];
}

const char *sim_fault_name(enum sim_fault fault)
{
    ASSERT(fault < SIM_FAULTS);
    return faults[fault];
}

const char *sim_crash_name(uint32_t point)
{
    ASSERT(point < SIM_CRASH_POINTS);
    return crash_points[point];
}
