#!/usr/bin/env python3
"""Goal: a node that finds damage while it runs starts itself anew and is whole again, even when that start is slow
and the node's other threads go on meanwhile: they must not meet a closed descriptor, which NNG answers with a panic.
Method: tallyd_faults whose execv takes longer than a silent connection is kept; a bit in the middle of its
largest table flips, and the scrub finds it: the first one after a start, then one that SIGUSR1 asks for."""
import os
import signal
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


def one_ledger(cluster):
    """All nodes tell the same ledger; its records. Between two answers an election may add one."""
    found = []

    def same():
        found[:] = [cluster.records(url) for url in cluster.urls]
        return found[0] == found[1] == found[2]

    until(same, "the nodes tell the same ledger")
    return found[0]


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
    records = one_ledger(cluster)
    print("damage found by the first scrub: n2 started itself anew, %d records" % len(records))


def scrubbed(cluster):
    """When n2 has last read everything, as it says itself; 0: not since its start."""
    found = [n for n in (cluster.status() or {"nodes": []})["nodes"] if n.get("name") == "n2"]
    return found[0]["scrubbed_ms"] if found else 0


def scrub_now(cluster):
    with open(cluster.path("n2.pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGUSR1)


def story_of_read(cluster):
    """A client's read meets the damage: an error for it, and the node looks at everything itself."""
    found = log_of(cluster).count("scrub_found_damage")
    until(lambda: scrubbed(cluster), "n2 has read everything since its start")
    spoil_largest_table(cluster.path("n2.data", "db"))
    result = cluster.tally("log", "--json", urls=cluster.urls[1])
    check(result.status == 6, "a read of damaged data: exit %d\n%s" % (result.status, result.text))
    until(lambda: log_of(cluster).count("scrub_found_damage") == found + 1, "the damage that a read met is found")
    until(lambda: log_of(cluster).count("database_rebuilt") == found + 1, "n2 is rebuilt after a read")
    cluster.wait()
    records = one_ledger(cluster)
    print("damage that a read met: an error for the reader, and repaired, %d records" % len(records))


def story_of_signal(cluster):
    before = until(lambda: scrubbed(cluster), "n2 has read everything since its start")
    scrub_now(cluster)
    until(lambda: scrubbed(cluster) > before, "n2 reads everything again when it is told to")
    spoil_largest_table(cluster.path("n2.data", "db"))
    scrub_now(cluster)
    until(lambda: log_of(cluster).count("scrub_found_damage") == 2, "the damage to a running node's file is found")
    result = cluster.append("author", support.model("meanwhile"))
    check(result.status == 0, "append beside the repair: " + result.text)
    until(lambda: log_of(cluster).count("database_rebuilt") == 2, "n2 is rebuilt again")
    cluster.wait()
    until(lambda: scrubbed(cluster) > before, "n2 has read its new database")
    log = log_of(cluster)
    check("halted" not in log and log.count("scrub_found_damage") == 2, "n2 is not well after its repair")
    records = one_ledger(cluster)
    print("damage to a running node's file: found when told to look, repaired, %d records" % len(records))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(support.BIN, "tallyd_faults"), os.path.join(folder, "tallyd"))
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        with Cluster() as cluster:
            story(cluster)
            story_of_signal(cluster)
            story_of_read(cluster)


main()
