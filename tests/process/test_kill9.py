#!/usr/bin/env python3
"""Goal: nothing that was acknowledged is lost or doubled when nodes die. Method: four clients append
while each node in turn gets SIGKILL and comes back; then every node tells its whole ledger."""
import json
import threading

from support import Cluster, check, until

CLIENTS = 4


def client(cluster, number, stop, acknowledged, problems):
    count = 0
    while not stop.is_set():
        name = "c%d-%d" % (number, count)
        count += 1
        result = cluster.append("author", {"subject": "model/" + name, "model_created": {
            "name": name, "owner": "principal/author", "risk_tier": "RISK_TIER_LOW"}}, "--json", "--timeout=30")
        if result.status == 0:
            acknowledged.append((result.json()["index"], "model/" + name))
        elif result.status != 10:  # unknown is allowed, anything else is not
            problems.append("append: exit %d: %s" % (result.status, result.text))


def main():
    with Cluster() as cluster:
        stop, acknowledged, problems = threading.Event(), [], []
        threads = [threading.Thread(target=client, args=(cluster, n, stop, acknowledged, problems))
                   for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for node in ("n1", "n2", "n3"):
            before = len(acknowledged)
            until(lambda: len(acknowledged) >= before + 10, "appends before the kill of " + node)
            cluster.local("kill", "--node=" + node)
            before = len(acknowledged)
            until(lambda: len(acknowledged) >= before + 10, "appends without " + node)
            cluster.local("restart", "--node=" + node)
            until(lambda: len((cluster.status() or {"nodes": []})["nodes"]) == 3 and
                  all(n.get("records") for n in cluster.status()["nodes"]), node + " is back")
        stop.set()
        for thread in threads:
            thread.join()
        cluster.wait()
        check(not problems, "\n".join(problems))

        ledgers = [cluster.records(url) for url in cluster.urls]
        check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
        records = [json.loads(line) for line in ledgers[0]]
        check([r["index"] for r in records] == list(range(len(records))), "records are missing")
        subjects = {}
        for record in records:
            if "event" in record:
                event = record["event"]["event"]
                key = (event.get("actor"), event["event_id"])
                check(key not in subjects, "event %s is recorded twice" % event["event_id"])
                subjects[key] = record["index"]
        for index, subject in acknowledged:
            check(records[index]["event"]["event"]["subject"] == subject,
                  "acknowledged record %d is lost" % index)
        check(len({index for index, _ in acknowledged}) == len(acknowledged), "one record for two events")
        print("%d appends acknowledged, %d records, three nodes killed: nothing lost, nothing doubled, one ledger"
              % (len(acknowledged), len(records)))


main()
