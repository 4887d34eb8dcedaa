"""Error counters of ports: `ethtool -S` on Ethernet, `perfquery -x` on InfiniBand, before and after a time of load.

Each port's counters stand under a line with its name (`ethtool` prints none: let the shell say it first;
`perfquery` prints `# Port extended counters: Lid 3 port 1`). A port that stands there twice was asked twice:
what counts is the growth from the first to the last. A port that stands there once counts from zero.
The bits received tell how small an error rate the time was long enough to see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError

_COUNTER = re.compile(r"^\s*([A-Za-z][\w]*):[.\s]*(\d+|0x[0-9a-fA-F]+)\s*$")
_SKIPPED = re.compile(r"^\s*(NIC statistics:)?\s*$")
ERRORS = frozenset(
    (
        *("rx_crc_errors_phy", "rx_symbol_err_phy", "rx_pcs_symbol_err_phy", "rx_discards_phy", "tx_errors_phy"),
        *("fec_uncorrectable_blocks", "rx_crc_errors", "rx_fcs_errors", "rx_frame_errors"),
        *("SymbolErrorCounter", "PortRcvErrors", "PortRcvRemotePhysicalErrors", "LinkErrorRecoveryCounter"),
        *("LocalLinkIntegrityErrors", "ExcessiveBufferOverrunErrors"),
    )
)
"""Counters of mlx5 and of Linux's common ones, and of InfiniBand's port counters, that may not grow."""
DOWNS = frozenset(("link_down_events_phy", "LinkDownedCounter"))
_BYTES = {"rx_bytes_phy": 8, "rx_bytes": 8, "PortRcvData": 32}
"""Counter to bits a count; InfiniBand counts words of four bytes."""


def read(text: str) -> Reading:
    """Give `ports`, `errors`, `downs`, and `rate`: the error rate that the bits received bound from above with 95 %.

    Without an error that is three over the bits (the rule of three); with errors, errors over bits; 1 if no bits are told.

    Raises:
        UnreadableError: no port with counters.
    """
    ports = _ports(text)
    if not ports:
        raise UnreadableError("no port with counters")
    errors = downs = 0
    worst = 0.0
    details = []
    for name, grown in ports.items():
        bad = {counter: grown[counter] for counter in sorted(ERRORS & grown.keys()) if grown[counter]}
        fallen = sum(grown[counter] for counter in DOWNS & grown.keys())
        bits = max((grown[counter] * size for counter, size in _BYTES.items() if counter in grown), default=0)
        total = sum(bad.values())
        worst = max(worst, (max(total, 3) / bits) if bits > 0 else 1.0)
        errors, downs = errors + total, downs + fallen
        details += [f"{name}: {counter} grew by {count}" for counter, count in bad.items()]
        details += [f"{name}: went down {fallen} times"] if fallen else []
    return Reading({"ports": float(len(ports)), "errors": float(errors), "downs": float(downs), "rate": worst}, tuple(details))


def _ports(text: str) -> dict[str, Mapping[str, int]]:
    """Give port to its counters' growth."""
    first: dict[str, dict[str, int]] = {}
    last: dict[str, dict[str, int]] = {}
    counters: dict[str, int] | None = None
    for line in text.splitlines():
        counter = _COUNTER.match(line)
        if counter is not None:
            if counters is not None:
                counters[counter[1]] = int(counter[2], 0)
        elif not _SKIPPED.match(line):
            name = line.strip().lstrip("# ").partition(" (")[0].rstrip(":")
            counters = {}
            if name in first:
                last[name] = counters
            else:
                first[name] = counters
    return {name: _grown(start, last.get(name)) for name, start in first.items() if start}


def _grown(start: Mapping[str, int], end: Mapping[str, int] | None) -> Mapping[str, int]:
    """Give how much each counter grew; one that was set to zero in between counts from zero."""
    if end is None:
        return start
    return {name: value - start.get(name, 0) if value >= start.get(name, 0) else value for name, value in end.items()}
