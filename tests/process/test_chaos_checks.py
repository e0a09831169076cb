#!/usr/bin/env python3
"""Goal: the checks of tests/process/chaos find what they are there to find. Method: an honest history of
200 operations, of which each row changes one thing; the check that must speak, speaks, and it alone."""
import copy
import hashlib
import sys

import chaos_history as history

ALL = {"lost", "duplicated", "reordered", "divergent roots"}


def honest():
    """Operations of four clients that overlap, a ledger in three copies, and checkpoints."""
    operations, ledger = [], []
    for i in range(200):
        if i % 9 == 0:  # a record without an event
            ledger.append({"index": len(ledger), "term": {"term": i}})
        operation = history.Operation(i % 4, i // 4, "%032x" % i, "model/m%d" % i, 10.0 * i)
        operation.ended, operation.outcome = 10.0 * i + 25.0, history.ACKNOWLEDGED
        if i % 50 == 20:
            operation.outcome, operation.ended = history.FAILED, 10.0 * i + 1
        elif i % 50 == 30:  # unknown, and not recorded
            operation.outcome, operation.ended = history.UNKNOWN, None
        else:
            operation.index = len(ledger)
            ledger.append({"index": len(ledger), "event": {
                "event": {"event_id": operation.event_id, "subject": operation.subject}}})
            if i % 50 == 40:  # unknown, and recorded
                operation.outcome, operation.ended, operation.index = history.UNKNOWN, None, None
        operations.append(operation)
    for record in ledger:
        record["leaf_hash"] = hashlib.sha256(str(record).encode()).hexdigest()
    roots = history.tree_roots([bytes.fromhex(r["leaf_hash"]) for r in ledger], range(1, len(ledger) + 1, 7))
    return operations, {(size, root): "n1" for size, root in roots.items() if size}, {
        name: copy.deepcopy(ledger) for name in ("n1", "n2", "n3")}


def acknowledged(operations, after=0):
    return next(o for o in operations[after:] if o.outcome == history.ACKNOWLEDGED)


def everywhere(ledgers, change):
    for ledger in ledgers.values():
        change(ledger)


def lost_record(operations, roots, ledgers):
    """The newest acknowledged event is in no ledger."""
    roots.clear()
    everywhere(ledgers, lambda ledger: ledger.pop())


def lost_inside(operations, roots, ledgers):
    """Another event stands where an event was acknowledged."""
    index = acknowledged(operations, 50).index
    everywhere(ledgers, lambda ledger: ledger[index]["event"]["event"].update(event_id="f" * 32))


def lost_on_one(operations, roots, ledgers):
    """One node lacks the newest record."""
    roots.clear()
    ledgers["n2"].pop()


def doubled(operations, roots, ledgers):
    """An event is recorded a second time."""
    event = ledgers["n1"][acknowledged(operations).index]["event"]
    everywhere(ledgers, lambda ledger: ledger.append(
        {"index": len(ledger), "event": event, "leaf_hash": "00" * 32}))


def doubled_unknown(operations, roots, ledgers):
    """An event whose outcome is unknown is recorded twice."""
    number = next(o for o in operations if o.sequence == 10 and o.outcome == history.UNKNOWN).event_id
    event = next(r["event"] for r in ledgers["n1"] if history.event_of(r) and r["event"]["event"]["event_id"] == number)
    everywhere(ledgers, lambda ledger: ledger.append(
        {"index": len(ledger), "event": event, "leaf_hash": "00" * 32}))


def reordered(operations, roots, ledgers):
    """Two events, one sent after the other was acknowledged, have changed places; clients were told so."""
    one, other = acknowledged(operations, 60), acknowledged(operations, 70)
    roots.clear()

    def change(ledger):
        ledger[one.index]["event"], ledger[other.index]["event"] = (
            ledger[other.index]["event"], ledger[one.index]["event"])
    everywhere(ledgers, change)
    one.index, other.index = other.index, one.index


def one_place(operations, roots, ledgers):
    """Two events were acknowledged at one place."""
    acknowledged(operations, 61).index = acknowledged(operations, 60).index


def refused_recorded(operations, roots, ledgers):
    """What the ledger refused for good is recorded."""
    acknowledged(operations, 100).outcome = history.FAILED


def forged_root(operations, roots, ledgers):
    """A checkpoint shows another root."""
    roots[(8, "ab" * 32)] = "receipt"


def root_of_nothing(operations, roots, ledgers):
    """A checkpoint is of a tree larger than the ledger."""
    roots[(len(ledgers["n1"]) + 1, "ab" * 32)] = "receipt"


def other_leaf(operations, roots, ledgers):
    """A record has other bytes on one node."""
    ledgers["n3"][3]["leaf_hash"] = "cd" * 32


ROWS = {
    lost_record: {"lost"}, lost_inside: {"lost"}, lost_on_one: {"lost", "divergent roots"}, doubled: {"duplicated"},
    doubled_unknown: {"duplicated"}, reordered: {"reordered"}, one_place: {"lost"}, refused_recorded: {"lost"},
    forged_root: {"divergent roots"}, root_of_nothing: {"divergent roots"}, other_leaf: {"divergent roots"},
}


def main():
    wrong = {key: found for key, found in history.check(*honest()).items() if found}
    failures = ["the honest history: %s" % wrong] if wrong else []
    for row, expected in ROWS.items():
        changed = honest()
        row(*changed)
        found = {key for key, sentences in history.check(*changed).items() if sentences}
        if found != expected:
            failures.append("%s: found %s, not %s" % (row.__doc__, sorted(found), sorted(expected)))
    known = history.tree_roots([hashlib.sha256(b"\x00").digest()], [1])[1]  # RFC 6962: the empty leaf
    if known != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d":
        failures.append("the root over one empty leaf is %s" % known)
    print("\n".join(failures) or "an honest history and %d changed ones: each told apart" % len(ROWS))
    return 1 if failures else 0


sys.exit(main())
