#!/usr/bin/env python3
"""Goal: a disk that fails to sync ends the node at once, and nothing that was acknowledged is lost.
Method: tallyd_faults in the place of tallyd; its 60th fdatasync fails; then a start on a good disk."""
import json
import os
import tempfile

import support
from support import Cluster, check, model, until


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
            cluster.local("restart", "--node=n1")
            cluster.wait()
            records = [json.loads(line) for line in cluster.records(cluster.urls[0])]
            for index, subject in acknowledged:
                check(records[index]["event"]["event"]["subject"] == subject, "record %d is lost" % index)
            print("%d appends acknowledged before the disk failed: all there" % len(acknowledged))


main()
