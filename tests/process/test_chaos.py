#!/usr/bin/env python3
"""Goal: every kind of fault of tests/process/chaos, once, with a violation of nothing. Method: the chaos runner
with no time for combined faults; the seed is fixed, so a failure is looked for with the same draws."""
import os
import subprocess
import sys

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chaos")
sys.exit(subprocess.run([RUNNER, "--minutes=0", "--seed=20"], check=False).returncode)
