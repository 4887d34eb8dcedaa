"""Why a control plane did not start, in the failing process's own last words, without secrets.

>>> redact("Authorization: Bearer abc.def token=xyz")
'Authorization: Bearer [redacted] token=[redacted]'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError, Problem

_LINES, _BYTES, _LINE_LENGTH = 12, 16_384, 400
_PEM = re.compile(r"-----BEGIN [^-]*-----.*?(-----END [^-]*-----|\Z)", re.DOTALL)
_SECRET = re.compile(r"(?i)\b(bearer\s+|(?:password|passwd|token|secret|api[-_]?key|client-key-data)\s*[=:]\s*\"?)[^\s\"',&]+")
_PORT_TAKEN = "address already in use"


def redact(text: str) -> str:
    """Take out what looks like a key, a token or a password."""
    return _SECRET.sub(r"\1[redacted]", _PEM.sub("[redacted]", text))


def last_lines(log: Path, lines: int = _LINES) -> list[str]:
    """Give the last lines of a log, redacted and shortened; none if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line[:_LINE_LENGTH] for line in redact(text).splitlines() if line.strip()][-lines:]


def start_failure(cluster: str, failure: Mapping[str, Any]) -> EnvironmentLacksError:
    """Explain a failed start.

    Args:
        cluster: the cluster's name.
        failure: what the supervisor's status says: name, why, log.
    """
    said = last_lines(Path(failure["log"]))
    quoted = "; its last lines:" + "".join(f"\n    | {line}" for line in said) + "\n" if said else ", and said nothing"
    message = f"cluster {cluster!r} did not start: {failure['name']} {failure['why']}{quoted}"
    hint = "mend what the lines say and run the command again; `sovereign-ai doctor` checks the tools"
    return EnvironmentLacksError(Problem("cluster-start-failed", message, hint=hint))


def is_port_taken(failure: Mapping[str, Any]) -> bool:
    """Tell whether a start failed only because somebody else took a port in the meantime."""
    return any(_PORT_TAKEN in line for line in last_lines(Path(failure["log"])))
