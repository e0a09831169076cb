#!/usr/bin/env python3
"""Who may include whom. Prints each include that breaks a rule as file:line; exit status 1 if there is one.

The rules are those of docs/architecture.md. Every folder may include itself, lib/base and lib/include."""
import pathlib
import re
import sys

LIB = {"base", "crypto", "merkle", "note", "event", "receipt", "client", "config", "policy"}
NODE = {"raft", "store", "ledger", "net", "publish", "loop"}

# Folder -> the folders it may include. A file directly in a folder of the top level belongs to that folder.
MAY = {
    "lib/base": set(),
    "lib/crypto": set(),
    "lib/merkle": {"crypto"},
    "lib/event": {"crypto", "merkle"},
    "lib/note": {"crypto", "merkle"},
    "lib/receipt": {"crypto", "merkle", "note", "event"},
    "lib/policy": {"crypto", "event"},
    "lib/client": LIB,
    "lib/config": {"policy", "event"},  # a policy as YAML
    "lib/include": set(),
    "node/raft": set(),
    "node/store": {"crypto"},
    "node/ledger": {"crypto", "merkle", "note", "event", "receipt", "policy", "store"},
    "node/net": LIB | {"store", "ledger", "raft"},  # peer_codec encodes the messages of raft.h
    "node/publish": LIB | {"store", "ledger"},
    "node/loop": LIB | NODE,
    "node": LIB | NODE,
    "tools/tally": LIB | {"tally", "ledger"},  # only ledger/replay.h: docs/decisions/audit-shares-apply.md
    "tests": LIB | NODE | {"tally", "support", "sim"},
}

# The node's core is pure: no clock and no I/O. <stdlib.h> is for the memory that raft_open() takes, once.
PURE = {"node/raft": {"stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h", "inttypes.h"}}

# Third-party header (its first path component, or the whole name) -> files that may include it.
THIRD = {
    "openssl": r"lib/crypto/(hash|pem)\.c",  # pem: keys and certificates of others, on curves that libsodium lacks
    "sodium.h": r"lib/crypto/\w+\.c",
    "nng": r"(node/net|lib/client)/\w+\.[ch]",
    "mbedtls": r"node/net/\w+\.c",
    "rocksdb": r"node/store/store_rocksdb\w*\.[ch]",
    "jansson.h": r"(lib/event/\w+|tools/tally/\w+|node/main)\.c",
    "yaml.h": r"lib/config/\w+\.c",
    "popt.h": r"tools/tally/cli\.c|node/main\.c",
    "protobuf-c": r"lib/event/\w+\.[ch]|(lib/client|lib/policy|node/net)/\w+\.c",
    "check.h": r"tests/.*",
}
GENERATED = r"(lib/event|lib/client|lib/policy|node/net)/\w+\.c"

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    """The key of MAY for a source file, or None."""
    parts = path.parts
    if parts[0] == "tests":
        return "tests"
    for count in (2, 1):
        key = "/".join(parts[:count])
        if len(parts) > count and key in MAY:
            return key
    return None


def fault(path, root, folder, kind, name):
    """What is wrong with this include, or None."""
    first = name.split("/")[0]
    text = path.relative_to(root).as_posix()
    if name.endswith(".pb-c.h"):
        if folder == "tests" or re.fullmatch(GENERATED, text):
            return None
        return "generated headers belong to .c files of lib/event, lib/client, lib/policy and node/net"
    if kind == "<":
        if first in THIRD and folder != "tests" and not re.fullmatch(THIRD[first], text):
            return f"<{first}> may be included by {THIRD[first]}"
        if folder in PURE and first != "tally" and name not in PURE[folder]:
            return f"{folder} is pure and includes no <{name}>"
        return None
    if "/" not in name:
        return None if (path.parent / name).exists() else f'no "{name}" beside this file'
    own = folder.split("/")[-1]
    if first in {own, "base"} or first in MAY[folder]:
        return None
    return f"{folder} may include {', '.join(sorted(MAY[folder] | {own, 'base'}))}"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    faults = count = 0
    for top in ("lib", "node", "tools", "tests"):
        for path in sorted((root / top).rglob("*.[ch]")):
            relative = path.relative_to(root)
            folder = folder_of(relative)
            count += 1
            if folder is None:
                print(f"{relative}: no rule for this folder; add one to tools/dev/layers.py")
                faults += 1
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                why = found and fault(path, root, folder, found[1], found[2])
                if why:
                    print(f"{relative}:{number}: {found[2]}: {why}")
                    faults += 1
    if count == 0:
        print("no sources found")
        faults = 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
