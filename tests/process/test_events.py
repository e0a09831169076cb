#!/usr/bin/env python3
"""Goal: what the commands say about events is so. Every schema takes the example of its type and refuses what differs
from it in one thing; docs/governance.md has the table that the command prints; the examples of the open types, with the
hashes of a real ledger in them, are allowed by a real node, and closed types are denied as such; a published policy
decides from then on."""
import copy
import os

from schema_check import faults
from support import SOURCE, Cluster, check, good, run

MISSING = object()
DENIED = 16  # include/tally/err.h


def places(schema, value, path=()):
    """Every (path, schema, is it required?) of an object's fields, in the order of the schema; only fields that are there."""
    for name, one in schema.get("properties", {}).items():
        if not isinstance(value, dict) or name not in value:
            continue
        yield path + (name,), one, name in schema.get("required", [])
        inner = value[name]
        if isinstance(inner, list) and inner:
            yield from places(one.get("items", {}), inner[0], path + (name, 0))
        else:
            yield from places(one, inner, path + (name,))


def changed(event, path, value):
    event = copy.deepcopy(event)
    inner = event
    for step in path[:-1]:
        inner = inner[step]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return event


def check_schema(name):
    """The number of changed examples that its schema refused."""
    described = good("tally", "events", "describe", name, "--json").json()
    schema = good("tally", "schema", name).json()
    if name == "ledger.genesis":
        check("example" not in described, "genesis is no event to append")
        return 0
    example = described["example"]
    found = faults(schema, example)
    check(not found, "%s: its schema refuses its example: %s" % (name, "; ".join(found)))
    refused = [changed(example, ("colour",), "red"), changed(example, (described["payload"], "colour"), "red"),
               changed(example, ("subject",), "colour/red")]
    for path, one, required in places(schema, example):
        refused.append(changed(example, path, {"no": "such"}))
        if required:
            refused.append(changed(example, path, MISSING))
        if "enum" in one:
            refused.append(changed(example, path, one["enum"][0].split("_")[0]))
        if one.get("pattern", "").startswith("^[0-9a-f]"):
            refused.append(changed(example, path, "ABC"))
    for event in refused:
        check(faults(schema, event), "%s: its schema takes %s" % (name, event))
    return len(refused)


def check_page():
    with open(os.path.join(SOURCE, "docs/governance.md"), encoding="utf-8") as page:
        text = page.read()
    table = good("tally", "events", "--markdown").out
    check(table in text, "the table of docs/governance.md is not what `tally events --markdown` prints")


# The open types in an order in which their examples build on each other; who appends them; and what has to be replaced
# in each: paths to the name of an earlier one, whose event hash belongs there.
STORY = [
    ("principal.registered", "admin", {}),
    ("key.enrolled", "admin", {}),
    ("role.granted", "admin", {}),
    ("role.revoked", "admin", {}),
    ("organisation.registered", "admin", {}),
    ("principal.updated", "admin", {}),
    ("environment.registered", "admin", {}),
    ("endpoint.registered", "deployer", {}),
    ("base_model.registered", "author", {}),
    ("dataset.registered", "author", {}),
    ("code.registered", "author", {}),
    ("model.created", "author", {}),
    ("model.updated", "author", {}),
    ("change.requested", "author", {}),
    ("run.started", "author", {("refs", 0, "event_hash"): "base_model.registered"}),
    ("run.completed", "author", {}),
    ("version.registered", "author", {("refs", 0, "event_hash"): "base_model.registered"}),
    ("attestation.attached", "evaluator", {}),
    ("attestation.retracted", "evaluator", {("refs", 0, "event_hash"): "attestation.attached"}),
    ("evaluation.recorded", "evaluator", {}),
    ("risk.assessed", "evaluator", {}),
    ("evaluation.retracted", "evaluator", {("refs", 0, "event_hash"): "evaluation.recorded"}),
    ("approval.granted", "approver", {}),
    ("deployment.observed", "auditor", {}),
    ("monitoring.reported", "deployer", {}),
    ("oplog.anchored", "deployer", {}),
    ("incident.opened", "evaluator", {}),
    ("incident.updated", "deployer", {}),
    ("incident.closed", "approver", {}),
    ("audit.exported", "auditor", {}),
    ("correction.recorded", "evaluator", {("refs", 0, "event_hash"): "evaluation.recorded"}),
    ("annotation.added", "author", {}),
    ("model.archived", "author", {}),
]
# Open types whose example needs more than a hash: a real member, a key that is enrolled, a second run.
ELSEWHERE = {"ledger.member_changed", "key.revoked", "run.failed"}

