"""Run CoreDNS in a network namespace of its own, beside a resolver that answers everything, and ask it.

    python dns_namespace.py COREDNS COREFILE RESOLVER NAME…

Prints JSON: for each name the code of the answer, and which names the resolver was asked for. The namespace
has no way out, so that the resolver's address can be any.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time

_SECONDS = 30
_PORT = 5353
"""Where CoreDNS listens, on all addresses: the resolver needs port 53 of one of them."""


def question(name: str, number: int = 1) -> bytes:
    """Return a query for the address of a name (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def name_in(packet: bytes) -> str:
    """Return the name that a query asks for."""
    labels: list[str] = []
    at = 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels)


def answer(packet: bytes) -> bytes:
    """Return an answer to a query: one address."""
    end = 12 + len(name_in(packet)) + 2 + 4 if name_in(packet) else 17
    head = packet[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0)
    record = struct.pack(">3HIH", 0xC00C, 1, 1, 60, 4) + bytes([192, 0, 2, 7])
    return head + packet[12:end] + record


def serve(server: socket.socket, heard: list[str]) -> None:
    """Answer every query, and keep the names that are asked for."""
    while True:
        packet, sender = server.recvfrom(4096)
        heard.append(name_in(packet).lower())
        server.sendto(answer(packet), sender)


def ask(name: str) -> int | None:
    """Return the code of the answer to a query for a name; None if there is none in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        try:
            # A socket that is connected learns at once that nobody listens.
            client.connect(("127.0.0.1", _PORT))
            client.send(question(name))
            return client.recv(4096)[3] & 15
        except OSError:
            return None


def main(program: str, corefile: str, resolver: str, *names: str) -> None:
    """Start both servers, ask for each name, and print what came back."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{resolver}/32", "dev", "lo"], check=True)
    heard: list[str] = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((resolver, 53))
    threading.Thread(target=serve, args=(server, heard), daemon=True).start()
    with subprocess.Popen(
        [program, "-conf", corefile], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as coredns:
        deadline = time.monotonic() + _SECONDS
        # It is ready when it answers anything: a name of no block is refused from the first moment.
        while ask("ready.invalid") is None and coredns.poll() is None and time.monotonic() < deadline:
            pass
        codes = {name: ask(name) for name in names} if coredns.poll() is None else {}
        coredns.kill()
        printed = coredns.stdout.read() if coredns.stdout else ""
    asked = sorted({name for name in heard if name})
    sys.stdout.write(json.dumps({"codes": codes, "heard": asked, "log": printed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
