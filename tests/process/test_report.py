#!/usr/bin/env python3
"""Goal: every report answers about a running ledger, from its nodes and from an export alike. Method: a cluster of three,
to which a small story is appended; each question is asked of both, and what must be in the answer is compared with the
records that `tally log` gives; then a changed byte."""
import csv
import io
import json
import os
import shutil

from support import Cluster, base, check, digest, good, model, run

FORMULA = "=HYPERLINK(\"http://evil\"),\r\n@x"


def example(name):
    return good("tally", "events", "describe", name, "--json").json()["example"]


def tell(cluster):
    """The story; event hashes by name."""
    hashes = {}

    def append(name, who, event, status=0):
        result = cluster.append(who, event, "--json")
        check(result.status == status, "%s: %s" % (name, result.text))
        hashes[name] = result.json()["event_hash"]

    append("base", "author", base("b"))
    append("other", "author", base("c"))
    data = {"subject": "dataset/d", "dataset_registered": {"name": FORMULA},
            "artifacts": [{"role": "data", "manifest_root": digest("d"), "size": 1, "file_count": 1}]}
    append("data", "author", data)
    append("model", "author", model("m"))
    started = example("run.started")
    started["subject"] = "model/m/run/r"
    started["refs"] = [{"rel": "REL_BASE", "event_hash": hashes["base"]},
                       {"rel": "REL_TRAINED_ON", "event_hash": hashes["data"]}]
    append("run", "author", started)
    completed = example("run.completed")
    completed["subject"] = "model/m/run/r"
    append("completed", "author", completed)
    root = digest("adapter")
    version = {"subject": "model/m/version/1", "refs": [{"rel": "REL_BASE", "event_hash": hashes["base"]}],
               "artifacts": [{"role": "adapter", "manifest_root": root, "size": 1, "file_count": 1}],
               "version_registered": {"kind": "VERSION_KIND_ADAPTER", "base_model": "base/b", "run": "r"}}
    append("version", "author", version)
    approval = example("approval.granted")
    approval["subject"] = "model/m/version/1"
    approval["refs"] = [{"rel": "REL_APPROVES", "event_hash": hashes["version"]}]
    approval["approval_granted"]["manifest_root"] = root
    append("denied", "author", approval, 16)
    append("approval", "approver", approval)
    # It names what it merges in its recipe alone.
    recipe = {"method": "MERGE_METHOD_LINEAR", "recipe_digest": digest("recipe"),
              "sources": [{"version": "model/m/version/1", "manifest_root": root}]}
    merge = {"subject": "model/m/version/2", "refs": [{"rel": "REL_BASE", "event_hash": hashes["other"]}],
             "artifacts": [{"role": "adapter", "manifest_root": digest("merged"), "size": 1, "file_count": 1}],
             "version_registered": {"kind": "VERSION_KIND_MERGE", "base_model": "base/c", "merge": recipe}}
    append("merge", "author", merge)
    opened = example("incident.opened")
    opened["incident_opened"]["about"] = "model/m/version/1"
    append("incident", "evaluator", opened)
    updated = example("incident.updated")
    updated["subject"] = opened["subject"]
    append("update", "deployer", updated)
    export = example("audit.exported")
    export["subject"] = "ledger/" + cluster.tally("get", "--json", "--index=0").json()["event"]["event"]["ledger_genesis"]["name"]
    export["audit_exported"].update({"from_size": 0, "to_size": 2})
    del export["audit_exported"]["recipient"]
    append("export", "auditor", export)
    late = dict(model("late"), claimed_time_ms=1000)
    append("late", "author", late)
    revoked = example("key.revoked")
    return hashes, revoked


def revoke(cluster, event):
    """The author's key is stolen since the model was created: record and key as the log says."""
    records = [json.loads(line) for line in cluster.records(cluster.urls[0])]
    stolen = [one for one in records if one.get("event", {}).get("type") == "model.created"][0]
    event["subject"] = "principal/author"
    event["key_revoked"] = {"key_id": stolen["event"]["signers"][0]["key_id"], "compromised_since": {"index": stolen["index"]}}
    result = cluster.append("admin", event, "--json")
    check(result.status == 0, "key.revoked: %s" % result.text)
    return stolen["index"]


def ask(source, kind, *options, expect=0):
    result = run("tally", "report", kind, *source, "--json", *options)
    check(result.status == expect, "%s: exit %d\n%s" % (kind, result.status, result.text))
    return result.json()


def hashes_of(answer):
    return [row["event_hash"] for row in answer["rows"]]