POLICY = """
name: small
roles: [admin, author]
environments: [production]
rules:
  - id: 1100
    permit: admins_publish
    events: [policy.published]
    clauses:
      - actor_role: [admin]
  - id: 1101
    permit: authors_note
    events: [annotation.added]
    clauses:
      - actor_role: [author]
"""


def before(cluster, name, event):
    """What an example cannot know: the ledger's name, the bytes that a version has, a site that its organisation has."""
    if name == "audit.exported":
        event["subject"] = "ledger/" + cluster.name
        del event["audit_exported"]["recipient"]
    if name == "environment.registered":
        del event["environment_registered"]["site"]
    if name == "principal.updated":
        event["principal_updated"] = {"unit": "organisation/acme"}
    if name == "attestation.attached":
        event["attestation_attached"]["manifest_root"] = cluster.version_root
    if name == "version.registered":
        cluster.version_root = event["artifacts"][0]["manifest_root"]
        event["version_registered"]["run"] = "r12"


def check_node(types):
    told = {name for name, _, _ in STORY} | ELSEWHERE | {"policy.published"}
    check(told == {one["name"] for one in types if one["open"]}, "the story leaves out or invents: %s" %
          (told ^ {one["name"] for one in types if one["open"]}))
    hashes = {}
    with Cluster(nodes=1) as cluster:
        genesis = cluster.tally("get", "--json", "--index=0").json()
        cluster.name = genesis["event"]["event"]["ledger_genesis"]["name"]
        for name, who, replaced in STORY:
            event = good("tally", "events", "describe", name, "--json").json()["example"]
            before(cluster, name, event)
            for path, other in replaced.items():
                event = changed(event, path, hashes[other])
            result = cluster.append(who, event, "--json")
            check(result.status == 0, "%s by %s: %s" % (name, who, result.text))
            hashes[name] = result.json()["event_hash"]
        for name, subject in (("alias.set", "model/credit-scorer"), ("version.quarantined", "model/credit-scorer/version/7")):
            event = good("tally", "events", "describe", name, "--json").json()["example"]
            check(event["subject"] == subject, "the example is about %s" % event["subject"])
            result = cluster.append("admin", event, "--json")
            check("type_closed" in result.text and result.status != 0, "%s: %s" % (name, result.text))
        policy(cluster)
    return len(STORY) + 1


def policy(cluster):
    """From its record on the policy says who may append what, and a denial names its rule."""
    note = good("tally", "events", "describe", "annotation.added", "--json").json()["example"]
    check(cluster.append("evaluator", note).status == 0, "without a policy an evaluator may annotate")
    path, encoded = cluster.path("small.yaml"), cluster.path("small.policy")
    with open(path, "w", encoding="utf-8") as file:
        file.write(POLICY)
    digest = good("tally", "policy", "compile", "--json", "--out=" + encoded, path).json()["digest"]
    with open(encoded, "rb") as file:
        event = {"subject": "policy/small", "policy_published": {"version": 1, "policy": file.read().hex()}}
    refused = cluster.append("author", event)
    check(refused.status == DENIED, "an author publishes a policy: exit %d %s" % (refused.status, refused.text))
    published = cluster.append("admin", event)
    check(published.status == 0, "policy.published: " + published.text)
    allowed = cluster.append("author", note, "--json")
    check(allowed.status == 0, "an author annotates: " + allowed.text)
    denied = cluster.append("evaluator", note)
    check(denied.status == DENIED and "policy" in denied.text, "an evaluator annotates: exit %d %s" % (denied.status, denied.text))
    record = cluster.tally("get", "--json", "--index=%d" % allowed.json()["index"]).json()
    decision = record["event"]["decision"]
    check(decision["policy_version"] == 1 and decision["policy_digest"] == digest, "the decision names %s" % decision)


def main():
    types = good("tally", "events", "--json").json()["events"]
    check(len(types) == 71, "%d types" % len(types))
    refused = sum(check_schema(one["name"]) for one in types)
    check_page()
    check(run("tally", "events", "describe", "no.such").status != 0, "a type that there is not is described")
    appended = check_node(types)
    print("71 schemas took their examples and refused %d changed ones; %d examples appended" % (refused, appended))


main()
