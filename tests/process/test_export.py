#!/usr/bin/env python3
"""Goal: a running ledger is exported and audited; exports go on, and refuse what does not fit. Method: a
cluster of three; the tiles are made again here from the entry bundles, by the recursion of RFC 6962; then a
second export, a node of another ledger, a shorter and a forked directory, an export that was cut short."""
import base64
import hashlib
import os
import shutil

from support import Cluster, base, check, model, run


def sha(data):
    return hashlib.sha256(data).digest()


def tree(hashes):
    """RFC 6962 2.1."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha(b"\1" + tree(hashes[:k]) + tree(hashes[k:]))


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def checkpoint(directory):
    """Origin, size, root, and the note's signature lines."""
    text, signatures = read(directory, "checkpoint").decode().split("\n\n")
    origin, size, root = text.split("\n")
    return origin, int(size), base64.b64decode(root), signatures


def leaves(directory, size):
    found = []
    for n in range((size + 255) // 256):
        width = min(256, size - 256 * n)
        bundle = read(directory, "tile/entries/%03d%s" % (n, "" if width == 256 else ".p/%d" % width))
        count = 0
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            found.append(bundle[2:2 + length])
            bundle = bundle[2 + length:]
            count += 1
        check(count == width, "bundle %d has %d of %d entries" % (n, count, width))
    return found


def check_files(directory):
    """Every tile, and the root, from the bundles."""
    _, size, root, _ = checkpoint(directory)
    hashes = [sha(b"\0" + leaf) for leaf in leaves(directory, size)]
    check(tree(hashes) == root, "the entries do not lead to the root")
    level, row = 0, hashes
    while row:
        for n in range((len(row) + 255) // 256):
            part = row[256 * n:256 * n + 256]
            name = "tile/%d/%03d%s" % (level, n, "" if len(part) == 256 else ".p/%d" % len(part))
            check(read(directory, name) == b"".join(part), name + " is another one")
        level, row = level + 1, [tree(row[256 * n:256 * n + 256]) for n in range(len(row) // 256)]
    return size


def listing(directory):
    return {os.path.join(where, name): read(where, name)
            for where, _, names in os.walk(directory) for name in names}


def export(cluster, directory, *options, expect=0):
    result = cluster.tally("export", directory, "--json", *options)
    check(result.status == expect, "export: exit %d, not %d\n%s" % (result.status, expect, result.text))
    return result.json() if expect == 0 else result


def audit(log, *options, expect=0):
    result = run("tally", "audit", "--from-log=" + log, "--json", *options)
    check(result.status == expect, "audit: exit %d, not %d\n%s" % (result.status, expect, result.text))
    return result.json()


def fork(directory):
    """The last leaf has another byte, and tile and checkpoint agree with it."""
    origin, size, _, signatures = checkpoint(directory)
    found = leaves(directory, size)
    found[-1] = found[-1][:-1] + bytes([found[-1][-1] ^ 1])
    hashes = [sha(b"\0" + leaf) for leaf in found]
    first, width = size - size % 256, size % 256
    with open(os.path.join(directory, "tile/entries/%03d.p/%d" % (first // 256, width)), "wb") as file:
        file.write(b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in found[first:]))
    with open(os.path.join(directory, "tile/0/%03d.p/%d" % (first // 256, width)), "wb") as file:
        file.write(b"".join(hashes[first:]))
    with open(os.path.join(directory, "checkpoint"), "w", encoding="utf-8") as file:
        file.write("%s\n%d\n%s\n\n%s" % (origin, size, base64.b64encode(tree(hashes)).decode(), signatures))


def more(cluster, first, count):
    for i in range(first, first + count):
        result = cluster.append("author", model("m%d" % i))
        check(result.status == 0, result.text)


def check_second(cluster, log, trust):
    """A second export only adds; the log of now begins with the one of then."""
    before = listing(log)
    more(cluster, 20, 3)
    cluster.wait()
    second = export(cluster, log, trust)
    after = listing(log)
    changed = [name for name in before if after.get(name) != before[name]]
    check([os.path.basename(name) for name in changed] == ["checkpoint"], "changed: %s" % changed)
    check(check_files(log) == second["size"], "size")
    check(second["added"] > 0, "nothing was added: %s" % second)
    again = export(cluster, log, trust)
    check(again["added"] == 0 or again["size"] > second["size"], "added again: %s" % again)


def check_refusals(cluster, log, old):
    forked, longer, foreign = cluster.path("forked"), cluster.path("longer"), cluster.path("foreign")
    shutil.copytree(old, forked)
    fork(forked)
    export(cluster, forked, expect=5)
    shutil.copytree(log, longer)
    origin, size, root, signatures = checkpoint(log)
    with open(os.path.join(longer, "checkpoint"), "w", encoding="utf-8") as file:
        file.write("%s\n%d\n%s\n\n%s" % (origin, size + 1000, base64.b64encode(root).decode(), signatures))
    check("ask another node" in export(cluster, longer, expect=17).text, "a longer directory")
    damaged, seen = cluster.path("damaged"), cluster.path("seen.trust")
    shutil.copytree(old, damaged)
    name = os.path.join(damaged, "tile/0/000.p", os.listdir(os.path.join(damaged, "tile/0/000.p"))[0])
    with open(name, "r+b") as file:
        file.write(b"another hash")
    export(cluster, damaged, expect=6)
    with open(seen, "w", encoding="utf-8") as file:
        file.write("# tally checkpoint 5 %s=\n" % ("A" * 43) + read(cluster.env["TALLY_TRUST"]).decode())
    export(cluster, cluster.path("new"), "--trust=" + seen, expect=5)
    os.mkdir(foreign)
    with open(os.path.join(foreign, "letter"), "w", encoding="utf-8") as file:
        file.write("not an export")
    check("letter" in export(cluster, foreign, expect=1).text, "a directory with something else")


def check_damage(log, trust):
    name = os.path.join(log, "tile/entries", sorted(os.listdir(os.path.join(log, "tile/entries")))[0])
    while os.path.isdir(name):
        name = os.path.join(name, max(os.listdir(name), key=int))
    whole = read(name)
    with open(name, "wb") as file:
        file.write(whole[:500] + bytes([whole[500] ^ 4]) + whole[501:])
    result = audit(log, trust, expect=3)
    check(result["index"] == 0 and not result["ok"], "a changed byte: %s" % result)
    with open(name, "wb") as file:
        file.write(whole)


def main():
    with Cluster() as cluster:
        log, trust = cluster.path("log"), "--trust=" + cluster.env["TALLY_TRUST"]
        check(cluster.append("author", base("b")).status == 0, "a base model")
        more(cluster, 0, 10)
        check(cluster.append("approver", model("no")).status == 16, "an approver makes a model")
        cluster.wait()

        first = export(cluster, log, trust)
        check(first["checkpoint_checked"] and first["size"] == first["added"], "first: %s" % first)
        check(check_files(log) == first["size"], "size")
        result = audit(log, trust)
        check(result["ok"] and result["replayed"] == first["size"] and result["denied"] == 1, "audit: %s" % result)
        check(len(result["cosigners"]) >= 2, "cosigners: %s" % result)
        old = cluster.path("old")
        shutil.copytree(log, old)
        check_second(cluster, log, trust)
        audit(log, trust)

        # Nodes themselves, each of them, without a directory.
        ca = "--ca=" + cluster.env["TALLY_CA"]
        for url in cluster.urls:
            live = audit(url, trust, ca)
            check(live["ok"] and live["replayed"] == live["size"], "live: %s" % live)
        check(not audit(cluster.env["TALLY_CLUSTER"], ca)["checkpoint_checked"], "no trust file")
        check_refusals(cluster, log, old)
        check_damage(log, trust)

        # An export that was cut short: tiles without a checkpoint, a half-written file beside one.
        os.remove(os.path.join(log, "checkpoint"))
        with open(os.path.join(log, "checkpoint.new"), "w", encoding="utf-8") as file:
            file.write("half")
        export(cluster, log, trust)
        check_files(log)
        audit(log, trust)
        with Cluster(nodes=1) as other:
            check(other.append("author", base("b")).status == 0, "a base model")
            other.wait()
            export(other, log, expect=19)
            result = run("tally", "audit", "--from-log=" + other.urls[0], "--ca=" + other.env["TALLY_CA"], trust)
            check(result.status == 19, "another ledger's trust file: %s" % result.text)
        print("%d records exported, and more; audited from files and from three nodes" % first["size"])


main()
