"""The kernel's log of a burn-in, `journalctl -k -o short-iso`: its begin, its end, and the Xids between them.

Begin and end are lines that the burn-in writes to `/dev/kmsg` itself, so that a log without an error is told from
one that nobody wrote. Xids after which a GPU is drained, reset or replaced are those of NVIDIA's Xid catalogue
that the simulator knows too; Xids that a program causes (13, 31, 43, 45) are told and not counted.
"""

from __future__ import annotations

import re
from datetime import datetime

from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError

BEGIN, END = "sovereign-ai burn-in begins", "sovereign-ai burn-in ends"
HARDWARE = frozenset({48, 64, 74, 79, 92, 94, 95})
"""Xids after which a GPU is drained, reset or replaced."""
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)")


def read(text: str) -> Reading:
    """Give `hours` from begin to end, and the number of `hardware` and `other` Xids between them.

    Raises:
        UnreadableError: the begin or the end is not there, or has no time.
    """
    begin = end = None
    hardware = other = 0
    details: list[str] = []
    for line in text.splitlines():
        if BEGIN in line:
            begin, end, hardware, other, details = _time(line), None, 0, 0, []
        elif END in line:
            end = _time(line)
        elif begin is not None and end is None and (xid := _XID.search(line)) is not None:
            broken = int(xid[2]) in HARDWARE
            hardware, other = hardware + broken, other + (not broken)
            details += [f"Xid {xid[2]} on {xid[1]}"] if broken else []
    if begin is None or end is None:
        raise UnreadableError(f"no line {BEGIN!r} followed by one {END!r}")
    hours = (end - begin).total_seconds() / 3600
    return Reading({"hours": hours, "hardware": float(hardware), "other": float(other)}, tuple(details))


def _time(line: str) -> datetime:
    """Read a line's time.

    Raises:
        UnreadableError: it has none.
    """
    try:
        found = datetime.fromisoformat(line.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        found = None
    if found is None or found.tzinfo is None:
        raise UnreadableError("a line without a time and its zone; write the log with `journalctl -k -o short-iso`")
    return found
