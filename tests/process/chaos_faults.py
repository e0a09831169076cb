"""The kinds of faults. Each is a generator over a World: it does something, yields how many seconds that
lasts, goes on, and when it ends everything is as before. What it did is put into `said`.

`KINDS` has them by name: the generator, and what it takes hold of. Kinds that take hold of different things
can come together."""
import errno
import json
import os
import signal

NODES, LINKS, DISK, CLOCK, MEMBERS = "nodes", "links", "disk", "clock", "members"
E_IO = 11
AGAIN = (8, 9, 10, 14, 16)  # no leader, busy, unknown, not published, another change was first: run it again
COMMANDS_MAX = 20


def leader_of(world, draw):
    """The leader; any node, when other faults have left none. Never waits: others must get to heal."""
    return world.leader() or draw.choice(world.names)


def often_leader(world, draw):
    return leader_of(world, draw) if draw.random() < 0.6 else draw.choice(world.names)


def kill_one(world, draw, said):
    """kill -9 of one node."""
    name = draw.choice(world.names)
    said.append(name)
    world.end(name)
    yield draw.uniform(0.5, 2)
    world.start(name)


def kill_leader(world, draw, said):
    """kill -9 of the leader."""
    name = leader_of(world, draw)
    said.append(name)
    world.end(name)
    yield draw.uniform(0.5, 2)
    world.start(name)


def kill_all(world, draw, said):
    """kill -9 of all nodes at once."""
    for name in world.names:
        world.signal(name, signal.SIGKILL)
        world.down.add(name)
    for name in world.names:
        world.end(name)
    yield draw.uniform(0, 0.5)
    for name in draw.sample(world.names, len(world.names)):
        world.start(name)


def pause(world, draw, said):
    """SIGSTOP of the leader, or of another node; later SIGCONT."""
    name = often_leader(world, draw)
    said.append(name)
    world.signal(name, signal.SIGSTOP)
    yield draw.uniform(0.3, 4)
    world.signal(name, signal.SIGCONT)


def rolling_restart(world, draw, said):
    """SIGTERM and a start, one node after the other, each when the one before is back."""
    for name in draw.sample(world.names, len(world.names)):
        world.end(name, signal.SIGTERM)
        world.start(name)
        yield 0.1
        while not world.ask(name):  # asked again and again; a fault beside this one may keep it away for a while
            yield 0.1


