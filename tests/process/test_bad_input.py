#!/usr/bin/env python3
"""Goal: bad input gets a clear error and loses nothing. Method: one small cluster, one row per fault:
the exit status, and a word that the message must have so that a person knows what to mend."""
import json
import os
import shutil
import subprocess

from support import Cluster, base, check, digest, good, model, run, until

# exit statuses of include/tally/err.h
INVALID, MALFORMED, SIGNATURE, IO, TIMEOUT, CONFLICT, DENIED = 1, 2, 4, 11, 10, 13, 16
UNKNOWN_KEY, WRONG_LEDGER, TOO_LARGE, USAGE = 18, 19, 24, 64


def expect(name, result, status, word):
    check(result.status == status, "%s: exit %d instead of %d\n%s" % (name, result.status, status, result.text))
    check(word.lower() in result.text.lower(), "%s: the message does not say %r:\n%s" % (name, word, result.text))
    print("  ok  %s: %s" % (name, result.text.strip().splitlines()[-1][:110]))


def event_records(cluster):
    """The records of events: the ledger's own ones (a new term, a tick) may come at any time."""
    records = [json.loads(line) for line in cluster.records(cluster.urls[0])]
    return [record["event"] for record in records if "event" in record]


def events(cluster):
    """Rows about the event itself, each refused before anything is recorded."""
    ledger_id = cluster.status()["ledger_id"]
    other_ledger = ("0" if ledger_id[0] != "0" else "1") + ledger_id[1:]
    version = {"subject": "model/m/version/1", "artifacts": [{"role": "adapter", "manifest_root": digest("x")}],
               "version_registered": {"kind": "VERSION_KIND_ADAPTER", "base_model": "base/nowhere"}}
    rows = [
        ("unknown field", {**model("m"), "colour": "red"}, MALFORMED, "colour"),
        ("unknown field inside", {"subject": "model/m", "model_created": {"nam": "m"}}, MALFORMED, "nam"),
        ("no payload", {"subject": "model/m"}, MALFORMED, "payload"),
        ("bad segment", model("Credit Scorer"), MALFORMED, "subject"),
        ("dots", model(".."), MALFORMED, "subject"),
        ("subject of another kind", {**model("m"), "subject": "base/m"}, MALFORMED, "subject"),
        ("placeholder digest", {"subject": "base/b", "artifacts": [{"role": "weights", "manifest_root": "00" * 32}],
                                "base_model_registered": {"name": "b"}}, MALFORMED, "placeholder"),
        ("short digest", {"subject": "base/b", "artifacts": [{"role": "weights", "manifest_root": "ab" * 31}],
                          "base_model_registered": {"name": "b"}}, MALFORMED, "32 bytes"),
        ("a fraction", {"subject": "model/m", "claimed_time_ms": 1.5, "model_created": {}}, MALFORMED, "integer"),
        ("wrong ledger", {**model("m"), "ledger_id": other_ledger}, WRONG_LEDGER, "ledger"),
        ("version without a base", version, MALFORMED, "base"),
        ("oversize", {"subject": "model/m", "commitments": [{"kind": "k%d" % i, "hash": digest(str(i))} for i in range(200)],
                      "artifacts": [{"role": "r%d" % i, "manifest_root": digest(str(i)), "media_type": "x" * 1000}
                                    for i in range(60)],
                      "model_created": {"name": "m", "owner": "principal/author", "risk_tier": "RISK_TIER_LOW"}},
         TOO_LARGE, "49152"),
    ]
    for name, event, status, word in rows:
        expect(name, cluster.append("author", event), status, word)
    path = cluster.path("broken.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"subject": "model/m",,}')
    expect("not JSON", cluster.append("author", path), MALFORMED, "line 1")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"subject": "model/m", "subject": "model/n"}')
    expect("a key twice", cluster.append("author", path), MALFORMED, "subject")
    expect("no such file", cluster.append("author", cluster.path("nothing.json")), 7, "nothing.json")


