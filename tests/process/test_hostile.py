#!/usr/bin/env python3
"""Goal: who reaches the ports of a node can refuse nobody else's service and end no node. Method: three real nodes and
an honest client that appends all the time, while each row below attacks the leader. After each: every node lives, with
less than a GiB resident, each append was answered in time, and at most one change of leader came of it."""
import os
import socket
import ssl
import struct
import sys
import threading
import time

import support
from attacker import (LOG, PULL, PUSH, REQ, STATUS, Gone, Line, attempt, client, descriptors, field, garbage, hello_of_tls,
                      host_port, log_wait, memory, raise_descriptors, silent, varint)
from support import Cluster, check, model, until

ANSWER_S = 5
# The address sanitizer keeps freed memory; so little of it that its figures mean something.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8:thread_local_quarantine_size_kb=64"
MEMORY_MAX = 1 << 30
REQUEST_MAX = 1114112


class Honest(threading.Thread):
    """Appends one event after the other, each by a `tally` of its own."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.ended, self.times, self.problems = cluster, threading.Event(), [], []
        self.count = 0

    def run(self):
        while not self.ended.is_set():
            name = "honest-%d" % self.count
            self.count += 1
            began = time.monotonic()
            result = self.cluster.append("author", model(name), "--timeout=20")
            self.times.append(time.monotonic() - began)
            if result.status != 0:
                self.problems.append("%s: exit %d: %s" % (name, result.status, result.text))

    def sample(self, count=3):
        """So many appends that began and ended from here on; the slowest of all since the last sample."""
        before = len(self.times)
        until(lambda: len(self.times) > before + count or self.problems, "appends go on")
        check(not self.problems, "\n".join(self.problems))
        times, self.times = self.times, []
        return max(times)


class Siege:
    def __init__(self, cluster):
        self.cluster, self.names, self.held = cluster, ["n%d" % n for n in range(1, cluster.nodes + 1)], []
        self.number = 0

    def pid(self, name):
        with open(self.cluster.path(name + ".pid"), encoding="ascii") as file:
            return int(file.read())

    def term_and_leader(self):
        status = until(lambda: (lambda s: s if s and s["leader"] else None)(self.cluster.status()), "a leader", 30)
        return max(n.get("term", 0) for n in status["nodes"]), status["leader"]

    def client_url(self, name):
        return self.cluster.urls[self.names.index(name)]

    def peer_url(self, name):
        return self.client_url(name).replace(":7500", ":7400")

    def cert(self, name):
        return self.cluster.path(name + ".tls")

    def log(self, name):
        with open(self.cluster.path(name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def sessions_with_n3(self, name):
        return self.log(name).count("peer_session member=3")

    def check_nodes(self, what, down=()):
        most = 0
        for name in self.names:
            if name in down:
                continue
            got = memory(self.pid(name))
            check(got, "%s: %s has ended" % (what, name))
            check(got[1] < MEMORY_MAX, "%s: %s had %d MiB resident" % (what, name, got[1] >> 20))
            most = max(most, got[1])
        return most


# ---- rows: each gets the siege and the leader's name ------------------------------------------------


def raw_bytes(siege, leader):
    """Bytes that are no TLS, on both ports."""
    for url in (siege.client_url(leader), siege.peer_url(leader)):
        for seed in range(60):
            with Line(url, tls=False) as line:
                attempt(line.give, garbage(1 + seed * 37, seed))
                if seed % 3 == 0:
                    attempt(line.take, 1)
        for record in (b"\x16\x03\x03\xff\xff", b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x03", b"\x00" * 5, b"\0SP\0\0\x30\0\0"):
            with Line(url, tls=False) as line:
                attempt(line.give, record + garbage(70000, 1))


def half_handshakes(siege, leader):
    """The first bytes of TLS, then the end of the connection; TLS without a certificate on the peer port."""
    for url in (siege.client_url(leader), siege.peer_url(leader)):
        whole = len(hello_of_tls())
        for size in [*range(1, whole, 9), whole]:
            with Line(url, tls=False) as line:
                attempt(line.give, hello_of_tls(size))
    for _ in range(10):
        line = attempt(Line, siege.peer_url(leader))
        check(line is None or line.over(), "the peer port takes a connection without a certificate")


def garbage_in_tls(siege, leader):
    """Inside TLS: garbage, protocols that are not ours, lengths that nothing has."""
    doors = ((siege.client_url(leader), None, REQ), (siege.peer_url(leader), siege.cert("n3"), PUSH))
    for url, cert, ours in doors:
        for seed in range(8):
            with Line(url, cert=cert) as line:
                attempt(line.give, garbage(1 + seed * 300, seed))
        for protocol in (0, 0x10, 0x20, REQ + 1, PULL, 0x62, 0x70, 0xffff):
            with Line(url, cert=cert) as line:
                attempt(line.begin, protocol)
                check(line.over(), "a connection of protocol %#x stays" % protocol)
        for length in (REQUEST_MAX + 4096, 1 << 31, 1 << 32, 1 << 62, (1 << 64) - 1):
            with Line(url, cert=cert) as line:
                line.begin(ours)
                attempt(line.give, struct.pack(">Q", 4 << 20 if length < 1 << 31 else length) + garbage(1000, 1))
                check(line.over(), "a message of %d bytes does not end its connection" % length)


def nested(depth):
    body = b""
    for _ in range(depth):
        body = field(1, body)
    return body


def bad_requests(siege, leader):
    """Requests that are none; each gets an answer that says so, or the end of its connection."""
    bodies = [b"", b"\xff", STATUS + b"\xff", STATUS + STATUS, LOG[:-1], field(9, b"\x01"), field(1, b""), field(200, b"x"),
              nested(3000), field(1, nested(1500)), field(1, field(1, garbage(1 << 20, 5))), field(7, field(1, b"\xff\xfe")),
              field(1, b"\x0a\x00" * 200000), field(8, b"\x08\x01\x10\x01" + field(3, b"k" * 32) + field(4, b"s" * 64)),
              b"\x0a" + varint(1 << 40), field(3, b"\x28\x00"), field(4, b"\x08" + varint((1 << 64) - 1))]
    bodies += [garbage(size, size) for size in (2, 3, 17, 100, 1000, 65536, REQUEST_MAX - 4)]
    with client(siege.client_url(leader)) as line:
        for number, body in enumerate(bodies):
            line.request(body, number)
            answer = line.answer()
            check(answer[:1] == b"\x08", "request %d gets no error: %r" % (number, answer[:40]))
    with client(siege.client_url(leader)) as line:
        for head in (b"", b"\x00", b"\x80", b"\0\0\0\1" * 80):  # no request id, or too many
            attempt(line.message, head)
        attempt(line.request, STATUS)
    with client(siege.client_url(leader)) as line:
        attempt(line.request, b"x" * (REQUEST_MAX + 64))
        check(line.over(), "an oversized request does not end its connection")


def flood(siege, leader):
    """Small requests from many connections as fast as they go; then all vanish."""
    for _ in range(2):
        lines = [line for line in (attempt(client, siege.client_url(leader)) for _ in range(60)) if line]
        for turn in range(40):
            for line in lines:
                attempt(line.request, STATUS if turn % 2 else log_wait(10), turn)
                if turn % 2:
                    attempt(line.answer)
        for line in lines:
            for number in range(50):  # faster than answers come: the node hangs up
                attempt(line.request, STATUS, number)
            line.close()


def slow_readers(siege, leader):
    """Big answers asked for and never read, on many connections."""
    url = siege.client_url(leader)
    for number in range(160):
        line = attempt(client, url)
        if line:
            for _ in range(2 + number % 20 // 19 * 50):
                attempt(line.request, LOG)
            siege.held.append(line)


def long_waits(siege, leader):
    """Every place for a request taken by one that waits for a minute, and the connections kept."""
    url = siege.client_url(leader)
    for number in range(300):
        line = attempt(client, url)
        if line:
            for _ in range(2 + number % 20 // 19 * 50):
                attempt(line.request, log_wait(60000), number)
            siege.held.append(line)


def unfinished(siege, leader):
    """Big requests without their last byte."""
    body = struct.pack(">Q", REQUEST_MAX) + garbage(REQUEST_MAX - 1, 3)
    for _ in range(120):
        line = attempt(client, siege.client_url(leader))
        if line:
            attempt(line.give, body)
            siege.held.append(line)


def vanish(siege, leader):
    """Clients that are gone before their answer."""
    for number in range(90):
        line = attempt(client, siege.client_url(leader))
        if line:
            attempt(line.request, (LOG, STATUS, log_wait(5000))[number % 3])
            line.close()


def silence(siege, leader):
    """2,000 silent connections on the client port and 500 on the peer port, kept to the end."""
    for url, count in ((siege.client_url(leader), 2000), (siege.peer_url(leader), 500)):
        for begin in (b"", hello_of_tls(), hello_of_tls(40)):
            siege.held += silent(url, count // 3 + 1, begin)
    print("      %d descriptors at %s" % (descriptors(siege.pid(leader)), leader))


def envelope(kind, channel, sender, to, rest):
    return struct.pack(">BBBBII", 1, kind, channel, 0, sender, to) + rest


def peer_garbage(siege, leader):
    """With a member's TLS certificate and no key: frames of no form, and of forms, in every member's name."""
    to = siege.names.index(leader) + 1
    with Line(siege.peer_url(leader), cert=siege.cert("n3")) as line:
        line.begin(PUSH)
        for seed in range(300):
            line.message(garbage(seed % 230, seed))
        for sender in (0, 1, 2, 3, 4, 0xffffffff):
            for kind in (0, 1, 2, 3, 4):
                for size in (0, 63, 64, 200, 5000):
                    line.message(envelope(kind, sender % 3, sender, to, garbage(size, size)))
        for seed in range(20):
            line.message(envelope(3, 1, 2, to, garbage((2 << 20) - 4096, seed)))
        for seed in range(5000):
            line.message(envelope(3, 0, 2, to, garbage(60, seed)))
    for _ in range(5):
        with Line(siege.peer_url(leader), cert=siege.cert("n3")) as line:
            line.begin(PUSH)
            attempt(line.message, garbage((2 << 20) + 4096, 1))
            check(line.over(), "an oversized frame does not end its connection")


def impostor(siege, key, rounds):
    """The member n3, at its address and with its certificate, but with the key in the file `key`; what it says."""
    # NNG leaves TLS state behind where a connection was half made: no leak of ours.
    words = ["env", "ASAN_OPTIONS=" + os.environ["ASAN_OPTIONS"] + ":detect_leaks=0", os.path.join(support.BIN, "impostor"), key,
             "3", siege.cluster.status()["ledger_id"], siege.peer_url("n3"),
             siege.cert("n3") + ".crt", siege.cert("n3") + ".key", siege.cluster.path("members.crt"), rounds]
    for number, name in ((1, "n1"), (2, "n2")):
        words += [number, siege.cluster.path(name + ".key.pub"), siege.peer_url(name)]
    result = support.good(*words)
    return {k: int(v) for k, v in (word.split("=") for word in result.out.split())}


def frames_at_n3(siege):
    """Play n3's listener for a while: the frames that n1 and n2 send to it, by certificate or not they are those."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(siege.cert("n3") + ".crt", siege.cert("n3") + ".key")
    frames, end = [], time.monotonic() + 5
    with socket.create_server(host_port(siege.peer_url("n3")), reuse_port=False) as server:
        server.settimeout(1)
        lines = []
        while len(frames) < 20 and time.monotonic() < end:
            try:
                sock = context.wrap_socket(server.accept()[0], server_side=True)
                line = Line.__new__(Line)
                line.sock = sock
                sock.settimeout(0.3)
                lines.append(line)
                line.begin(PULL)
            except (OSError, ssl.SSLError, Gone):
                pass
            for line in lines:
                try:
                    while len(frames) < 40:
                        frames.append(line.take(struct.unpack(">Q", line.take(8))[0]))
                except Gone:
                    pass
        for line in lines:
            line.close()
    return frames


