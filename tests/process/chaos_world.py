"""Real nodes in network namespaces, with weather between them and clients that append.

The process that made a World is itself in the clients' namespace. Nodes are started by the main thread
only: they end when it does."""
import concurrent.futures
import ctypes
import json
import os
import random
import re
import resource
import select
import signal
import struct
import subprocess
import threading
import time

import chaos_history
import support

NOT_ABLE = 77
# What no node may say, whatever happens to it: signed contradictions, forgeries, defects.
NEVER = re.compile(r" (halted|second_leader|two_blocks_one_place|root_divergent|block_refused|void_recorded|"
                   r"cosignature_refused|apply_failed|checkpoint_failed|blocks_malformed|log_lost)\b|Sanitizer|Assertion")


class Failure(Exception):
    """A promise was broken in a way that ends the run."""


class NotAble(Exception):
    """This machine or user can make no namespaces."""


class Weather:
    """The process that switches all packets; places are numbered from 1."""

    def __init__(self, places, seed):
        self.process = subprocess.Popen([os.path.join(support.BIN, "weather"), str(places), str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        line = self.process.stdout.readline().strip()
        if not line.startswith("ready "):
            self.process.wait()
            raise NotAble(line)
        self.holders = [int(pid) for pid in line.split()[1:]]

    def say(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline().strip()
        if answer.startswith("error") or not answer:
            raise Failure("weather: %s: %s" % (line, answer))
        return answer

    def link(self, a, b, both=True, **rule):
        words = " ".join("%s=%s" % item for item in rule.items())
        self.say("link %s %s %s" % (a, b, words))
        if both:
            self.say("link %s %s %s" % (b, a, words))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class World:
    """A cluster of `nodes` members n1, n2, ... in `folder`; `close` ends all of it."""

    def __init__(self, folder, nodes, seed, profile="lan"):
        self.dir, self.count = folder, nodes
        self.names = ["n%d" % n for n in range(1, nodes + 1)]
        self.history = chaos_history.History()
        self.processes, self.down, self.starts = {}, set(), 0
        self.clients_place, self.guest_place = nodes + 1, nodes + 2
        self.guests = []  # members that came and went: their names
        self.weather = Weather(nodes + 2, seed)
        support.good(os.path.join(support.SOURCE, "cluster/local"), "make", "--dir=" + folder, "--nodes=%d" % nodes,
                     "--net=198.18.0", "--profile=" + profile)
        with open("/proc/%d/ns/net" % self.weather.holders[self.clients_place - 1], "rb") as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0) != 0:
                raise NotAble("setns: " + os.strerror(ctypes.get_errno()))
        self.urls = {name: "tls+tcp://198.18.0.%d:7500" % self.place(name) for name in self.names}
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.pool = concurrent.futures.ThreadPoolExecutor(nodes)
        self.faults = {}
        for name in self.names:
            self.fault_file(name)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def place(self, name):
        return self.guest_place if name in self.guests else int(name[1:])

    def fault_file(self, name, **changes):
        """What disk and clock of a node do from now on (tests/support/fault_io.c); what is not named stays."""
        faults = self.faults.setdefault(name, {"sync_ms": 0, "clock_ms": 0, "sync_fails": 0})
        faults.update(changes)
        path = self.path(name + ".faults")
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.write(struct.pack("=qqq", faults["sync_ms"], faults["clock_ms"], faults["sync_fails"]))

    def guest(self):
        """The name of a new node at the place for guests, with a key and nothing else."""
        name = "g%d" % (len(self.guests) + 1)
        self.guests.append(name)
        support.good("tallyd", "keygen", "--name=" + name, "--out=" + self.path(name + ".key"))
        return name

    def make_guest(self, name, member):
        """The data directory and the configuration of a guest that is the member of this id."""
        support.good("tallyd", "init", "--genesis=" + self.path("ledger.genesis"), "--key=" + self.path(name + ".key"),
                     "--data=" + self.path(name + ".data"), "--member=%d" % member)
        url = "tls+tcp://198.18.0.%d" % self.guest_place
        with open(self.path("n1.yaml"), encoding="utf-8") as file:
            tls = file.read().split("\ntls:", 1)[1]
        with open(self.path(name + ".yaml"), "w", encoding="utf-8") as file:
            file.write("data: %s.data\nlisten: {peers: %s:7400, clients: %s:7500}\npeers:\n" % (name, url, url))
            for other in self.names:
                peer = self.urls[other].removesuffix(":7500")
                file.write("  - {name: %s, peer: %s:7400, client: %s:7500}\n" % (other, peer, peer))
            file.write("tls:" + tls)
        self.fault_file(name)

    def begin_tally(self, *words):
        """A `tally` command of the admin that goes on beside everything else: its process."""
        words = ["tally", *words, "--key=" + self.path("keys", "admin"), "--json",
                 "--cluster=" + ",".join(self.urls.values()), "--ca=" + self.path("members.crt")]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # ---- nodes

    def start(self, name):
        log = open(self.path(name + ".log"), "ab")
        words = ["nsenter", "-t", str(self.weather.holders[self.place(name) - 1]), "-n",
                 "setpriv", "--pdeathsig", "KILL", os.path.join(support.BIN, "tallyd_faults"), "run",
                 "--config=" + self.path(name + ".yaml")]
        with log:
            self.processes[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                                    env=dict(os.environ, TALLY_FAULT_FILE=self.path(name + ".faults")))
        self.down.discard(name)
        self.starts += 1

    def end(self, name, how=signal.SIGKILL):
        self.down.add(name)
        process = self.processes[name]
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # a core file says where it hangs
            process.wait()
            if how == signal.SIGTERM:
                self.history.problem("%s did not end within 30 s of SIGTERM" % name)

    def signal(self, name, how):
        self.processes[name].send_signal(how)

    def alive(self):
        """Every node that should run runs."""
        for name in self.names:
            if name not in self.down and name in self.processes and self.processes[name].poll() is not None:
                raise Failure("%s ended by itself with status %d: %s" % (
                    name, self.processes[name].returncode, self.log_end(name, 5)))

    def log_end(self, name, lines):
        return "\n" + support.run("tail", "-n", lines, self.path(name + ".log")).out

    # ---- questions

    def tally(self, *words, urls=None, timeout=60):
        return support.run("tally", *words, "--cluster=" + (urls or ",".join(self.urls.values())),
                           "--ca=" + self.path("members.crt"), timeout=timeout)

    def ask(self, name):
        """What a node says of itself; None: no answer."""
        result = self.tally("cluster", "status", "--json", "--timeout=1", urls=self.urls[name])
        return result.json()["nodes"][0] if result.status == 0 else None

    def ask_all(self):
        return dict(zip(self.names, self.pool.map(self.ask, self.names)))

    def leader(self):
        """The name of the leader of the newest term that a majority of the nodes knows."""
        answers = [a for a in self.ask_all().values() if a]
        leaders = [a for a in answers if a["role"] == "leader"]
        if 2 * len(answers) <= len(self.names) or not leaders:
            return None
        return max(leaders, key=lambda a: a["term"])["name"]

    def until(self, condition, what, seconds=90):
        deadline = time.monotonic() + seconds
        while True:
            self.alive()
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failure("not within %d s: %s\n%s" % (seconds, what, json.dumps(self.ask_all())))
            select.select([], [], [], 0.03)

    def publishes(self, since):
        """All nodes answer, agree on a leader's term, and have published what they had when asked first; and
        a client was answered after `since`."""
        before = self.ask_all()
        if not all(before.values()) or len({a["term"] for a in before.values()}) != 1:
            return False
        mark = max(a["records"] for a in before.values())
        after = self.until(lambda: (lambda all_: all(
            a and a["published"] >= mark for a in all_.values()) and all_)(self.ask_all()), "all is published")
        with self.history.lock:
            newest = self.history.acknowledged_at[-1] if self.history.acknowledged_at else 0
        return any(a["role"] == "leader" for a in after.values()) and newest > since

    def quiet(self):
        """All nodes have the same records, all of them published."""
        answers = self.ask_all().values()
        return all(answers) and len({(a["records"], a["published"]) for a in answers}) == 1 and all(
            a["records"] == a["published"] for a in answers)

    def root(self, name):
        """Fetch the checkpoint of a node into the history; (size, root) or None."""
        path = self.path("root-%s-%d" % (name, threading.get_ident()))
        result = self.tally("prove", "--index=0", "--out=" + path, "--timeout=2", urls=self.urls[name])
        if result.status != 0:
            return None
        size, root = checkpoint_of(path)
        self.history.root(size, root, "a proof of " + name)
        return size, root

    def ledger(self, name):
        return [json.loads(line) for line in support.good(
            "tally", "log", "--json", "--cluster=" + self.urls[name], "--ca=" + self.path("members.crt"),
            timeout=300).out.splitlines()]

    def said_never(self):
        """Lines of the logs that no weather explains."""
        for name in self.names + [g for g in self.guests if os.path.exists(self.path(g + ".log"))]:
            with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if NEVER.search(line):
                        yield "%s: %s" % (name, line.strip())

    def close(self):
        self.pool.shutdown()
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.weather.close()


def checkpoint_of(path):
    """Size and root in a .tlog-proof file: the note after the first empty line."""
    import base64
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n\n", 1)[1].splitlines()
    return int(lines[1]), base64.b64decode(lines[2]).hex()


class Clients:
    """Threads that append through `tally`, one event after the other, until `stop`; and one that
    collects roots. Every event and every answer is in the history."""

    def __init__(self, world, count, seed, timeout=4):
        self.world, self.history, self.timeout = world, world.history, timeout
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.guard, args=(self.client, n, random.Random("%d/%d" % (seed, n))))
                        for n in range(count)]
        self.threads.append(threading.Thread(target=self.guard, args=(self.roots, random.Random(seed))))
        with open(world.path("ledger.trust"), encoding="utf-8") as file:
            self.ledger_id = re.search(r"# tally ledger ([0-9a-f]{64})", file.read())[1]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def guard(self, call, *arguments):
        try:
            call(*arguments)
        except Exception as error:  # a defect of the test is no reason to call a run clean
            self.history.problem("%s%s: %r" % (call.__name__, arguments, error))

    def roots(self, draw):
        while not self.ended.wait(0.5):
            self.world.root(draw.choice(self.world.names))

    def client(self, number, draw):
        sequence = 0
        while not self.ended.is_set():
            sequence += 1
            self.one(number, sequence, draw)

    def one(self, number, sequence, draw):
        """One event: send it until its outcome is known, or give it up sometimes."""
        now = int(time.time() * 1000)
        event_id = "%012x7%03x8%015x" % (now, draw.getrandbits(12), draw.getrandbits(60))
        subject = "model/c%d-%d" % (number, sequence)
        path = self.world.path("client-%d" % number)
        with open(path + ".json", "w", encoding="utf-8") as file:
            json.dump({"subject": subject, "event_id": event_id, "claimed_time_ms": now, "ledger_id": self.ledger_id,
                       "model_created": {"name": subject[6:], "owner": "principal/author",
                                         "risk_tier": "RISK_TIER_LOW"}}, file)
        proof = draw.random() < 0.25
        words = ["append", "--key=" + self.world.path("keys", "author"), "--json", "--timeout=%d" % self.timeout]
        words += ["--out=" + path, "--trust=" + self.world.path("ledger.trust")] if proof else ["--ack=committed"]
        operation = chaos_history.Operation(number, sequence, event_id, subject, time.monotonic())
        self.history.begin(operation)
        while not self.send(operation, words + [path + ".json"]):
            if self.ended.is_set() or draw.random() < 0.2:
                break
        if proof and operation.outcome == chaos_history.ACKNOWLEDGED:
            self.history.root(*checkpoint_of(path), "the receipt of " + operation.name())
        for name in (path, path + ".pending"):
            if os.path.exists(name):
                os.unlink(name)

    def send(self, operation, words):
        """True: the outcome is known."""
        urls = list(self.world.urls.values())
        random.Random(operation.sequence).shuffle(urls)
        operation.sends += 1
        result = self.world.tally(*words, urls=",".join(urls))
        ended = time.monotonic()
        if result.status == 0:
            self.history.acknowledge(operation, result.json()["index"], ended)
            return True
        if result.status == 9 and operation.sends == 1:  # busy: taken by nobody
            operation.outcome, operation.ended = chaos_history.FAILED, ended
            return True
        # The trust file is of the first members: a checkpoint that a guest signed is not for it. Another has one, too.
        if result.status == 4 and self.world.guests and "no log key of the trust file" in result.text:
            return False
        if result.status not in (9, 10, 14):
            self.history.problem("%s: exit %d: %s" % (operation.name(), result.status, result.text))
            return True
        return False
