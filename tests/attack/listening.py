"""What processes listen on, read from the kernel: TCP and UDP ports and Unix sockets, each with its
process.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
_UNCONNECTED = "07"
_KNOWN = {
    "sovereign_ai.operate": "operator",
    "sovereign_ai.sim.exporter": "machine metrics",
    "sovereign_ai.cluster.keys.secret_proxy": "secret gate",
    "sovereign_ai.cluster.keys.plugin": "key service",
    "sovereign_ai.cluster.embedded.supervisor": "supervisor",
    "sovereign_ai.deploy.language_host.host": "language host",
    "sovereign_ai.deploy.hosts.provider.service": "provider of hosts",
    "language_program.py": "program",
    "plugin_program.py": "policy pack",
}
"""A word of a command line to what the process is called here."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket on which a process waits for others.

    Attributes:
        kind: `tcp`, `udp` or `unix`.
        address: a port, or a path; an abstract one begins with @.
        process: what the process is called.
    """

    kind: str
    address: str
    process: str


def tree(*roots: int) -> set[int]:
    """Give processes with all that descend from them."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children[parent].append(int(folder.name))
    found, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += children[pid]
    return found


def name_of(pid: int) -> str:
    """Name a process by the words of its command line, or by its program."""
    words = Path("/proc", str(pid), "cmdline").read_text(errors="replace")
    for word, name in _KNOWN.items():
        if word in words:
            return name
    return Path("/proc", str(pid), "exe").readlink().name


def listening(pids: Iterable[int]) -> set[Listener]:
    """Give everything that processes listen on."""
    holders = _holders(pids)
    found = set()
    for table, kind, state in (
        ("tcp", "tcp", _LISTEN),
        ("tcp6", "tcp", _LISTEN),
        ("udp", "udp", _UNCONNECTED),
        ("udp6", "udp", _UNCONNECTED),
    ):
        for fields in _lines(table):
            if fields[3] == state and fields[9] in holders:
                found.add(
                    Listener(kind, str(int(fields[1].rpartition(":")[2], 16)), name_of(holders[fields[9]]))
                )
    for fields in _lines("unix"):
        accepts = int(fields[3], 16) & 0x10000  # __SO_ACCEPTCON: somebody listens
        if accepts and fields[6] in holders:
            found.add(Listener("unix", fields[7] if len(fields) > 7 else "", name_of(holders[fields[6]])))
    return found


def _lines(table: str) -> list[list[str]]:
    return [line.split() for line in Path("/proc/self/net", table).read_text().splitlines()[1:]]


def _holders(pids: Iterable[int]) -> Mapping[str, int]:
    """Give the number of every socket to a process that holds it.

    A socket that a child inherited is its maker's.
    """
    found: dict[str, int] = {}
    for pid in sorted(pids):
        with contextlib.suppress(OSError):
            for descriptor in Path("/proc", str(pid), "fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(descriptor.readlink())
                    if target.startswith("socket:["):
                        found.setdefault(target[8:-1], pid)
    return found
