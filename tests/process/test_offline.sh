#!/usr/bin/env bash
# Goal: the built `tally` does on files what scripts rely on, without a network. Method: the binary
# itself in a folder of its own; every exit status that can be reached with no cluster.
set -euo pipefail

bin=${TALLY_BIN_DIR:?the folder with tally and tallyd}
sources=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/tally-offline.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

run() { # STATUS ARGS...: run tally and compare the exit status
    local want=$1 status=0
    shift
    "$bin/tally" "$@" >out 2>err || status=$?
    [ "$status" -eq "$want" ] || { echo "tally $*: exit status $status, not $want"; cat out err; exit 1; }
}
has() { grep -qF -- "$2" "$1" || { echo "no '$2' in:"; cat "$1"; exit 1; }; }

# Command lines.
run 64
run 64 nonsense
run 64 keygen --name=a
run 64 keygen --name=a --name=b --out=x
run 64 log --cluster=tcp://127.0.0.1:1 --limit=
run 0 --help
run 0 help verify
run 0 version
run 0 man
has out ".TH TALLY 1"

# Keys.
run 0 keygen --name=alice --out=alice
[ "$(stat -c %a alice)" = 600 ]
run 13 keygen --name=alice --out=alice
run 1 keygen --name=Alice --out=other
run 11 keygen --name=bob --out=no/such/folder/bob
run 0 keygen --name=root --out=root
run 0 keygen --name=second --out=second

# A node's public file, as `tallyd keygen` writes it; nobody signs with it here.
node() {
    printf 'tally-node v1\nname %s\nincarnation %s\n' "$1" "$2"
    for key in log cosign peer; do printf '%s %s\n' $key "$(printf '%s %s' "$1" $key | sha256sum | cut -c1-64)"; done
}
for i in 1 2 3; do node n$i $((i + 6)) >n$i.pub; done

# Genesis.
cat >genesis.yaml <<YAML
name: acme
members:
  - {name: n1, site: berlin, key: n1.pub}
  - {name: n2, site: oslo, key: n2.pub}
  - {name: n3, site: rome, key: n3.pub}
root: {threshold: 1, keys: [root.pub, second.pub]}
principals:
  - {id: alice, kind: human, keys: [alice.pub], roles: [author]}
YAML
run 7 genesis new --config=no.yaml --stolen-keys=1 --out=genesis
run 1 genesis new --config=genesis.yaml --stolen-keys=3 --out=genesis
sed 's/author/king/; s/rome/Rome/' genesis.yaml >faults.yaml
run 2 genesis new --config=faults.yaml --stolen-keys=1 --out=genesis
has err "faults.yaml:5:22:"
has err "faults.yaml:8:57:"
: >empty.yaml
run 2 genesis new --config=empty.yaml --stolen-keys=1 --out=genesis
run 0 genesis new --config=genesis.yaml --stolen-keys=1 --out=genesis
run 25 genesis seal --out=sealed --trust=trust genesis
run 25 genesis sign --key=alice genesis
run 0 genesis sign --key=root genesis
run 13 genesis sign --key=root genesis
run 25 genesis seal --out=sealed --trust=trust genesis
has err "1 of 2 root keys have not signed"
run 0 genesis sign --key=second genesis
run 0 genesis seal --out=sealed --trust=trust genesis
has trust "quorum members"
run 13 genesis seal --out=sealed --trust=trust genesis
run 2 genesis sign --key=root genesis.yaml
chmod 644 root
run 1 genesis sign --key=root genesis
has err "root"
chmod 600 root

# Adapter directories.
run 7 adapter root nothing
mkdir adapter empty
run 7 adapter root empty
printf weights >adapter/adapter_model.safetensors
run 0 adapter root adapter
cp out first
run 0 adapter root adapter
cmp -s out first
ln -s /dev/null adapter/null
run 1 adapter root adapter
has err "adapter/null"
rm adapter/null
ln -s "$dir/first" adapter/link # a link to a regular file counts as that file
run 0 adapter root --json adapter
has out '"file_count": 2'
run 2 adapter show adapter # the bytes above are no safetensors file
has out "adapter_model.safetensors: broken"
"$sources/cluster/sample-adapter" sample
run 0 adapter show sample
has out "16 tensors, 8192 parameters"
[ ! -s err ] # nothing to warn of, and no progress on a file
run 0 adapter show --json sample
has out '"schema": "peft"'

# Unreadable input; what needs receipts of a real ledger is in tests/unit/test_cli_files.c.
run 7 verify --trust=trust --proof=no.tlog-proof
run 7 verify --trust=no.trust --proof=trust
run 11 verify --trust=trust --proof=.
run 2 verify --trust=trust --proof=genesis.yaml
run 2 verify --trust=genesis.yaml --proof=trust
run 2 sign --key=alice genesis.yaml

# Output that cannot be written is an error.
status=0
"$bin/tally" help >/dev/full 2>err || status=$?
[ "$status" -eq 11 ] || { echo "help >/dev/full: exit status $status, not 11"; exit 1; }

# A node that is not there.
run 1 log --cluster=nonsense
run 1 log --cluster=tls+tcp://127.0.0.1:1
run 10 get --cluster=tcp://127.0.0.1:1 --timeout=1 --index=0
has err "tally get:"
echo "offline: all as promised"
