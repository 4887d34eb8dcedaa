"""An OCI runtime in front of runc that asks for no more capabilities than the machine has.

    python trim.py [runc's own arguments]

A virtual machine may withhold a capability (CAP_SYS_RESOURCE, most often) from everything that
runs in it. `--privileged` asks for all of them, and runc then refuses to start anything. This
program takes out of a container's configuration what the bounding set lacks: such capabilities,
resource limits that could not be raised, and an OOM score that could not be lowered. A container
that needs the missing capability finds it missing, as everything on that machine does.

It stands alone: the engine runs it, and it imports nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

_RUNC = "runc"
_NAMES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
"""Capabilities by their number, from 0 (capability.h of Linux)."""


def bounding_set() -> frozenset[str]:
    """Read the names of all capabilities that this process could ever have."""
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd:")
    )
    bits = int(line.split()[1], 16)
    return frozenset(f"CAP_{name}" for number, name in enumerate(_NAMES) if bits >> number & 1)


def missing() -> frozenset[str]:
    """Return the capabilities that the machine withholds."""
    return frozenset(f"CAP_{name}" for name in _NAMES) - bounding_set()


def trimmed(process: dict[str, Any], have: frozenset[str]) -> dict[str, Any]:
    """Return a process of the OCI runtime specification without what the machine cannot grant."""
    kept = {**process, "rlimits": []}
    if process.get("capabilities"):
        # Each set of the specification: bounding, effective, inheritable, permitted and ambient.
        kept["capabilities"] = {}
        for kind, names in process["capabilities"].items():
            kept["capabilities"][kind] = [name for name in names if name in have]
    if (process.get("oomScoreAdj") or 0) < 0:
        kept["oomScoreAdj"] = 0
    return kept


def rewrite(arguments: list[str], have: frozenset[str]) -> None:
    """Trim the file that a command of runc is about to read, if it reads one."""
    verb = next((word for word in arguments if word in {"create", "run", "exec"}), None)
    if verb == "exec":
        file = _value(arguments, "--process", "-p")
        if file is not None:
            path = Path(file)
            path.write_text(json.dumps(trimmed(json.loads(path.read_text()), have)))
    elif verb is not None:
        path = Path(_value(arguments, "--bundle", "-b") or ".", "config.json")
        config = json.loads(path.read_text())
        path.write_text(json.dumps({**config, "process": trimmed(config["process"], have)}))


def _value(arguments: list[str], *names: str) -> str | None:
    """Return the value of an option, written as two words or as one."""
    for number, word in enumerate(arguments):
        if word in names and number + 1 < len(arguments):
            return arguments[number + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


if __name__ == "__main__":
    rewrite(sys.argv[1:], bounding_set())
    os.execvp(_RUNC, [_RUNC, *sys.argv[1:]])  # noqa: S606 - it becomes runc