def keys(cluster):
    good("tally", "keygen", "--name=stranger", "--out=" + cluster.key("stranger"))
    expect("unknown key", cluster.append("stranger", model("m")), UNKNOWN_KEY, "key")
    os.chmod(cluster.key("stranger"), 0o644)
    expect("a key that others can read", cluster.append("stranger", model("m")), INVALID, "stranger")

    # A second key of the author, enrolled and revoked: a later event by it is recorded and denied.
    os.chmod(cluster.key("stranger"), 0o600)
    with open(cluster.key("stranger") + ".pub", encoding="utf-8") as file:
        import base64
        public = base64.b64decode(file.read().strip().split("+", 2)[2])[1:]
    enrolled = cluster.append("admin", {"subject": "principal/author", "key_enrolled": {"public_key": public.hex()}})
    check(enrolled.status == 0, enrolled.text)
    by_second = {**model("second"), "actor": "principal/author"}
    check(cluster.append("stranger", by_second).status == 0, "the second key does not work")
    second = [record for record in event_records(cluster) if record["event"]["subject"] == "model/second"]
    check(len(second) == 1, "the second key's event has %d records" % len(second))
    key_id = second[0]["signers"][0]["key_id"]
    revoked = cluster.append("admin", {"subject": "principal/author", "key_revoked": {"key_id": key_id}})
    check(revoked.status == 0, revoked.text)
    expect("revoked key", cluster.append("stranger", {**model("third"), "actor": "principal/author"}), DENIED, "denied")


