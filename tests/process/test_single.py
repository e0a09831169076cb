#!/usr/bin/env python3
"""Goal: a ledger of one node works, and keeps what it acknowledged through SIGKILL."""
import json

from support import Cluster, check, good, model


def main():
    with Cluster(nodes=1) as cluster:
        acknowledged = []
        for i in range(20):
            result = cluster.append("author", model("m%d" % i), "--json")
            check(result.status == 0, result.text)
            acknowledged.append((result.json()["index"], "model/m%d" % i))
            if i % 5 == 4:
                cluster.local("kill", "--node=n1")
                cluster.local("restart", "--node=n1")
                cluster.wait()
        proof = cluster.path("one.tlog-proof")
        result = cluster.append("author", model("last"), out=proof)
        check(result.status == 0, result.text)
        good("tally", "verify", "--trust=" + cluster.env["TALLY_TRUST"], "--proof=" + proof)
        records = [json.loads(line) for line in cluster.records(cluster.urls[0])]
        for index, subject in acknowledged:
            check(records[index]["event"]["event"]["subject"] == subject, "record %d is lost" % index)
        print("one node, four kills: %d appends are all there" % len(acknowledged))


main()
