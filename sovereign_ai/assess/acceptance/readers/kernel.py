"""Reader of the kernel's log of a burn-in (`journalctl -k -o short-iso`): its length, and its Xids.

The burn-in itself writes the lines of begin and end to `/dev/kmsg`, so that a log without an error differs
from a log that was never written. Xids after which a GPU is drained, reset or replaced are those of NVIDIA's
Xid catalogue that the simulator knows too, and so are SXids of NVSwitches that are fatal. What a program
causes (such as 13, 31, 43, 45), and what is not fatal, is counted apart.
"""

from __future__ import annotations

import re
from datetime import datetime

from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError
from sovereign_ai.catalog.vendors import vendors

BEGIN, END = "sovereign-ai burn-in begins", "sovereign-ai burn-in ends"
_FAULTS = tuple((re.compile(row.faults.log), row.faults) for row in vendors() if row.faults)
"""The expression of a fault's line, and the codes, of each vendor whose driver reports faults by code."""
_SWITCH_FAULTS = tuple((re.compile(codes.switch_log), codes) for _, codes in _FAULTS)
_FATAL = "Fatal"


def read(text: str) -> ResultReading:
    """Return `hours` from begin to end, and the number of `hardware` and `other` Xids between them.

    Raises:
        UnreadableError: the begin or the end is missing, or has no time.
    """
    begin = end = None
    hardware = other = 0
    details: list[str] = []
    for line in text.splitlines():
        if BEGIN in line:
            # A burn-in that was started anew counts from its last begin.
            begin, end = _time(line), None
            hardware = other = 0
            details = []
        elif END in line:
            end = _time(line)
        elif begin is not None and end is None and (fault := _fault(line)) is not None:
            is_hardware, detail = fault
            if is_hardware:
                hardware += 1
                details.append(detail)
            else:
                other += 1
    if begin is None or end is None:
        raise UnreadableError(f"no line {BEGIN!r} followed by one {END!r}")
    hours = (end - begin).total_seconds() / 3600
    return ResultReading({"hours": hours, "hardware": float(hardware), "other": float(other)}, tuple(details))


def _fault(line: str) -> tuple[bool, str] | None:
    """Return whether the fault of a line is one of the hardware, and its text; None where there is none."""
    for expression, codes in _FAULTS:
        match = expression.search(line)
        if match is not None:
            bus, code = match.groups()
            return int(code) in codes.hardware, f"{codes.word} {code} on {bus}"
    for expression, codes in _SWITCH_FAULTS:
        match = expression.search(line)
        if match is not None:
            bus, code, severity = match.groups()
            return severity == _FATAL, f"S{codes.word} {code} on {bus}"
    return None


def _time(line: str) -> datetime:
    """Return the time of a line.

    Raises:
        UnreadableError: it has none, or one without a zone.
    """
    try:
        time = datetime.fromisoformat(line.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        time = None
    if time is None or time.tzinfo is None:
        message = "a line without a time and its zone; write the log with `journalctl -k -o short-iso`"
        raise UnreadableError(message)
    return time
