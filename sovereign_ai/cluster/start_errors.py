"""Explain why a control plane did not start, by the end of the failing process' log, without secrets.

>>> redact("Authorization: Bearer abc.def token=xyz")
'Authorization: Bearer [redacted] token=[redacted]'
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import end_of
from sovereign_ai.text import clean, counted

_LINES, _BYTES, _LINE_LENGTH = 12, 16_384, 400
_PEM = re.compile(r"-----BEGIN [^-]*-----.*?(-----END [^-]*-----|\Z)", re.DOTALL)
_SECRET = re.compile(
    r"(?i)\b(bearer\s+|(?:password|passwd|token|secret|api[-_]?key|client-key-data)\s*[=:]\s*\"?)[^\s\"',&]+"
)
_BUSY = 3
"""Processes that want to run, for each processor, at which a start takes several times as long."""
_PORT_TAKEN = "address already in use"


def redact(text: str) -> str:
    """Return a text without anything that looks like a key, a token or a password."""
    return _SECRET.sub(r"\1[redacted]", _PEM.sub("[redacted]", text))


def last_lines(log: Path, lines: int = _LINES) -> list[str]:
    """Return the last lines of a log, redacted and shortened; none if there is no log."""
    # Only the end is read: the log of a long run may have any size.
    text = end_of(log, _BYTES).decode("utf-8", errors="replace")
    # Redacted as a whole: a key in PEM has many lines.
    kept = [clean(line[:_LINE_LENGTH]) for line in redact(text).splitlines() if line.strip()]
    return kept[-lines:]


def start_failure(cluster: str, failure: Mapping[str, Any]) -> EnvironmentLacksError:
    """Return the error for a failed start.

    Args:
        cluster: the cluster's name.
        failure: the entry in the supervisor's status: name, why, log.
    """
    lines = last_lines(Path(failure["log"]))
    quoted = "\n".join(["; its last lines:", *lines]) if lines else ", and its log is empty"
    message = f"cluster {cluster!r} did not start: {failure['name']} {failure['why']}{quoted}"
    hint = "fix what the lines report and run the command again; `sovereign-ai doctor` checks the tools"
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if str(failure["why"]).endswith("in time") and load > _BUSY * processors:
        # Its log then has only the complaints of a process that nobody lets run.
        processors_text = counted(processors, "processor")
        hint = f"this machine is busy (load {load:.0f} on {processors_text}): run the command again later"
    return EnvironmentLacksError(Problem("cluster-start-failed", message, hint=hint))


def is_port_taken(failure: Mapping[str, Any]) -> bool:
    """Return whether a start failed only because another process opened a port in the meantime."""
    return any(_PORT_TAKEN in line for line in last_lines(Path(failure["log"])))
