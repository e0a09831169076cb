#!/usr/bin/env python3
"""Goal: a full disk ends no node and loses nothing. Who has little space hands leadership on; who has none takes no
blocks, and still answers; a node that is started without space only answers; all of it ends by itself when there is
space again. Method: as root, each node's data directory in a file system of its own (ext4 in a file), which is filled
with one large file under load, at first nearly, then wholly; in the end all three at once."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import support
from support import Cluster, check, good, model, run, until

MIB = 1 << 20
SIZE = 2048 * MIB  # of each file system: eight times all write buffers
BALLAST = 256 * MIB
SKIPPED = 77


class NotAble(Exception):
    pass


class Disks:
    """One file system for each node; use it in a `with`, which unmounts whatever happens."""

    def __init__(self, names):
        self.names, self.mounted = names, []
        self.dir = tempfile.mkdtemp(prefix="tally-disks-")

    def __enter__(self):
        try:
            for name in self.names:
                self.mount(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def mount(self, name):
        image = self.path(name) + ".img"
        os.mkdir(self.path(name))
        with open(image, "wb") as file:
            file.truncate(SIZE)
        for words in (["mkfs.ext4", "-q", "-m", "0", image], ["mount", "-o", "loop", image, self.path(name)]):
            try:
                result = run(*words)
            except FileNotFoundError as error:
                raise NotAble("%s is not here" % error.filename) from error
            if result.status != 0:
                raise NotAble("%s: %s" % (words[0], result.err.strip()))
        self.mounted.append(name)

    def __exit__(self, *_):
        for name in self.mounted:
            if run("umount", self.path(name)).status != 0:
                run("umount", "--lazy", self.path(name))  # its loop device goes with the last file in it
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def free(self, name):
        status = os.statvfs(self.path(name))
        return status.f_bavail * status.f_frsize

    def fill(self, name, leave):
        """One more file, so that `leave` bytes are free, and nothing when that is 0."""
        number = sum(entry.startswith("filler") for entry in os.listdir(self.path(name)))
        size = self.free(name) - leave
        with open(self.path(name, "filler-%d" % number), "wb") as file:
            while size >= 4096:  # a file system keeps some blocks for its own tables
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                    return
                except OSError:
                    size //= 2

    def empty(self, name):
        for entry in os.listdir(self.path(name)):
            if entry.startswith("filler"):
                os.unlink(self.path(name, entry))


class Story:
    def __init__(self, cluster, disks):
        self.cluster, self.disks = cluster, disks
        self.names = disks.names
        self.acknowledged = []
        self.pids = {}

    # ---- what is there ----

    def url(self, name):
        return self.cluster.urls[self.names.index(name)]

    def log(self, name):
        with open(self.cluster.path(name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def count(self, name, event):
        return self.log(name).count(" " + name + " " + event + " ")

    def leader(self):
        status = self.cluster.status()
        return status["leader"] if status else ""

    def trouble(self, name):
        result = self.cluster.tally("cluster", "status", "--json", "--timeout=2", urls=self.url(name))
        return result.json()["nodes"][0].get("trouble") if result.status == 0 else None

    def alive(self):
        for name, pid in self.pids.items():
            with open("/proc/%s/stat" % pid, encoding="utf-8") as file:
                check(file.read().rsplit(")", 1)[1].split()[0] != "Z", "%s has ended" % name)

    def note_pid(self, name):
        with open(self.cluster.path(name + ".pid"), encoding="utf-8") as file:
            self.pids[name] = file.read().strip()

    # ---- what is done ----

    def move(self):
        """The data directories go onto the small disks: like any move, with the node stopped and the original gone."""
        self.cluster.local("stop")
        for name in self.names:
            data = self.cluster.path(name + ".data")
            good("cp", "-a", data, self.disks.path(name, "data"))
            os.unlink(self.disks.path(name, "data", "ballast"))  # as one that an older version made
            shutil.rmtree(data)
            os.symlink(self.disks.path(name, "data"), data)
            self.restart(name)
        self.cluster.wait()
        self.whole(self.names)

    def restart(self, name):
        self.cluster.local("restart", "--node=" + name)
        self.note_pid(name)

    def append(self, count, urls=None):
        for _ in range(count):
            subject = "m%d" % len(self.acknowledged)
            result = self.cluster.append("author", model(subject), "--json", urls=urls)
            check(result.status == 0, "append: exit %d %s" % (result.status, result.text))
            self.acknowledged.append((result.json()["index"], "model/" + subject))

    def whole(self, names):
        for name in names:
            until(lambda name=name: os.path.exists(self.disks.path(name, "data", "ballast")) and
                  self.trouble(name) == "", "%s has its ballast and may lead" % name)
            status = os.stat(self.disks.path(name, "data", "ballast"))
            check(status.st_size == BALLAST and status.st_blocks * 512 >= BALLAST, "the ballast of %s is hollow" % name)

    def reads(self, name, records):
        """A node without space still tells what it has, and proves it."""
        check(self.cluster.records(self.url(name))[:len(records)] == records, "%s tells another ledger" % name)
        proof = self.cluster.path("proof")
        index = self.acknowledged[0][0]
        result = self.cluster.tally("prove", "--index=%d" % index, "--out=" + proof, urls=self.url(name))
        check(result.status == 0, "%s proves nothing: %s" % (name, result.text))
        good("tally", "verify", "--trust=" + self.cluster.env["TALLY_TRUST"], "--proof=" + proof)
        os.unlink(proof)

    def refused(self):
        """An append to whoever takes it: nobody does, and says why."""
        event = model("refused")
        result = self.cluster.append("author", event, "--timeout=2")
        return result if result.status != 0 else None

    # ---- the story ----

    def init_without_space(self):
        """tallyd init says how much it needs and how much there is, and leaves the key where it is."""
        with tempfile.TemporaryDirectory() as folder:  # another ledger, with a key that has no directory yet
            good(os.path.join(support.SOURCE, "cluster/local"), "make", "--dir=" + folder, "--nodes=1")
            key = os.path.join(folder, "n1.data", "node.key")
            self.disks.fill("n1", 600 * MIB)
            words = ["tallyd", "init", "--genesis=" + os.path.join(folder, "ledger.genesis"), "--key=" + key,
                     "--data=" + self.disks.path("n1", "more")]
            result = run(*words)
            check(result.status == 11 and "640 MiB" in result.err and "599 MiB" in result.err, "init: exit %d %s" % (result.status, result.text))
            check(os.path.exists(key), "init took the key")
        self.disks.empty("n1")

    def one_node_without_space(self):
        full = until(self.leader, "a leader")
        others = ",".join(self.url(name) for name in self.names if name != full)
        load = subprocess.Popen(["tally", "bench", "--key=" + self.cluster.key("author"), "--clients=2", "--batch=64",
                                 "--size=1024", "--seconds=6", "--timeout=60", "--cluster=" + self.cluster.env["TALLY_CLUSTER"],
                                 "--ca=" + self.cluster.env["TALLY_CA"]], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.disks.fill(full, 200 * MIB)
        until(lambda: self.leader() not in ("", full), "another leads than %s" % full)
        check(self.count(full, "unfit_to_lead") > 0, "%s did not hand over" % full)
        until(lambda: "nearly full" in (self.trouble(full) or ""), "the status of %s says why" % full)
        self.disks.fill(full, 0)
        until(lambda: self.count(full, "ballast_released") == 1, "%s gives its ballast back" % full)
        until(lambda: "is full" in (self.trouble(full) or ""), "the status of %s says why" % full)
        said = load.communicate(timeout=120)[0].decode()
        check(load.returncode == 0, "the load was refused: " + said)
        self.append(3, urls=others)
        self.reads(full, self.cluster.records(self.url(full)))
        self.disks.fill(full, 0)
        until(lambda: "only answers" in (self.trouble(full) or ""), "%s writes no more" % full)
        self.append(3, urls=others)
        check(self.leader() != full, "%s leads without space" % full)
        self.reads(full, self.cluster.records(self.url(full)))
        self.alive()
        print("%s without space: another led, appends went on, it told and proved what it had" % full)
        self.disks.empty(full)
        self.whole([full])
        check(self.count(full, "space_good") == 1, "%s does not say that it has space again" % full)
        self.cluster.wait()

    def all_without_space(self):
        records = self.cluster.records(self.url(self.names[0]))
        for name in self.names:
            self.disks.fill(name, 0)
        for name in self.names:
            until(lambda name=name: "is full" in (self.trouble(name) or ""), "%s says that its disk is full" % name)
        until(lambda: (lambda r: r and r.status == 9 and "no space on the disk" in r.text)(self.refused()),
              "appends are refused as busy, with the reason")
        for name in self.names:
            self.reads(name, records)
        self.alive()
        for name in self.names:
            self.disks.fill(name, 0)
            until(lambda name=name: "only answers" in (self.trouble(name) or ""), "%s writes no more" % name)
        self.alive()
        self.start_without_space(records)
        for name in self.names:
            self.disks.empty(name)
        self.whole(self.names)
        self.cluster.wait()
        self.alive()
        self.append(3)
        print("all three without space: refused with the reason, a start only answered, whole again")

    def start_without_space(self, records):
        name = self.names[0]
        before = self.count(name, "read_only")
        self.cluster.local("kill", "--node=" + name)
        self.restart(name)
        until(lambda: self.count(name, "read_only") > before, "the log of %s says it" % name)
        until(lambda: "only answers" in (self.trouble(name) or ""), "%s is there and says why it does no more" % name)
        self.reads(name, records)
        result = self.cluster.append("author", model("refused"), "--timeout=2", urls=self.url(name))
        check(result.status == 9 and "no space on the disk" in result.text, "append: exit %d %s" % (result.status, result.text))

    def end(self):
        self.cluster.wait()
        ledgers = [self.cluster.records(url) for url in self.cluster.urls]
        check(ledgers[0] == ledgers[1] == ledgers[2], "the nodes tell different ledgers")
        records = [json.loads(line) for line in ledgers[0]]
        for index, subject in self.acknowledged:
            check(records[index]["event"]["event"]["subject"] == subject, "record %d is lost" % index)
        self.alive()
        self.cluster.local("stop")
        for name in self.names:
            checked = good("tallyd", "check", "--data=" + self.cluster.path(name + ".data"), "--json").json()
            check(checked["good"] and checked["ballast"], "%s: %s" % (name, checked))
        print("%d records, the same everywhere" % len(records))


def main():
    if os.geteuid() != 0:
        print("SKIP: only root can mount a file system to fill")
        sys.exit(SKIPPED)
    try:
        with Disks(["n1", "n2", "n3"]) as disks, Cluster() as cluster:
            story = Story(cluster, disks)
            story.move()
            story.append(3)
            story.init_without_space()
            story.one_node_without_space()
            story.all_without_space()
            story.end()
    except NotAble as error:
        print("SKIP: no file system can be mounted here: %s" % error)
        sys.exit(SKIPPED)


main()
