"""What an attacker on the network does to a node: bytes on TCP, on TLS, and in the framing of NNG (SP: eight bytes that
name the protocol, then messages behind a length of eight bytes). Nothing here waits longer than WAIT seconds."""
import contextlib
import os
import select
import socket
import ssl
import struct

WAIT = 3
REQ, PUSH, PULL = 0x30, 0x50, 0x51
STATUS = b"\x2a\x00"                       # Request{status{}}
LOG = b"\x1a\x03\x28\xe8\x07"              # Request{log{limit: 1000}}


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def log_wait(milliseconds):
    """Request{log}: records that do not exist, waited for so long."""
    return field(3, b"\x08" + varint(1 << 60) + b"\x28\x01\x30" + varint(milliseconds))


def host_port(url):
    host, port = url.split("://")[1].rsplit(":", 1)
    return host, int(port)


class Gone(Exception):
    """The node ended the connection, or does not take more."""


class Line:
    """One connection; with `tls` inside of it, a client certificate when `cert` names one."""

    def __init__(self, url, tls=True, cert=None, source=None):
        self.sock = socket.socket()
        self.sock.settimeout(WAIT)
        try:
            if source:
                self.sock.bind((source, 0))
            self.sock.connect(host_port(url))
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                if cert:
                    context.load_cert_chain(cert + ".crt", cert + ".key")
                self.sock = context.wrap_socket(self.sock)
        except (OSError, ssl.SSLError) as error:
            self.sock.close()
            raise Gone(str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    def give(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as error:
            raise Gone(str(error)) from error

    def take(self, size):
        data = b""
        while len(data) < size:
            try:
                more = self.sock.recv(min(size - len(data), 1 << 16))
            except (OSError, ssl.SSLError) as error:
                raise Gone(str(error)) from error
            if not more:
                raise Gone("closed")
            data += more
        return data

    def begin(self, protocol):
        """The SP handshake; the node's protocol."""
        self.give(b"\0SP\0" + struct.pack(">HH", protocol, 0))
        return struct.unpack(">H", self.take(8)[4:6])[0]

    def message(self, body):
        self.give(struct.pack(">Q", len(body)) + body)

    def request(self, body, number=1):
        self.message(struct.pack(">I", 1 << 31 | number) + body)

    def answer(self):
        return self.take(struct.unpack(">Q", self.take(8))[0])[4:]

    def over(self):
        """Has the node ended it? Waits for that."""
        try:
            while self.sock.recv(1 << 16):
                pass
            return True
        except ConnectionError:
            return True
        except (OSError, ssl.SSLError):
            return False


def client(url, **options):
    line = Line(url, **options)
    line.begin(REQ)
    return line


def attempt(what, *arguments, **options):
    """Do it; that the node refuses is what a node may do."""
    try:
        return what(*arguments, **options)
    except Gone:
        return None


def hello_of_tls(size=None):
    """The first bytes of a TLS client, all or some of them."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()[:size]


def silent(url, count, begin=b"", source=None):
    """So many connections that say `begin` and nothing more; those that came about."""
    lines, waiting = [], select.epoll()
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        if source:
            sock.bind((source, 0))
        with contextlib.suppress(BlockingIOError):
            sock.connect(host_port(url))
        waiting.register(sock.fileno(), select.EPOLLOUT)
        lines.append(sock)
    by_fd, open_lines = {s.fileno(): s for s in lines}, []
    while by_fd:
        ready = waiting.poll(WAIT)
        if not ready:
            break
        for fd, _ in ready:
            sock = by_fd.pop(fd)
            waiting.unregister(fd)
            try:
                if begin:
                    sock.send(begin)
                open_lines.append(sock)
            except OSError:
                sock.close()
    for sock in by_fd.values():
        sock.close()
    waiting.close()
    return open_lines


def garbage(size, seed):
    """The same bytes for the same seed; big ones repeat."""
    import random
    unit = random.Random(seed).randbytes(min(size, 4096))
    return (unit * (size // max(len(unit), 1) + 1))[:size]


def raise_descriptors():
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def memory(pid):
    """(resident now, resident at most) in bytes; None when the process is gone."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
    except FileNotFoundError:
        return None
    if "VmRSS" not in lines:
        return None
    return int(lines["VmRSS"].split()[0]) << 10, int(lines["VmHWM"].split()[0]) << 10


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))
