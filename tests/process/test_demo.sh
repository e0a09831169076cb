#!/usr/bin/env bash
# Goal: the first command of the README does what it says. Method: run it, and look for its last line.
set -eu
cd "$TALLY_SOURCE_DIR"
cluster/demo | tee /dev/stderr | tail -n 1 | grep -qx 'Done.'
