#!/usr/bin/env python3
"""Goal: members come and go while clients append, and leadership is handed on; nothing is lost. Method: a
cluster of three gets a fourth node as a learner, then as a voter; leadership goes to it; an old member is
removed; one of the three left is killed, and the ledger goes on. Every command may be run again."""
import json
import os
import re
import signal
import subprocess
import threading

from support import Cluster, check, good, model, until

ADMIN = ["--ack=committed"]


def change(cluster, *words, expect=0):
    result = cluster.tally("cluster", *words, "--key=" + cluster.key("admin"), "--json",
                           *(ADMIN if words[0] != "transfer" else []), timeout=120)
    check(result.status == expect, "cluster %s: exit %d\n%s" % (" ".join(words), result.status, result.text))
    return result.json() if expect == 0 else result


def add_node(cluster):
    """Keys, configuration and process of n4, a learner by then."""
    net = re.search(r"//([0-9.]+)\.1:", cluster.urls[0]).group(1)
    peer, client = "tls+tcp://%s.4:7400" % net, "tls+tcp://%s.4:7500" % net
    good("tallyd", "keygen", "--name=n4", "--out=" + cluster.path("n4.key"))
    words = ["add", "--node=" + cluster.path("n4.key.pub"), "--site=site-4", "--peer-url=" + peer,
             "--client-url=" + client]
    added = change(cluster, *words)
    check(added["is"] == "a learner" and added["id"] == 4 and not added["already"], "add: %s" % added)
    again = change(cluster, *words)
    check(again["already"] and again["id"] == 4, "add again: %s" % again)
    with open(cluster.path("n1.yaml"), encoding="utf-8") as file:
        text = file.read()
    own = re.search(r"  - \{name: n2, .*\}\n", text).group(0).replace("n2", "n1").replace(net + ".2", net + ".1")
    text = text.replace(net + ".1:", net + ".4:").replace("n1.data", "n4.data")
    text = text.replace("peers:\n  - ", "peers:\n" + own + "  - ", 1)
    with open(cluster.path("n4.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    good("tallyd", "init", "--genesis=" + cluster.path("ledger.genesis"), "--key=" + cluster.path("n4.key"),
         "--data=" + cluster.path("n4.data"), "--member=4")
    with open(cluster.path("n4.log"), "ab") as log:
        node = subprocess.Popen(["tallyd", "run", "--config=" + cluster.path("n4.yaml")], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)
    return node, client


def client(cluster, stop, acknowledged, problems):
    count = 0
    while not stop.is_set():
        name = "c%d" % count
        count += 1
        result = cluster.append("author", model(name), "--json", "--timeout=30")
        if result.status == 0:
            acknowledged.append((result.json()["index"], "model/" + name))
        elif result.status != 10:
            problems.append("append: exit %d: %s" % (result.status, result.text))


def leader(cluster):
    status = cluster.status()
    return status and status.get("leader")


def main():
    with Cluster() as cluster:
        stop, acknowledged, problems = threading.Event(), [], []
        thread = threading.Thread(target=client, args=(cluster, stop, acknowledged, problems))
        thread.start()
        node = None
        try:
            until(lambda: len(acknowledged) >= 5, "appends")
            follower = "n1" if leader(cluster) != "n1" else "n2"
            refused = cluster.tally("cluster", "transfer", follower, "--key=" + cluster.key("author"), "--timeout=5")
            check(refused.status not in (0, 10), "an author hands leadership on: %s" % refused.text)
            node, url = add_node(cluster)
            promoted = change(cluster, "promote", "n4")
            check(promoted["is"] == "a voter", "promote: %s" % promoted)
            check(change(cluster, "promote", "n4")["already"], "promote again")
            cluster.env["TALLY_CLUSTER"] += "," + url
            handed = change(cluster, "transfer", "n4")
            check(handed["is"] == "the leader", "transfer: %s" % handed)
            removed = change(cluster, "remove", "n1")
            check(removed["is"] == "no member", "remove: %s" % removed)
            check(change(cluster, "remove", "n1")["already"], "remove again")
            cluster.local("kill", "--node=n1")
            cluster.local("kill", "--node=n2")  # n3 and n4 are two of the three voters
            before = len(acknowledged)
            until(lambda: len(acknowledged) >= before + 10, "appends with n3 and n4")
            stop.set()
            thread.join()
            check(not problems, "\n".join(problems))
            until(lambda: cluster.records(url) == cluster.records(cluster.urls[2]), "n3 and n4 tell one ledger")
            records = [json.loads(line) for line in cluster.records(url)]
            for index, subject in acknowledged:
                check(records[index]["event"]["event"]["subject"] == subject,
                      "acknowledged record %d is lost" % index)
            configs = [r for r in records if "config" in r]
            check(len(configs) == 3, "%d Configs are recorded" % len(configs))
            print("%d appends acknowledged while a member was added, promoted, made leader, and another removed"
                  % len(acknowledged))
        finally:
            stop.set()
            thread.join()
            if node is not None:
                node.send_signal(signal.SIGTERM)
                node.wait(timeout=30)
            if node is not None and os.environ.get("TALLY_SHOW_LOGS"):
                print(good("tail", "-n", 40, cluster.path("n4.log")).out)


main()
