#!/usr/bin/env python3
"""Goal: a node that finds damage while it runs starts itself anew and is whole again, even when that start is slow
and the node's other threads go on meanwhile: they must not meet a closed descriptor, which NNG answers with a panic.
Method: tallyd_faults whose execv takes longer than a silent connection is kept; a bit in the middle of its
largest table flips, and the scrub finds it."""
import os
import tempfile

import support
from support import Cluster, check, until

EXEC_MS = 6000  # peers redial after 4 s of silence


def log_of(cluster):
    with open(cluster.path("n2.log"), encoding="utf-8", errors="replace") as file:
        return file.read()


def restart(cluster):
    cluster.local("kill", "--node=n2")
    os.environ["TALLY_FAULT_EXEC"] = str(EXEC_MS)
    cluster.local("restart", "--node=n2")
    del os.environ["TALLY_FAULT_EXEC"]


def spoil_largest_table(folder):
    path = max((os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".sst")), key=os.path.getsize)
    with open(path, "r+b") as file:
        at = os.path.getsize(path) // 2
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def story(cluster):
    result = cluster.tally("bench", "--key=" + cluster.key("author"), "--clients=2", "--batch=64", "--size=1024", "--seconds=1")
    check(result.status == 0, "bench: " + result.text)
    cluster.wait()
    restart(cluster)  # what it wrote becomes a table
    cluster.wait()
    cluster.local("kill", "--node=n2")
    spoil_largest_table(cluster.path("n2.data", "db"))
    restart(cluster)
    until(lambda: "database_rebuilt" in log_of(cluster), "n2 is rebuilt")
    cluster.wait()
    check("scrub_found_damage" in log_of(cluster), "the damage was found at the start, not while n2 ran")
    ledgers = [cluster.records(url) for url in cluster.urls]
    check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
    print("damage found by the scrub: n2 started itself anew, %d records" % len(ledgers[1]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(support.BIN, "tallyd_faults"), os.path.join(folder, "tallyd"))
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        with Cluster() as cluster:
            story(cluster)


main()
