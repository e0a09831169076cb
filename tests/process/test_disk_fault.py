#!/usr/bin/env python3
"""Goal: a disk that fails to sync ends the node at once, and nothing that was acknowledged is lost. One that fails since
another program took all its space leaves a node that answers, and that goes on when there is space again. Method:
tallyd_faults in the place of tallyd; its 60th fdatasync fails, then a start on a good disk; and each one says ENOSPC."""
import errno
import json
import os
import struct
import tempfile

import support
from support import Cluster, check, model, until


def ended(cluster, acknowledged):
    """The 60th sync fails; what was acknowledged until then."""
    cluster.local("stop")
    os.environ["TALLY_FAULT_SYNC"] = "fail:60"
    cluster.local("restart", "--node=n1")
    del os.environ["TALLY_FAULT_SYNC"]
    for i in range(200):
        result = cluster.append("author", model("m%d" % i), "--json", "--timeout=3")
        if result.status != 0:
            break
        acknowledged.append((result.json()["index"], "model/m%d" % i))
    check(0 < len(acknowledged) < 200, "%d appends were acknowledged" % len(acknowledged))
    check(result.status == 10, "the append that met the fault: exit %d %s" % (result.status, result.text))
    with open(cluster.path("n1.pid"), encoding="utf-8") as file:
        pid = file.read().strip()
    until(lambda: not os.path.exists("/proc/%s" % pid) or
          open("/proc/%s/stat" % pid, encoding="utf-8").read().split()[2] == "Z", "the node has ended")


def fault_file(cluster, sync_fails):
    path = cluster.path("n1.faults")
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        file.write(struct.pack("=qqq", 0, 0, sync_fails))
    return path


def trouble(cluster):
    status = cluster.status()
    return status["nodes"][0].get("trouble") if status else None


def without_space(cluster, acknowledged):
    """All space is gone between two looks: the write that meets it must not end the node."""
    os.environ["TALLY_FAULT_FILE"] = fault_file(cluster, 0)
    cluster.local("restart", "--node=n1")
    del os.environ["TALLY_FAULT_FILE"]
    cluster.wait()
    result = cluster.append("author", model("before"), "--json")
    check(result.status == 0, result.text)
    acknowledged.append((result.json()["index"], "model/before"))
    fault_file(cluster, errno.ENOSPC)
    result = cluster.append("author", model("during"), "--json", "--timeout=3")
    check(result.status in (9, 10), "the append that met the full disk: exit %d %s" % (result.status, result.text))
    until(lambda: "only answers" in (trouble(cluster) or ""), "the node answers, and writes no more")
    checked(cluster, acknowledged)
    fault_file(cluster, 0)
    until(lambda: trouble(cluster) == "", "the node is whole again")
    cluster.wait()


def checked(cluster, acknowledged):
    records = [json.loads(line) for line in cluster.records(cluster.urls[0])]
    for index, subject in acknowledged:
        check(records[index]["event"]["event"]["subject"] == subject, "record %d is lost" % index)


def main():
    faulty = os.path.join(support.BIN, "tallyd_faults")
    if not os.path.exists(faulty):
        print("SKIP: this build has no tallyd_faults")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(faulty, os.path.join(folder, "tallyd"))
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        with Cluster(nodes=1) as cluster:
            acknowledged = []
            ended(cluster, acknowledged)
            cluster.local("restart", "--node=n1")
            cluster.wait()
            checked(cluster, acknowledged)
            print("%d appends acknowledged before the disk failed: all there" % len(acknowledged))
            cluster.local("stop")
            without_space(cluster, acknowledged)
            checked(cluster, acknowledged)
            print("a disk that filled up under a write: the node answered, and went on when there was space")


main()