def files_of(folder):
    """All files of a data directory but the node's key, without which it is nobody, by their place."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(place, name)
            if name != "node.key" and ".damaged" not in place and os.path.getsize(path) > 0:
                yield path


def byte_flip(world, draw, said):
    """A bit of a file of a node flips while the node is down."""
    name = draw.choice(world.names)
    world.end(name)
    path = draw.choice(sorted(files_of(world.path(name + ".data"))))
    at, bit = draw.randrange(os.path.getsize(path)), draw.randrange(8)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
    said.append("%s: bit %d of byte %d of %s" % (name, bit, at, os.path.relpath(path, world.path(name + ".data"))))
    yield draw.uniform(0, 1)
    world.start(name)


def partition_leader(world, draw, said):
    """The leader hears nobody and nobody hears it, clients neither."""
    name = leader_of(world, draw)
    said.append(name)
    world.weather.link(world.place(name), "*", cut=1)
    yield draw.uniform(1, 4)
    world.weather.link(world.place(name), "*", cut=0)


def partition_minority(world, draw, said):
    """A minority with the leader in it is cut off from the other nodes; clients reach both sides."""
    leader = leader_of(world, draw)
    others = [n for n in world.names if n != leader]
    small = [leader] + draw.sample(others, (len(world.names) - 1) // 2 - 1)
    said.append(" ".join(small))
    pairs = [(world.place(a), world.place(b)) for a in small for b in world.names if b not in small]
    for a, b in pairs:
        world.weather.link(a, b, cut=1)
    yield draw.uniform(1, 4)
    for a, b in pairs:
        world.weather.link(a, b, cut=0)


def partition_one_way(world, draw, said):
    """What one node sends arrives at no other node; it hears them. Or the other way round."""
    name, deaf = often_leader(world, draw), draw.random() < 0.5
    said.append("%s is %s" % (name, "deaf" if deaf else "mute"))
    pairs = [(world.place(name), world.place(other)) for other in world.names if other != name]
    for a, b in pairs:
        world.weather.link(*((b, a) if deaf else (a, b)), both=False, cut=1)
    yield draw.uniform(1, 4)
    for a, b in pairs:
        world.weather.link(a, b, cut=0)


def flapping(world, draw, said):
    """The links between two nodes come and go several times a second."""
    a, b = draw.sample(world.names, 2)
    said.append("%s-%s" % (a, b))
    for _ in range(draw.randrange(4, 10)):
        world.weather.link(world.place(a), world.place(b), cut=1)
        yield draw.uniform(0.05, 0.5)
        world.weather.link(world.place(a), world.place(b), cut=0)
        yield draw.uniform(0.05, 0.5)


def slow_links(world, draw, said):
    """Every packet is late; one link is narrow as well."""
    delay, a = draw.randrange(2, 30), draw.choice(world.names)
    said.append("%d ms, %s narrow" % (delay, a))
    world.weather.link("*", "*", both=False, delay=delay, jitter=delay / 2)
    world.weather.link(world.place(a), "*", rate=draw.choice((50000, 200000, 1000000)))
    yield draw.uniform(2, 4)
    world.weather.link("*", "*", both=False, delay=0, jitter=0, rate=0)


def loss(world, draw, said):
    """Packets are lost and come twice, everywhere."""
    chance = draw.choice((0.01, 0.03, 0.1))
    said.append("%g lost" % chance)
    world.weather.link("*", "*", both=False, loss=chance, dup=chance, jitter=1)
    yield draw.uniform(2, 4)
    world.weather.link("*", "*", both=False, loss=0, dup=0, jitter=0)


def slow_fsync(world, draw, said):
    """Each fdatasync of a node takes much longer."""
    name, ms = often_leader(world, draw), draw.choice((20, 100, 400))
    said.append("%s: %d ms" % (name, ms))
    world.fault_file(name, sync_ms=ms)
    yield draw.uniform(2, 5)
    world.fault_file(name, sync_ms=0)


def eio(world, draw, said):
    """A node cannot sync any more: it must end by itself, at once; then it gets a good disk."""
    name = often_leader(world, draw)
    said.append(name)
    process = world.processes[name]
    world.down.add(name)
    world.fault_file(name, sync_fails=errno.EIO)
    for _ in range(50):  # where other faults keep it from everybody it may have nothing to write
        if process.poll() is not None:
            break
        yield 0.1
    world.fault_file(name, sync_fails=0)
    if process.poll() is None:
        said.append("it had nothing to write")
        world.down.discard(name)
        return
    if process.returncode != E_IO:
        world.history.problem("%s ended with status %d after a failed sync" % (name, process.returncode))
    world.start(name)


def full_disk(world, draw, said):
    """All space of a node is gone between two looks: it must live on, and write again when there is space."""
    name = often_leader(world, draw)
    said.append(name)
    process = world.processes[name]
    world.fault_file(name, sync_fails=errno.ENOSPC)
    yield draw.uniform(2, 5)
    world.fault_file(name, sync_fails=0)
    if process.poll() is not None:
        world.history.problem("%s ended with status %d on a full disk" % (name, process.returncode))
        world.start(name)


def command(world, said, *words):
    """One command of the admin, again until it succeeds: all of them may be run again. Its answer."""
    for _ in range(COMMANDS_MAX):
        process = world.begin_tally(*words)
        while process.poll() is None:
            yield 0.1
        text, why = process.communicate()
        if process.returncode == 0:
            return json.loads(text)
        if process.returncode not in AGAIN:
            world.history.problem("tally %s: exit %d: %s" % (" ".join(words), process.returncode, why))
            return None
        yield 0.2
    said.append("tally %s never succeeded" % " ".join(words[:2]))
    return None


def transfer(world, draw, said):
    """Leadership is handed to one member after the other."""
    for name in draw.sample(world.names, 2):
        said.append(name)
        yield from command(world, said, "cluster", "transfer", name)
        yield draw.uniform(0.2, 1)


def member_change(world, draw, said):
    """A new node becomes a learner, then a voter, sometimes the leader, and is removed for good."""
    name, url = world.guest(), "tls+tcp://198.18.0.%d" % world.guest_place
    said.append(name)
    added = yield from command(world, said, "cluster", "add", "--node=" + world.path(name + ".key.pub"), "--site=guests",
                               "--peer-url=%s:7400" % url, "--client-url=%s:7500" % url, "--ack=committed")
    if added is None:
        return
    world.make_guest(name, added["id"])
    world.start(name)
    yield from command(world, said, "cluster", "promote", name, "--ack=committed")
    if draw.random() < 0.5:
        said.append("leads")
        yield from command(world, said, "cluster", "transfer", name)
    yield draw.uniform(0.5, 2)
    yield from command(world, said, "cluster", "remove", name, "--ack=committed")
    if world.processes[name].poll() is not None:
        world.history.problem("%s ended by itself with status %d" % (name, world.processes[name].returncode))
    world.end(name, signal.SIGTERM)


def clock_jump(world, draw, said):
    """The wall clock of a node jumps, within what is allowed or far beyond it, and jumps back."""
    name, ms = often_leader(world, draw), draw.choice(
        (-3600000, -60000, -3000, 3000, 60000, 3600000))
    said.append("%s: %+d ms" % (name, ms))
    world.fault_file(name, clock_ms=ms)
    yield draw.uniform(1, 3)
    world.fault_file(name, clock_ms=0)


KINDS = {
    "kill_one": (kill_one, NODES), "kill_leader": (kill_leader, NODES), "kill_all": (kill_all, NODES),
    "pause": (pause, NODES), "rolling_restart": (rolling_restart, NODES), "byte_flip": (byte_flip, NODES),
    "partition_leader": (partition_leader, LINKS), "partition_minority": (partition_minority, LINKS),
    "partition_one_way": (partition_one_way, LINKS), "flapping": (flapping, LINKS), "slow_links": (slow_links, LINKS),
    "loss": (loss, LINKS), "slow_fsync": (slow_fsync, DISK), "eio": (eio, NODES), "full_disk": (full_disk, NODES),
    "clock_jump": (clock_jump, CLOCK), "transfer": (transfer, MEMBERS),
    "member_change": (member_change, MEMBERS),
}