def another_key(siege, leader):
    """n3's address and certificate, not its key; then frames meant for n3, again and in another order."""
    key = siege.cluster.path("another.key")
    support.good("tallyd", "keygen", "--name=n3", "--out=" + key)
    before = [siege.sessions_with_n3(name) for name in ("n1", "n2")]
    told = impostor(siege, key, 1)  # n1 and n2 answer its Knock, so it has sessions; they have none
    check(told["sessions"] > 0 and told["sent"] == 0, "nobody answers a Knock, or tells it the term: %s" % told)
    check(before == [siege.sessions_with_n3(name) for name in ("n1", "n2")], "a session without the key")
    frames = frames_at_n3(siege)
    check(frames, "nobody dials n3")
    for name in ("n1", "n2"):
        with Line(siege.peer_url(name), cert=siege.cert("n3")) as line:
            line.begin(PUSH)
            for frame in frames * 20 + frames[::-1] * 20:
                swapped = frame[:4] + frame[8:12] + frame[4:8] + frame[12:]
                for data in (frame, swapped, frame[:-1], frame + b"x"):
                    line.message(data)


def stolen_key(siege, leader):
    """n3's address, certificate and key: messages of a member, and absurd."""
    told = impostor(siege, siege.cluster.path("n3.data", "node.key"), 20)
    check(told["sessions"] >= 2 and told["sent"] > 1000, "the impostor did not get through: %s" % told)
    for name in ("n1", "n2"):
        check("term_absurd" in siege.log(name), name + " did not see the absurd terms")