def check_all(source, hashes, stolen):
    """Every question; the answers, without what grows with the log."""
    answers = {}

    def about(kind, *options, names=None):
        answer = ask(source, kind, *options)
        covers = answer["covers"]
        check(covers["complete"] and covers["from_size"] == 0 and len(covers["cosigners"]) >= 2, "%s: %s" % (kind, covers))
        answers[kind + " ".join(options)] = answer["rows"]
        if names is not None:
            check(hashes_of(answer) == [hashes[name] for name in names], "%s: %s" % (kind, answer["rows"]))
        return answer["rows"]

    allowed = [value for name, value in hashes.items() if name != "denied"]
    rows = about("changes")
    check([row["event_hash"] for row in rows[1:-1]] == allowed, "changes: %s" % rows)
    about("denied", names=["denied"])
    about("exports", names=["export"])
    about("times", "--threshold=100000", names=["late"])
    about("bundle", "--subject=model/m/version/1",
          names=["base", "data", "model", "run", "completed", "version", "denied", "approval",
                 "incident", "update"])
    about("bundle", "--subject=model/m/version/2",
          names=["base", "other", "data", "model", "run", "completed", "version", "merge"])
    about("derived", "--base=base/b", names=["version", "merge"])
    about("derived", "--dataset=dataset/d", names=["version", "merge"])
    about("derived", "--base=base/c", names=["merge"])
    rows = about("compromised")
    check(rows[0]["index"] == stolen and rows[-1]["event"] == "key.revoked", "compromised: %s" % rows)
    check(hashes["base"] not in [row["event_hash"] for row in rows], "signed before the window: %s" % rows)
    rows = about("compute")
    check([(row["model"], row["base"], row["runs_completed"]) for row in rows] == [("model/m", "base/b", 1)], rows)
    keys = [row for row in about("access") if row["what"] == "key" and row["principal"] == "principal/author"]
    check([row["until_by"] for row in keys] == ["principal/admin"], "access: %s" % keys)
    return answers


def check_interval(source):
    """Two intervals that meet have every record once."""
    changes = ask(source, "changes")["rows"]
    middle = changes[len(changes) // 2]["time"]
    before, after = ask(source, "changes", "--to=" + middle), ask(source, "changes", "--from=" + middle)
    check(hashes_of(before) + hashes_of(after) == [row["event_hash"] for row in changes], "cut at %s" % middle)
    check(before["covers"]["complete"], before["covers"])
    future = ask(source, "changes", "--to=2999-01-01")["covers"]
    check(not future["complete"] and "the log ends" in future["reason"], future)


def check_csv(source):
    result = good("tally", "report", "changes", *source, "--csv")
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    check(len(rows) == len(ask(source, "changes")["rows"]), "CSV has %d rows" % len(rows))
    for row in rows:
        for field in row.values():
            check(not field.startswith(("=", "+", "-", "@", "\t", "\r")), "a formula: %s" % field)


def check_text(source):
    """What a name says stays on the line of its row."""
    result = good("tally", "report", "changes", *source)
    check("HYPERLINK" in result.out and "\n@x" not in result.out and "\r" not in result.out, result.out)
    check("cosigned by" in result.out and result.out.splitlines()[-1].startswith("complete"), result.out)


def check_damage(log, trust):
    name = os.path.join(log, "tile/entries/000.p")
    name = os.path.join(name, os.listdir(name)[0])
    with open(name, "r+b") as file:
        file.seek(500)
        byte = file.read(1)
        file.seek(500)
        file.write(bytes([byte[0] ^ 4]))
    answer = ask(["--from-log=" + log, trust], "changes", expect=3)
    check(not answer["ok"] and "rows" not in answer and answer["index"] == 0, answer)


def main():
    with Cluster() as cluster:
        hashes, event = tell(cluster)
        stolen = revoke(cluster, event)
        cluster.wait()
        log, trust = cluster.path("log"), "--trust=" + cluster.env["TALLY_TRUST"]
        check(cluster.tally("export", log, trust).status == 0, "export")
        files = ["--from-log=" + log, trust]
        nodes = ["--from-log=" + cluster.env["TALLY_CLUSTER"], "--ca=" + cluster.env["TALLY_CA"], trust]
        answers = check_all(files, hashes, stolen)
        check(check_all(nodes, hashes, stolen) == answers, "nodes and export give other answers")
        check_interval(files)
        check_csv(files)
        check_text(files)
        check(not ask(files[:1], "changes")["covers"]["complete"], "complete without a trust file")
        copy = cluster.path("copy")
        shutil.copytree(log, copy)
        check_damage(copy, trust)
        print("%d questions, asked of nodes and of an export" % len(answers))


main()
