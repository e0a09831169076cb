#!/usr/bin/env python3
"""Goal: a node that was away catches up by itself while appends go on. Method: kill a follower,
append TALLY_CATCH_UP_EVENTS events (5,000 unless set), restart it, and wait for at most a minute."""
import os
import subprocess
import time

from support import Cluster, check, until

EVENTS = int(os.environ.get("TALLY_CATCH_UP_EVENTS", "5000"))


def records(cluster):
    status = cluster.status()
    return {n["name"]: n["records"] for n in status["nodes"] if "name" in n} if status else {}


def bench(cluster, urls, seconds, clients, batch):
    return ["tally", "bench", "--cluster=" + urls, "--ca=" + cluster.env["TALLY_CA"], "--key=" + cluster.key("author"),
            "--clients=%d" % clients, "--batch=%d" % batch, "--size=1024", "--seconds=%d" % seconds]


def main():
    with Cluster() as cluster:
        leader = cluster.status()["leader"]
        away = next(n for n in ("n1", "n2", "n3") if n != leader)
        others = ",".join(url for i, url in enumerate(cluster.urls) if "n%d" % (i + 1) != away)
        start = max(records(cluster).values())
        cluster.local("kill", "--node=" + away)
        while max(records(cluster).values()) < start + EVENTS:
            done = subprocess.run(bench(cluster, others, 2, 8, 64), stdout=subprocess.DEVNULL, check=False)
            check(done.returncode == 0, "bench failed")
        behind = max(records(cluster).values())
        with subprocess.Popen(bench(cluster, others, 60, 1, 4), stdout=subprocess.DEVNULL) as load:
            try:
                cluster.local("restart", "--node=" + away)
                began = time.monotonic()
                until(lambda: records(cluster).get(away, 0) >= behind, away + " has caught up")
                took = time.monotonic() - began
                check(load.poll() is None, "the load ended before the node had caught up")
            finally:
                load.terminate()
        cluster.wait()
        print("%d records behind, caught up in %.1f s while appends went on" % (behind - start, took))


main()
