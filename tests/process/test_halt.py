#!/usr/bin/env python3
"""Goal: a node that halted once does not start again until a person has removed the file that says why.

Method: one node, stopped; `halted` is put into its data directory as a halting node does (test_halt.c). `tallyd run`
must end with status 5 and name file and remedy, `tallyd check` must report it; with the file gone both are content
and every record is there."""
import json
import os

from support import Cluster, check, model, run


def main():
    with Cluster(nodes=1) as cluster:
        check(cluster.append("author", model("m")).status == 0, "append")
        cluster.local("stop", "--node=n1")
        data = cluster.path("n1.data")
        evidence = os.path.join(data, "halted")
        with open(evidence, "w", encoding="ascii") as file:
            file.write("why=two blocks\n")
        started = run("tallyd", "run", "--config=" + cluster.path("n1.yaml"))
        check(started.status == 5, "run: status %d" % started.status)
        check("n1.data/halted" in started.err and "When a node halts" in started.err, started.err)
        checked = run("tallyd", "check", "--data=" + data, "--json")
        check(checked.status == 5, "check: status %d" % checked.status)
        check(json.loads(checked.out)["halted"] is True, checked.out)
        os.unlink(evidence)
        checked = run("tallyd", "check", "--data=" + data, "--json")
        check(checked.status == 0 and json.loads(checked.out)["halted"] is False, checked.text)
        cluster.local("restart", "--node=n1")
        cluster.wait()
        check(len(list(cluster.records(cluster.urls[0]))) > 1, "the record is lost")
        print("halted: refused, reported, and forgiven by hand")


main()
