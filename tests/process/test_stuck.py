#!/usr/bin/env python3
"""Goal: a node whose network library never comes back from closing a connection (NNG 1.5.2 was seen to wait for ever)
does not stay cut off. Method: three nodes, n1 a tallyd_faults whose nng_dialer_close hangs; n2 is killed, so that n1
dials it anew; n1 must say so and start itself anew, and with n2 back all three agree."""
import os
import tempfile

import support
from support import Cluster, check, model, until


def log_of(cluster, name):
    with open(cluster.path(name + ".log"), encoding="utf-8", errors="replace") as file:
        return file.read()


def main():
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(support.BIN, "tallyd_faults"), os.path.join(folder, "tallyd"))
        path = os.environ["PATH"]
        cluster.local("kill", "--node=n1")
        os.environ.update(PATH=folder + os.pathsep + path, TALLY_FAULT_DIALER="hang")
        cluster.local("restart", "--node=n1")
        del os.environ["TALLY_FAULT_DIALER"]
        os.environ["PATH"] = path
        cluster.wait()
        with open(cluster.path("n1.pid"), encoding="utf-8") as file:
            pid = file.read()
        cluster.local("kill", "--node=n2")
        until(lambda: "network_stuck" in log_of(cluster, "n1"), "n1 finds that it is stuck")
        result = cluster.append("author", model("meanwhile"), "--json")
        check(result.status == 0, "append: " + result.text)
        cluster.local("restart", "--node=n2")
        cluster.wait()
        with open(cluster.path("n1.pid"), encoding="utf-8") as file:
            check(file.read() == pid and os.path.exists("/proc/" + pid.strip()), "n1 has ended")
        ledgers = [cluster.records(url) for url in cluster.urls]
        check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
        print("stuck in the network library: said so, started itself anew, and is in touch again")


main()
