"""What clients did and saw, and the checks of it against what the nodes tell at the end.

A ledger is a list of records as `tally log --json` prints them. Every check returns lists of sentences:
empty lists mean that the promise held."""
import bisect
import hashlib
import threading

ACKNOWLEDGED, UNKNOWN, FAILED = "acknowledged", "unknown", "failed"


class Operation:
    """One event that a client wanted recorded: from the first send to the last answer."""
    __slots__ = ("client", "sequence", "event_id", "subject", "started", "ended", "outcome", "index", "sends")

    def __init__(self, client, sequence, event_id, subject, started):
        self.client, self.sequence, self.event_id, self.subject = client, sequence, event_id, subject
        self.started, self.ended, self.outcome, self.index, self.sends = started, None, UNKNOWN, None, 0

    def name(self):
        return "event %s (client %d, number %d, %s)" % (self.event_id, self.client, self.sequence, self.subject)

    def row(self):
        return {key: getattr(self, key) for key in self.__slots__}


class History:
    """All operations, and all roots that any node or receipt showed. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations, self.roots, self.problems = [], {}, []
        self.acknowledged_at = []  # times in order

    def begin(self, operation):
        with self.lock:
            self.operations.append(operation)

    def acknowledge(self, operation, index, ended):
        with self.lock:
            operation.outcome, operation.index, operation.ended = ACKNOWLEDGED, index, ended
            bisect.insort(self.acknowledged_at, ended)

    def root(self, size, root, where):
        """A checkpoint was seen."""
        with self.lock:
            self.roots.setdefault((size, root), where)

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def count(self, outcome=ACKNOWLEDGED):
        with self.lock:
            if outcome == ACKNOWLEDGED:
                return len(self.acknowledged_at)
            return sum(o.outcome == outcome for o in self.operations)

    def longest_gap(self, start, end):
        """The longest time without an acknowledgement that touches start..end, and when it was over."""
        with self.lock:
            times = self.acknowledged_at
            first = max(bisect.bisect_left(times, start) - 1, 0)
            inside = [t for t in times[first:] if t <= end] or [start]
        inside = [max(inside[0], start)] + inside[1:] + [end]
        gap, over = 0.0, start
        for before, after in zip(inside, inside[1:]):
            if after - before > gap:
                gap, over = after - before, after
        return gap, over


def event_of(record):
    return record["event"]["event"] if "event" in record else None


def tree_roots(hashes, sizes):
    """The roots (RFC 6962) of the trees over the first `size` leaf hashes, for each of `sizes`, in hex."""
    wanted, roots, stack = set(sizes), {0: hashlib.sha256(b"").hexdigest()}, []
    for size, leaf in enumerate(hashes, 1):
        node, height = leaf, 0
        while stack and stack[-1][0] == height:
            node = hashlib.sha256(b"\x01" + stack.pop()[1] + node).digest()
            height += 1
        stack.append((height, node))
        if size in wanted:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = hashlib.sha256(b"\x01" + left + root).digest()
            roots[size] = root.hex()
    return roots


def check_places(ledger):
    """Records have their own numbers; each event is there once."""
    wrong, doubled, places = [], [], {}
    for number, record in enumerate(ledger):
        if record["index"] != number:
            wrong.append("record %d stands at place %d" % (record["index"], number))
        event = event_of(record)
        if event is None:
            continue
        if event["event_id"] in places:
            doubled.append("event %s is recorded at %d and at %d" % (event["event_id"], places[event["event_id"]], number))
        else:
            places[event["event_id"]] = number
    return wrong, doubled, places


def check_acknowledged(operations, ledger, places):
    """Every acknowledged event stands where it was acknowledged; what was refused stands nowhere."""
    lost, owners = [], {}
    for operation in operations:
        if operation.outcome == FAILED:
            if operation.event_id in places:
                lost.append("%s was refused and is recorded at %d" % (operation.name(), places[operation.event_id]))
            continue
        if operation.outcome != ACKNOWLEDGED:
            continue
        if operation.index >= len(ledger):
            lost.append("%s was acknowledged at %d, the ledger ends at %d" % (operation.name(), operation.index, len(ledger)))
            continue
        event = event_of(ledger[operation.index]) or {}
        if event.get("event_id") != operation.event_id or event.get("subject") != operation.subject:
            lost.append("%s was acknowledged at %d, where there is %s; it is at %s" % (
                operation.name(), operation.index, event.get("event_id"), places.get(operation.event_id)))
        if owners.setdefault(operation.index, operation) is not operation:
            lost.append("%s and %s were acknowledged at one place" % (operation.name(), owners[operation.index].name()))
    return lost


def check_order(operations, places):
    """Acknowledged before another was first sent: the smaller index (linearizable appends)."""
    wrong = []
    ends = sorted((o for o in operations if o.outcome == ACKNOWLEDGED), key=lambda o: o.ended)
    starts = sorted((o for o in operations if o.event_id in places), key=lambda o: o.started)
    highest, at = None, 0
    for later in starts:
        while at < len(ends) and ends[at].ended < later.started:
            if highest is None or ends[at].index > highest.index:
                highest = ends[at]
            at += 1
        if highest is not None and places[later.event_id] < highest.index:
            wrong.append("%s was sent after %s was acknowledged at %d, and is at %d" % (
                later.name(), highest.name(), highest.index, places[later.event_id]))
    return wrong


def check_roots(roots, ledger):
    """Every checkpoint that was seen is of this ledger, so each is consistent with each later one."""
    right = tree_roots([bytes.fromhex(r["leaf_hash"]) for r in ledger], [size for size, _ in roots])
    return ["%s shows root %s for size %d, which has %s" % (where, root, size, right.get(size))
            for (size, root), where in sorted(roots.items()) if right.get(size) != root]


def check_ledgers(ledgers):
    """All nodes tell the same; `ledgers` is by node."""
    wrong, names = [], sorted(ledgers)
    for name in names[1:]:
        one, other = ledgers[names[0]], ledgers[name]
        if one == other:
            continue
        at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
        wrong.append("%s (%d records) and %s (%d records) differ from record %d on" % (
            names[0], len(one), name, len(other), at))
    return wrong


def check(operations, roots, ledgers):
    """All checks: a dict of lists of sentences."""
    found = {"lost": [], "duplicated": [], "reordered": [], "divergent roots": check_ledgers(ledgers)}
    for name, ledger in sorted(ledgers.items()):
        wrong, doubled, places = check_places(ledger)
        lost = check_acknowledged(operations, ledger, places)
        for key, sentences in (("lost", wrong + lost), ("duplicated", doubled),
                               ("reordered", check_order(operations, places)),
                               ("divergent roots", check_roots(roots, ledger))):
            found[key] += ["%s: %s" % (name, sentence) for sentence in sentences]
    return found
