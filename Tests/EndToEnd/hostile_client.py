#
# This source file is part of the loradrop open source project.
# SPDX-License-Identifier: Apache-2.0
#

"""Plays those whom a run must not mind: each mode is one kind of stranger, or a member that breaks the rules.

    python3 hostile_client.py garbage HOST:PORT             bytes that are no TLS, connection after connection
    python3 hostile_client.py half-open HOST:PORT COUNT     the first half of a handshake, then silence
    python3 hostile_client.py idle HOST:PORT COUNT          connections that say nothing, reopened when they are closed
    python3 hostile_client.py frames HOST:PORT CERTS NAME   a member's certificate, frames with every field at its limits
    python3 hostile_client.py member HOST:PORT CERTS NAME [AUTHORITY]
                                                            one TLS connection; says whether it was refused
    python3 hostile_client.py serve CERTS NAME FILE         a server with that certificate; its port goes to FILE

The first three go on until they are killed. `frames` ends with status 1 if most of its handshakes fail.
"""

import pathlib
import random
import re
import resource
import select
import socket
import ssl
import struct
import sys
import time

# A TLS record header and the head of a ClientHello that announces more than it brings.
HALF_HELLO = bytes.fromhex("160301020001 0001fc0303") + b"U" * 64
# What an honest frame looks like, see docs/protocol.md.
KINDS = {1: "Hello", 2: "Welcome", 3: "Refusal", 4: "Roster", 5: "LinksReady", 6: "Heartbeat", 7: "Failure",
         8: "Farewell", 16: "PhaseStart", 17: "PhaseReady", 18: "ShardAssignment", 19: "StepReport",
         20: "PredictionReport", 21: "SnapshotRequest", 22: "Snapshot", 23: "Halt", 24: "Halted", 25: "TextReport", 32: "LogBatch",
         33: "LogAcknowledgement", 48: "LinkHello", 49: "chunk"}


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def connect(endpoint):
    return socket.create_connection(endpoint, timeout=10)


def tls(certificates, name, authority=None, server=False):
    folder = pathlib.Path(certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if server:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority or folder / "ca.pem")
    return context


def garbage(endpoint):
    draw = random.Random(1)
    samples = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 4096, b"\xff" * 65536, b"LDRP" + b"\xff" * 16,
        bytes.fromhex("1603030200") + b"\xff" * 512, bytes.fromhex("15030300020228"), bytes.fromhex("17030340ff"),
        HALF_HELLO + b"\xff" * 16384,
    ]
    count = 0
    while True:
        for sample in samples + [draw.randbytes(draw.choice([1, 5, 17, 300, 20000])) for _ in range(4)]:
            try:
                with connect(endpoint) as caller:
                    caller.sendall(sample)
                    if draw.random() < 0.5:
                        caller.settimeout(0.2)
                        caller.recv(4096)
            except OSError:
                pass
            count += 1
            if count % 100 == 0:
                print(count, flush=True)
            time.sleep(0.01)


