#!/usr/bin/env python3
"""Goal: `tallyd check` changes nothing, and no flipped bit passes it unseen: it reports damage, or the node still tells
exactly the records that it told before.

Method: a single node's directory, stopped. Its files before and after a check must have the same bytes and times.
A witness that
says that another tree was signed stops the node before it signs again. Then one bit flips at each of PLACES places, spread by a seed over all files (those that matter most often: tables,
write-ahead log, manifest, witness); when `tallyd check` finds nothing, the node starts on a copy and is asked for everything.
--seed=N and --places=N repeat or widen a run."""
import hashlib
import os
import random
import shutil
import sys

from support import Cluster, check, model, run, until

PLACES = 40
# Well, key file, other root, damaged, files of another node, of another ledger: docs/operations.md.
VERDICTS = (0, 2, 5, 6, 15, 19)


def option(name, default):
    return next((int(a.split("=", 1)[1]) for a in sys.argv[1:] if a.startswith("--%s=" % name)), default)


def files_of(folder):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)


def state_of(folder):
    """Every file and folder with its bytes, its mode and its time of change."""
    found = {}
    for at, _, names in os.walk(folder):
        for path in [at] + [os.path.join(at, name) for name in names]:
            status = os.stat(path)
            data = b""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read()
            found[os.path.relpath(path, folder)] = (status.st_mode, status.st_mtime_ns, hashlib.sha256(data).hexdigest())
    return found


def checked(data):
    result = run("tallyd", "check", "--data=" + data, "--json")
    check(result.status in VERDICTS, "tallyd check ends with %d:\n%s" % (result.status, result.text))
    found = result.json()
    check(found["good"] == (result.status == 0), "tallyd check contradicts itself: " + result.text)
    return found["good"] and not found["lost_to"] and not found["witness_copies_damaged"]


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def records_of(cluster):
    cluster.local("restart", "--node=n1")
    cluster.wait()
    records = cluster.records(cluster.urls[0])
    cluster.local("kill", "--node=n1")
    return records


def fill(cluster):
    for turn in range(2):  # a start turns what was written into tables
        for n in range(6):
            check(cluster.append("author", model("m%d-%d" % (turn, n))).status == 0, "append")
        cluster.wait()
        cluster.local("kill", "--node=n1")
        if turn == 0:
            cluster.local("restart", "--node=n1")
            cluster.wait()


def nothing_changes(data):
    before = state_of(data)
    check(checked(data), "tallyd check finds damage where none is")
    after = state_of(data)
    check(before == after, "tallyd check changed %s" % sorted(k for k in before.keys() | after.keys()
                                                            if before.get(k) != after.get(k)))


def log_of(cluster, start):
    with open(cluster.path("n1.log"), encoding="utf-8", errors="replace") as file:
        file.seek(start)
        return file.read()


def sign_another_root(path, size):
    """Each of the witness's four copies as if another tree had been signed (docs/architecture.md)."""
    slot, end = 4096, 1 + 8 + 32 + 4 + 8 + 60 + 8 + 32
    with open(path, "r+b") as file:
        for copy_at in range(0, 4 * slot, slot):
            file.seek(copy_at)
            fields = bytearray(file.read(end))
            fields[-1] ^= 1
            fields[-40:-32] = size.to_bytes(8, "big")
            file.seek(copy_at)
            file.write(fields + hashlib.sha256(b"tally/witness/v1\0" + fields).digest())


def never_signed_over(cluster, data, size):
    sign_another_root(os.path.join(data, "witness"), size)
    result = run("tallyd", "check", "--data=" + data)
    check(result.status == 5, "another root than the signed one: exit %d\n%s" % (result.status, result.text))
    before = os.path.getsize(cluster.path("n1.log"))
    cluster.local("restart", "--node=n1")
    until(lambda: "error=E_SPLIT_VIEW" in log_of(cluster, before), "n1 signs nothing above another root", 20)
    cluster.local("kill", "--node=n1")


def marked(data):
    """A node that found damage left this mark and was stopped before it could start anew."""
    with open(os.path.join(data, "damaged"), "w", encoding="utf-8") as file:
        file.write("block 3 is damaged on the disk")
    result = run("tallyd", "check", "--data=" + data)
    check(result.status == 6 and "block 3" in result.text, "marked as damaged: exit %d\n%s" % (result.status, result.text))


def main():
    seed, places = option("seed", random.randrange(1 << 32)), option("places", PLACES)
    chosen, unseen, found = random.Random(seed), {}, 0
    print("--seed=%d --places=%d" % (seed, places), flush=True)
    with Cluster(nodes=1) as cluster:
        fill(cluster)
        data, whole = cluster.path("n1.data"), cluster.path("whole")
        nothing_changes(data)
        copy(data, whole)
        stopped = run("tallyd", "check", "--data=" + data, "--json").json()["records"]
        want = records_of(cluster)[:stopped]  # each start begins a term, which is a record, too
        check(len(want) == stopped > 12, "%d records of %d" % (len(want), stopped))
        for size in (stopped, stopped // 2):  # the newest tree, and one that it grew out of
            copy(whole, data)
            never_signed_over(cluster, data, size)
        copy(whole, data)
        marked(data)
        files = [os.path.relpath(path, whole) for path in files_of(whole) if os.path.getsize(path) > 0]
        for place in range(places):
            # Each file in turn, so that small ones are met as often as large ones.
            name = files[place % len(files)]
            at, bit = chosen.randrange(os.path.getsize(os.path.join(whole, name))), chosen.randrange(8)
            what = "bit %d of byte %d of %s" % (bit, at, name)
            copy(whole, data)
            flip(os.path.join(data, name), at, bit)
            spoilt = state_of(data)
            well = checked(data)
            check(state_of(data) == spoilt, "tallyd check changed something: " + what)
            if not well:
                found += 1
                continue
            unseen[name] = unseen.get(name, 0) + 1
            check(records_of(cluster)[:stopped] == want, "unseen, and another ledger: " + what)
        print("%d bits flipped: %d found, %d made no difference: %s" % (places, found, places - found, unseen))
        copy(whole, data)
        cluster.local("restart", "--node=n1")


main()