def receipts(cluster):
    trust = cluster.env["TALLY_TRUST"]
    out = cluster.path("r.tlog-proof")
    first = cluster.append("author", model("receipt"), out=out)
    check(first.status == 0 and not os.path.exists(out + ".pending"), first.text)
    expect("an output that exists", cluster.append("author", model("receipt"), out=out), INVALID, "r.tlog-proof")

    # A .pending of a command that was cut short, with one signature bit changed.
    pending = cluster.path("p.tlog-proof")
    path = cluster.path("p.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(model("pending"), file)
    unreachable = run("tally", "append", "--cluster=tls+tcp://127.0.0.1:1", "--ca=" + cluster.env["TALLY_CA"],
                      "--key=" + cluster.key("author"), "--trust=" + trust, "--timeout=1", "--out=" + pending, path)
    expect("nobody there", unreachable, TIMEOUT, "unknown")
    check(os.stat(pending + ".pending").st_mode & 0o777 == 0o600, "the .pending file is not 0600")
    expect("another event under that name", cluster.append("author", model("other"), out=pending), CONFLICT, "pending")
    saved = open(pending + ".pending", "rb").read()
    with open(pending + ".pending", "wb") as file:
        file.write(saved[:-1] + bytes([saved[-1] ^ 1]))
    flipped = cluster.append("author", path, out=pending)
    check(flipped.status in (SIGNATURE, MALFORMED), "flipped signature: exit %d %s" % (flipped.status, flipped.text))
    print("  ok  bad signature: " + flipped.text.strip().splitlines()[-1][:110])
    with open(pending + ".pending", "wb") as file:
        file.write(saved)
    shutil.copy(pending + ".pending", cluster.path("again.tlog-proof.pending"))
    check(cluster.append("author", path, out=pending).status == 0, "the same command does not finish")
    again = cluster.append("author", path, "--json", out=cluster.path("again.tlog-proof"))
    check(again.status == 0, again.text)
    proofs = [good("tally", "verify", "--json", "--trust=" + trust, "--proof=" + p).json()["index"]
              for p in (pending, cluster.path("again.tlog-proof"))]
    check(proofs[0] == proofs[1], "a duplicate event id got a second record: %s" % proofs)
    print("  ok  duplicate event id: the first receipt again, record %d" % proofs[0])


def adapters(cluster):
    check(cluster.append("author", base("b")).status == 0, "base")
    check(cluster.append("author", model("adapters")).status == 0, "model")

    def register(directory, version, *more):
        return cluster.tally("register", "--key=" + cluster.key("author"), "--trust=" + cluster.env["TALLY_TRUST"],
                             "--model=adapters", "--version=" + version, "--base=base/b",
                             "--out=" + cluster.path(version + ".tlog-proof"), *more, directory)

    sample = cluster.path("sample")
    good(os.path.join(os.environ.get("TALLY_SOURCE_DIR", "."), "cluster/sample-adapter"), sample)
    bad = cluster.path("bad")
    shutil.copytree(sample, bad)
    os.symlink("/etc", os.path.join(bad, "link"))
    expect("symlink to a directory", register(bad, "1"), INVALID, "link")
    os.unlink(os.path.join(bad, "link"))
    os.mkfifo(os.path.join(bad, "pipe"))
    expect("a pipe", register(bad, "1"), INVALID, "pipe")
    os.unlink(os.path.join(bad, "pipe"))
    shutil.copy(os.path.join(bad, "README.md"), os.path.join(bad, "readme.MD"))
    expect("names that differ in case", register(bad, "1"), INVALID, "case")
    os.makedirs(cluster.path("empty"))
    expect("no file", register(cluster.path("empty"), "1"), 7, "no file")
    check(register(sample, "1").status == 0, "a good adapter is refused")
    result = cluster.tally("register", "--key=" + cluster.key("author"), "--model=adapters", "--version=2",
                           "--base=base/unregistered", "--out=" + cluster.path("2.tlog-proof"), sample)
    expect("a base that is not registered", result, 7, "base/unregistered")


def nodes(cluster):
    config = cluster.path("n1.yaml")
    expect("a second process on one data directory", run("tallyd", "run", "--config=" + config, timeout=30), IO, "n1.data")
    expect("init again", run("tallyd", "init", "--genesis=" + cluster.path("ledger.genesis"),
                             "--key=" + cluster.path("n1.key"), "--data=" + cluster.path("n1.data")), 7, "n1.key")
    faults = cluster.path("faults.yaml")
    with open(config, encoding="utf-8") as file:
        text = file.read()
    with open(faults, "w", encoding="utf-8") as file:
        file.write("colour: red\n" + text.replace("profile: lan", "profile: moon"))
    result = run("tallyd", "run", "--config=" + faults)
    expect("two faults at once", result, MALFORMED, "faults.yaml:1:1")
    check("moon" in result.text or "profile" in result.text, "only one fault is told: " + result.text)
    for name, content in (("empty file", ""), ("two documents", text + "---\n" + text), ("alias", "a: &x 1\nb: *x\n" + text)):
        with open(faults, "w", encoding="utf-8") as file:
            file.write(content)
        result = run("tallyd", "config", "--config=" + faults)
        check(result.status == MALFORMED, "%s: exit %d %s" % (name, result.status, result.text))
        print("  ok  %s: %s" % (name, result.text.strip().splitlines()[0][:110]))
    expect("wrong command line", run("tally", "append", "--colour=red"), USAGE, "colour")


def foreign_data(cluster):
    """A node on the data of another ledger."""
    with Cluster(nodes=1) as other:
        other.local("stop")
        shutil.rmtree(other.path("n1.data", "db"))
        cluster.local("kill", "--node=n3")
        shutil.copytree(cluster.path("n3.data", "db"), other.path("n1.data", "db"))
        result = run("tallyd", "run", "--config=" + other.path("n1.yaml"), timeout=30)
        check(result.status in (7, 15, WRONG_LEDGER), "foreign data: exit %d %s" % (result.status, result.text))
        print("  ok  another ledger's data: " + result.text.strip().splitlines()[-1][:110])
        cluster.local("restart", "--node=n3")
        cluster.wait()


def no_quorum(cluster):
    out, path = cluster.path("q.tlog-proof"), cluster.path("q.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(model("quorum"), file)
    for node in ("n1", "n2"):
        cluster.local("pause", "--node=" + node)
    result = cluster.append("author", path, "--timeout=4", out=out)
    expect("no quorum", result, TIMEOUT, "unknown")
    for node in ("n1", "n2"):
        cluster.local("resume", "--node=" + node)
    result = until(lambda: (lambda r: r if r.status == 0 else None)(cluster.append("author", path, out=out)), "the receipt")
    cluster.wait()
    found = [r for r in cluster.records(cluster.urls[2]) if '"model/quorum"' in r]
    check(len(found) == 1, "the event has %d records" % len(found))
    print("  ok  the same command again: " + result.text.strip().splitlines()[0])


def main():
    with Cluster() as cluster:
        before = event_records(cluster)
        events(cluster)
        cluster.wait()  # what was recorded is told by every node, too
        check(event_records(cluster) == before, "a refused event left a record")
        for part in (keys, receipts, adapters, nodes, no_quorum, foreign_data):
            part(cluster)


main()
