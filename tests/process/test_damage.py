#!/usr/bin/env python3
"""Goal: one flipped bit or one deleted file anywhere in the data directory of a stopped node is found and
repaired from the other members, or does not matter; never a wrong record, never a lost one. `tallyd check` finds
the same while the node is stopped.

Method: a cluster of three; n2 is stopped, one file of its directory is changed (every kind of file; first,
middle and last byte, and deleted), the others go on, n2 starts and must catch up to the same ledger. What
cannot be repaired (its key, its witness) must be refused with a remedy, and works again when put back.
--only=KIND runs one kind of file."""
import os
import re
import shutil
import sys

from support import Cluster, check, model, run, until

# RocksDB never reads these again, or makes them anew.
HARMLESS = ("LOG", "LOCK", "IDENTITY", "OPTIONS", "genesis")
PLACES = ("first", "middle", "last", "deleted")
count = 0


def kind_of(path):
    name = os.path.basename(path)
    if name.endswith(".sst"):
        return "table"
    if name.endswith(".log"):
        return "wal"
    return re.split(r"[-.]", name)[0]


def files_of(data):
    """One file of each kind: the largest, so that there is something in it."""
    found = {}
    for folder, _, names in os.walk(data):
        if "db.damaged" in folder:
            continue
        for name in names:
            path = os.path.join(folder, name)
            kind = kind_of(path)
            if kind not in found or os.path.getsize(path) > os.path.getsize(found[kind]):
                found[kind] = path
    return found


def flip(path, place):
    size = os.path.getsize(path)
    at = {"first": 0, "middle": size // 2, "last": size - 1}[place]
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def damage(path, place):
    if place == "deleted":
        os.unlink(path)
    elif os.path.getsize(path) == 0:
        return False
    else:
        flip(path, place)
    return True


def append(cluster):
    global count
    count += 1
    result = cluster.append("author", model("d%d" % count))
    check(result.status == 0, "append: " + result.text)


def log_of(cluster, start=0):
    with open(cluster.path("n2.log"), encoding="utf-8", errors="replace") as file:
        file.seek(start)
        return file.read()


def back(cluster):
    """n2 runs, follows, and has every record."""
    return all(n.get("records") for n in (cluster.status() or {"nodes": [{}]})["nodes"])


def refused(cluster, kind, place, path, saved):
    """The node must say what is wrong and what to do; with the file as it was it starts."""
    before = os.path.getsize(cluster.path("n2.log"))
    cluster.local("restart", "--node=n2")
    until(lambda: "tallyd:" in log_of(cluster, before), "n2 says why it does not start (%s, %s)" % (kind, place))
    shutil.copy2(saved, path)
    cluster.local("restart", "--node=n2")


def looked_at(data):
    """What `tallyd check` says of a stopped node: (all is well, how)."""
    result = run("tallyd", "check", "--data=" + data, "--json")
    found = result.json()
    check(found["good"] == (result.status == 0), "tallyd check contradicts itself: " + result.text)
    return found["good"] and not found["lost_to"] and not found["witness_copies_damaged"], result.text


def one(cluster, kind, place):
    for _ in range(3):
        append(cluster)  # so that the newest blocks stand in the write-ahead log alone
    cluster.wait()
    cluster.local("kill", "--node=n2")
    data = cluster.path("n2.data")
    path = files_of(data).get(kind)
    if path is None:
        cluster.local("restart", "--node=n2")
        return None
    saved = cluster.path("saved")
    shutil.copy2(path, saved)
    well, text = looked_at(data)
    check(well, "tallyd check finds damage where none is: " + text)
    for _ in range(3):
        append(cluster)
    if not damage(path, place):
        cluster.local("restart", "--node=n2")
        return None
    well, text = looked_at(data)
    before = os.path.getsize(cluster.path("n2.log"))
    if kind in ("node", "witness") and (kind, place) not in REPAIRED_ALONE:
        refused(cluster, kind, place, path, saved)
        verdict = "refused, with a remedy"
    else:
        cluster.local("restart", "--node=n2")
        verdict = "repaired"
    what = "%s of %s" % (place, os.path.basename(path))
    until(lambda: back(cluster), "n2 is back after " + what)
    until(lambda: "scrubbed" in log_of(cluster, before), "n2 has read everything after " + what)
    cluster.wait()
    log = log_of(cluster, before)
    if verdict == "repaired":
        found = "database_damaged" in log or "log_cut_short" in log or "witness_repaired" in log
        if not found:
            verdict = "made no difference"
    check(well == (verdict == "made no difference" and kind != "genesis"),
          "tallyd check after %s, which %s:\n%s" % (what, verdict, text))
    for name in os.listdir(data):  # what was set aside was looked at
        if name.startswith("db.damaged"):
            shutil.rmtree(os.path.join(data, name))
    return verdict


# A witness is written twice: one copy is enough.
REPAIRED_ALONE = {("witness", place) for place in ("first", "middle", "last")}


def main():
    only = next((a.split("=", 1)[1] for a in sys.argv[1:] if a.startswith("--only=")), None)
    with Cluster() as cluster:
        for _ in range(5):
            append(cluster)
        cluster.local("kill", "--node=n2")  # what it wrote becomes a table when it starts again
        cluster.local("restart", "--node=n2")
        until(lambda: back(cluster), "n2 is back")
        kinds = sorted(files_of(cluster.path("n2.data")))
        check({"table", "wal", "CURRENT", "MANIFEST", "witness", "node"} <= set(kinds), "kinds: %s" % kinds)
        verdicts = {}
        for kind in kinds:
            if only and kind != only:
                continue
            for place in PLACES if kind not in HARMLESS else ("middle", "deleted"):
                verdict = one(cluster, kind, place)
                if verdict is None:
                    continue
                print("%-10s %-8s %s" % (kind, place, verdict), flush=True)
                verdicts[kind, place] = verdict
        ledgers = [cluster.records(url) for url in cluster.urls]
        check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
        check(sum("model_created" in line for line in ledgers[0]) == count, "an acknowledged event is lost")
        print("%d kinds of damage: nothing lost, one ledger" % len(verdicts))


main()