def few_descriptors(siege, leader):
    """2,500 connections on a node that may have 512 descriptors, while it also has blocks to write."""
    pid = siege.pid("n3")
    lines = silent(siege.client_url("n3"), 2000) + silent(siege.peer_url("n3"), 500)
    fill(siege.cluster)
    check(descriptors(pid) <= 400, "%d descriptors are in use" % descriptors(pid))
    siege.check_nodes("few_descriptors")
    for line in lines:
        line.close()
    until(lambda: attempt(client, siege.client_url("n3")), "n3 admits clients again")


ROWS = [raw_bytes, half_handshakes, garbage_in_tls, bad_requests, flood, slow_readers, vanish, long_waits, unfinished,
        peer_garbage, silence]


def attack(siege, honest, row, down=()):
    term, leader = siege.term_and_leader()
    began = time.monotonic()
    row(siege, leader)
    took = time.monotonic() - began
    slowest = honest.sample()
    after = siege.term_and_leader()[0]
    most = siege.check_nodes(row.__name__, down)
    print("  %-16s %4.1f s; slowest append %.2f s; term %d -> %d; at most %d MiB resident"
          % (row.__name__, took, slowest, term, after, most >> 20), flush=True)
    check(slowest < ANSWER_S, "%s: an append took %.1f s" % (row.__name__, slowest))
    check(after <= term + 1, "%s: %d changes of leader" % (row.__name__, after - term))


