#!/usr/bin/env python3
"""Goal: SIGTERM ends a node soon and with status 0, even when NNG never closes its sockets (1.5.2 was seen to wait for
ever for a TLS connection); what it acknowledged is there afterwards. Method: tallyd_faults whose nng_close hangs; the
same node started again as usual."""
import os
import signal
import subprocess
import tempfile

import support
from support import Cluster, check, model


def stopped_while_it_hangs(cluster):
    """The log of a node that got SIGTERM, and its exit status."""
    with open(cluster.path("stop.log"), "w+", encoding="utf-8") as log:
        node = subprocess.Popen(["tallyd", "run", "--config=" + cluster.path("n1.yaml")], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, env=dict(os.environ, TALLY_FAULT_CLOSE="hang"))
        cluster.wait_alone()
        result = cluster.append("author", model("before"), "--json")
        check(result.status == 0, "append: " + result.text)
        node.send_signal(signal.SIGTERM)
        try:
            status = node.wait(30)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()
            status = None
        log.seek(0)
        return log.read(), status, result.json()["index"]


class Lone(Cluster):
    def wait_alone(self):
        support.until(lambda: (self.status() or {}).get("leader"), "the node leads")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.join(support.BIN, "tallyd_faults"), os.path.join(folder, "tallyd"))
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        with Lone(nodes=1) as cluster:
            cluster.local("stop")
            log, status, index = stopped_while_it_hangs(cluster)
            check(status == 0, "it ended with status %s:\n%s" % (status, log))
            check("stop_cut_short" in log, "it does not say that it did not wait:\n" + log)
            cluster.local("restart", "--node=n1")
            cluster.wait()
            check("model/before" in cluster.records(cluster.urls[0])[index], "record %d is lost" % index)
            print("a node that NNG holds up ends all the same; nothing is lost")


main()
