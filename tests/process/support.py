"""Real nodes for tests: clusters by cluster/local, commands by their binaries.

TALLY_BIN_DIR holds tally and tallyd, TALLY_SOURCE_DIR the project. Nothing here sleeps to wait for
something: `until` asks again until a condition holds, for at most a minute.
"""
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("TALLY_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TALLY_BIN_DIR") or os.path.join(SOURCE, "build", "asan", "bin")
os.environ["PATH"] = BIN + os.pathsep + os.environ["PATH"]


def fail(text):
    print("FAILED:", text)
    sys.exit(1)


def check(condition, text):
    if not condition:
        fail(text)


def until(condition, what, seconds=60):
    """Ask `condition` until it is true; its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            fail("not within %d s: %s" % (seconds, what))
        select.select([], [], [], 0.05)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        self.text = out + err

    def json(self):
        return json.loads(self.out)


def run(*arguments, timeout=120, cwd=None):
    done = subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, cwd=cwd, check=False)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def good(*arguments, **options):
    result = run(*arguments, **options)
    check(result.status == 0, "%s: exit %d\n%s" % (" ".join(map(str, arguments)), result.status, result.text))
    return result


class Cluster:
    """A running cluster in a temporary folder; use it in a `with`."""

    def __init__(self, nodes=3, stolen_keys=0, profile="lan"):
        self.dir = tempfile.mkdtemp(prefix="tally-test-")
        self.nodes, self.stolen, self.profile = nodes, stolen_keys, profile

    def __enter__(self):
        try:
            self.local("start", "--nodes=%d" % self.nodes, "--stolen-keys=%d" % self.stolen, "--profile=" + self.profile)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.env = {}
        with open(self.path("env"), encoding="utf-8") as lines:
            for line in lines:
                key, value = line.removeprefix("export ").strip().split("=", 1)
                self.env[key] = value
        self.urls = self.env["TALLY_CLUSTER"].split(",")
        return self

    def logs(self, lines=20):
        """The ends of the nodes' logs, for who looks at a failure."""
        for n in range(1, self.nodes + 1):
            if os.path.exists(self.path("n%d.log" % n)):
                print("---- n%d" % n)
                print(good("tail", "-n", lines, self.path("n%d.log" % n)).out, end="")

    def __exit__(self, kind=None, *_):
        if kind is not None:
            self.logs()
        for n in range(1, self.nodes + 1):  # a stopped process ends only after SIGCONT
            if os.path.exists(self.path("n%d.pid" % n)):
                run(os.path.join(SOURCE, "cluster/local"), "resume", "--dir=" + self.dir, "--node=n%d" % n)
        run(os.path.join(SOURCE, "cluster/local"), "stop", "--dir=" + self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def local(self, command, *options):
        return good(os.path.join(SOURCE, "cluster/local"), command, "--dir=" + self.dir, *options)

    def key(self, who):
        return self.path("keys", who)

    def tally(self, *arguments, urls=None, **options):
        words = ["tally", *arguments, "--cluster=" + (urls or self.env["TALLY_CLUSTER"]), "--ca=" + self.env["TALLY_CA"]]
        return run(*words, **options)

    def append(self, who, event, *options, out=None, **more):
        """Append a dict (or a file) as `who`; with `out` a receipt, else until it is committed."""
        path = event
        if isinstance(event, dict):
            path = self.path("event-%s.json" % secrets.token_hex(6))
            with open(path, "w", encoding="utf-8") as file:
                json.dump(event, file)
        words = ["--out=" + out, "--trust=" + self.env["TALLY_TRUST"]] if out else ["--ack=committed"]
        return self.tally("append", "--key=" + self.key(who), *words, *options, path, **more)

    def status(self):
        result = self.tally("cluster", "status", "--json", "--timeout=2")
        return result.json() if result.status == 0 else None

    def records(self, url):
        """Every record that one node has, as JSON lines."""
        return good("tally", "log", "--json", "--cluster=" + url, "--ca=" + self.env["TALLY_CA"]).out.splitlines()

    def wait(self):
        """All nodes up, with the same records, all of them published."""
        self.local("wait")


def model(name):
    return {"subject": "model/" + name,
            "model_created": {"name": name, "owner": "principal/author", "risk_tier": "RISK_TIER_LOW"}}


def digest(text):
    import hashlib
    return hashlib.sha256(text.encode()).hexdigest()


def base(name):
    return {"subject": "base/" + name,
            "artifacts": [{"role": "weights", "manifest_root": digest(name), "size": 1, "file_count": 1}],
            "base_model_registered": {"name": name}}