def fill(cluster):
    """Records enough for big answers."""
    result = cluster.tally("bench", "--key=" + cluster.key("author"), "--clients=2", "--batch=64", "--size=4096", "--seconds=1")
    check(result.status == 0, result.text)


def main():
    raise_descriptors()
    only = sys.argv[1:]
    # Attackers, honest clients and three nodes share one small machine: elections after 150 ms would measure that.
    with Cluster(profile="wan") as cluster:
        fill(cluster)
        siege, honest = Siege(cluster), Honest(cluster)
        honest.start()
        honest.sample()
        for row in ROWS:
            if not only or row.__name__ in only:
                attack(siege, honest, row)
        cluster.local("kill", "--node=n3")
        for row in (another_key, stolen_key):
            if not only or row.__name__ in only:
                attack(siege, honest, row, down=("n3",))
        support.good("prlimit", "--nofile=512", os.path.join(support.SOURCE, "cluster/local"), "restart",
                     "--dir=" + cluster.dir, "--node=n3")
        until(lambda: "n3" in [n["name"] for n in (cluster.status() or {"nodes": []})["nodes"] if n.get("records")], "n3 is back")
        if not only or "few_descriptors" in only:
            attack(siege, honest, few_descriptors)
        honest.ended.set()
        honest.join()
        for line in siege.held:
            line.close()
        cluster.wait()
        ledgers = [cluster.records(url) for url in cluster.urls]
        check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
        cluster.local("stop")
        for name in siege.names:
            support.good("tallyd", "check", "--data=" + cluster.path(name + ".data"))


main()