def hold(endpoint, count, greeting):
    """Opens `count` connections, each of which has said `greeting`, and opens those again that are closed, 40 a second."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < count + 64:
        sys.exit(f"only {limit} open files are allowed here, {count} connections need {count + 64}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, limit))
    held, reported, opened = {}, False, 0
    poll = select.poll()
    while True:
        for _ in range(2 if reported else 100):
            if len(held) >= count:
                break
            try:
                caller = connect(endpoint)
                if greeting:
                    caller.sendall(greeting)
            except OSError:
                time.sleep(0.05)
                break
            opened += 1
            held[caller.fileno()] = caller
            poll.register(caller, select.POLLIN | select.POLLHUP | select.POLLERR)
        # As many opened as were asked for: those that were closed meanwhile are opened again.
        if not reported and opened >= count:
            reported = True
            print(f"opened {opened}", flush=True)
        for descriptor, _ in poll.poll(50):
            poll.unregister(descriptor)
            held.pop(descriptor).close()


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def messages():
    """The messages of proto/: name to [(number, type, repeated)]."""
    found = {}
    folder = pathlib.Path(__file__).resolve().parents[2] / "proto" / "loradrop" / "wire" / "v1"
    for path in sorted(folder.glob("*.proto")):
        text = re.sub(r"//.*", "", path.read_text())
        for name, body in re.findall(r"message (\w+) \{(.*?)\n\}", text, re.S):
            fields = re.findall(r"(repeated )?([\w.]+) \w+ = (\d+)", body)
            found[name] = [(int(number), kind, bool(repeated)) for repeated, kind, number in fields]
    return found


def extremes(number, kind, known):
    """Encodings of one field at and beyond its limits."""
    if kind in ("bytes", "string") or kind in known:
        for content in (b"", b"\0", b"\xff" * 300, b"x" * 16000, b"\x80" * 4097):
            yield varint(number << 3 | 2) + varint(len(content)) + content
        # A length that nothing follows.
        yield varint(number << 3 | 2) + varint(2**31)
        yield varint(number << 3 | 2) + varint(2**64 - 1)
    elif kind in ("double", "fixed64", "sfixed64"):
        for content in (b"\0" * 8, b"\xff" * 8, struct.pack("<d", float("inf"))):
            yield varint(number << 3 | 1) + content
    elif kind in ("float", "fixed32", "sfixed32"):
        for content in (b"\0" * 4, b"\xff" * 4):
            yield varint(number << 3 | 5) + content
    else:
        for value in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1):
            yield varint(number << 3) + varint(value)
    # Too long a number, and a field that is cut off.
    yield varint(number << 3) + b"\xff" * 11
    yield varint(number << 3 | 2)


def frame(kind, header, raw_length=0, magic=b"LDRP", version=1, length=None):
    return magic + struct.pack("<HHIQ", version, kind, len(header) if length is None else length, raw_length) + header


def plain_hello(replacement=None):
    """A Hello whose fields are all within their ranges, but for one."""
    fields = {
        1: varint(1), 2: b"x", 3: varint(2**64 - 1), 4: varint(4096), 5: varint(2**60), 6: b"127.0.0.1:9",
        7: b"\1" * 32, 8: b"x", 9: b"\2" * 32, 10: b"x", 11: varint(2**31 - 1), 12: varint(2**63 - 1)}
    lengths = {2, 6, 7, 8, 9, 10}
    out = b""
    for number, content in fields.items():
        if replacement and replacement[0] == number:
            out += replacement[1]
        elif number in lengths:
            out += varint(number << 3 | 2) + varint(len(content)) + content
        else:
            out += varint(number << 3) + content
    return out


def hostile_frames():
    known = messages()
    for length in (0, 1, 2**14, 2**14 + 1, 2**31, 2**32 - 1):
        for kind in list(KINDS) + [0, 15, 255, 2**16 - 1]:
            yield frame(kind, b"", length=length)
    for raw_length in (1, 2**30, 2**30 + 1, 2**63, 2**64 - 1):
        yield from (frame(kind, b"", raw_length) for kind in KINDS)
    yield frame(1, b"", magic=b"LDRQ")
    yield frame(1, b"", version=0)
    yield frame(1, b"", version=2**16 - 1)
    for number, kind, _ in known["Hello"]:
        for encoding in extremes(number, kind, known):
            yield frame(1, encoding)
            yield frame(1, plain_hello((number, encoding)))
    for kind, name in KINDS.items():
        for number, type_name, _ in known.get(name, []):
            for encoding in extremes(number, type_name, known):
                yield frame(kind, encoding)
    # Sound but for whose build and model it is of.
    yield frame(1, plain_hello())
    # A hundred thousand fields, and one message that never ends.
    yield frame(1, varint(1 << 3) + varint(1) * 8000)
    yield frame(1, b"\x0b" * 16000)


def send_frames(endpoint, certificates, name):
    context = tls(certificates, name)
    sent = failed = 0
    for content in hostile_frames():
        # A frame that says more will come is ended by us: the run may wait for the rest until its deadline.
        while True:
            try:
                caller = context.wrap_socket(connect(endpoint))
                break
            except (ssl.SSLError, OSError) as error:
                # Strangers in such numbers may cost an honest caller an attempt, not all of them.
                failed += 1
                if failed > sent + 100:
                    sys.exit(f"{failed} of {sent + failed} handshakes failed, the last: {error}")
        with caller:
            try:
                caller.sendall(content)
                caller.settimeout(0.01)
                while caller.recv(65536):
                    pass
            except TimeoutError:
                # It waits for more, or thinks about it; closing is an answer.
                pass
            except (ssl.SSLError, OSError):
                pass
        sent += 1
    print(f"sent {sent} frames, {failed} attempts failed", flush=True)


def member(endpoint, certificates, name):
    context = tls(certificates, name)
    try:
        with context.wrap_socket(connect(endpoint)) as caller:
            caller.settimeout(5)
            # TLS 1.3 has the client finish first: a refusal comes with the first read.
            caller.recv(1)
            print("accepted")
    except TimeoutError:
        print("accepted")
    except (ssl.SSLError, OSError) as error:
        print(f"refused: {error}")


def serve(certificates, name, file):
    context = tls(certificates, name, server=True)
    listener = socket.create_server(("127.0.0.1", 0))
    path = pathlib.Path(file)
    path.with_suffix(".part").write_text(f"127.0.0.1:{listener.getsockname()[1]}\n")
    path.with_suffix(".part").rename(path)
    while True:
        caller, _ = listener.accept()
        try:
            with context.wrap_socket(caller, server_side=True) as link:
                link.recv(65536)
        except (ssl.SSLError, OSError) as error:
            print(f"refused: {error}", flush=True)


mode, *rest = sys.argv[1:]
if mode == "garbage":
    garbage(address(rest[0]))
elif mode == "half-open":
    hold(address(rest[0]), int(rest[1]), HALF_HELLO)
elif mode == "idle":
    hold(address(rest[0]), int(rest[1]), b"")
elif mode == "frames":
    send_frames(address(rest[0]), rest[1], rest[2])
elif mode == "member":
    member(address(rest[0]), rest[1], rest[2])
elif mode == "serve":
    serve(*rest)
else:
    sys.exit(__doc__)
