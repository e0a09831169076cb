#!/usr/bin/env python3
"""Goal: bytes, frames and requests of no form, and a member's key in wrong hands, end no node and lose nothing. Method:
the shorter rows of the hostile runner that need no quiet machine, with its time limits off."""
import os
import subprocess
import sys

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile")
ROWS = ["raw_bytes", "garbage_in_tls", "bad_requests", "vanish", "peer_garbage", "another_key", "stolen_key"]
sys.exit(subprocess.run([RUNNER, "--patient", *ROWS], check=False).returncode)
