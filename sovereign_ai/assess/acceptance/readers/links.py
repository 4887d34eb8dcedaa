"""Reader of error counters of ports, before and after a time of load: `ethtool -S` and `perfquery -x`.

Each port's counters follow a line with its name (`ethtool` prints none: let the shell print it first;
`perfquery` prints `# Port extended counters: Lid 3 port 1`). If a port occurs several times, the growth from
the first to the last output counts. A port that occurs once counts from zero. The received bits show how
small an error rate the load was long enough to see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError
from sovereign_ai.text import counted

_COUNTER = re.compile(r"^\s*([A-Za-z][\w]*):[.\s]*(\d+|0x[0-9a-fA-F]+)\s*$")
_SKIPPED = ("", "NIC statistics:")
ERRORS = frozenset(
    {
        # mlx5
        "rx_crc_errors_phy",
        "rx_symbol_err_phy",
        "rx_pcs_symbol_err_phy",
        "rx_discards_phy",
        "tx_errors_phy",
        # Linux, common to several drivers
        "fec_uncorrectable_blocks",
        "rx_crc_errors",
        "rx_fcs_errors",
        "rx_frame_errors",
        # InfiniBand
        "SymbolErrorCounter",
        "PortRcvErrors",
        "PortRcvRemotePhysicalErrors",
        "LinkErrorRecoveryCounter",
        "LocalLinkIntegrityErrors",
        "ExcessiveBufferOverrunErrors",
    }
)
"""Counters that may not grow."""
DOWNS = frozenset(("link_down_events_phy", "LinkDownedCounter"))
_BYTES = {"rx_bytes_phy": 8, "rx_bytes": 8, "PortRcvData": 32}
"""Bits a count, by counter; InfiniBand counts words of four bytes."""


def read(text: str) -> ResultReading:
    """Return `ports`, `errors`, `downs`, and `rate`: the upper bound of the error rate at 95 %.

    Without an error the bound is three over the bits (the rule of three), with errors it is errors over bits,
    and 1 if no bits are counted.

    Raises:
        UnreadableError: there is no port with counters.
    """
    ports = _ports(text)
    if not ports:
        raise UnreadableError("no port with counters")
    errors = downs = 0
    worst = 0.0
    details: list[str] = []
    for name, growth in ports.items():
        port_errors = 0
        for counter in sorted(ERRORS & growth.keys()):
            if growth[counter]:
                port_errors += growth[counter]
                details.append(f"{name}: {counter} grew by {growth[counter]}")
        port_downs = sum(growth[counter] for counter in DOWNS & growth.keys())
        bits = _bits(growth)
        worst = max(worst, max(port_errors, 3) / bits if bits > 0 else 1.0)
        errors += port_errors
        downs += port_downs
        if port_downs:
            details.append(f"{name}: went down {counted(port_downs, 'time')}")
    values = {
        "ports": float(len(ports)),
        "errors": float(errors),
        "downs": float(downs),
        "rate": worst,
    }
    return ResultReading(values, tuple(details))


def _bits(growth: Mapping[str, int]) -> int:
    """Return the bits that a port received: the largest of its counters, which count the same traffic."""
    return max((growth[counter] * size for counter, size in _BYTES.items() if counter in growth), default=0)


def _ports(text: str) -> dict[str, Mapping[str, int]]:
    """Return the growth of each port's counters, by port."""
    first: dict[str, dict[str, int]] = {}
    last: dict[str, dict[str, int]] = {}
    counters: dict[str, int] | None = None
    for line in text.splitlines():
        counter = _COUNTER.match(line)
        if counter is not None:
            # Counters above the first name belong to no port.
            if counters is not None:
                counters[counter[1]] = int(counter[2], 0)
        elif line.strip() not in _SKIPPED:
            name = line.strip().lstrip("# ").partition(" (")[0].rstrip(":")
            counters = {}
            if name in first:
                last[name] = counters
            else:
                first[name] = counters
    ports: dict[str, Mapping[str, int]] = {}
    for name, start in first.items():
        if start:
            ports[name] = _growth(start, last.get(name))
    return ports


def _growth(start: Mapping[str, int], end: Mapping[str, int] | None) -> Mapping[str, int]:
    """Return the growth of each counter; a port with one output grew from zero."""
    if end is None:
        return start
    growth: dict[str, int] = {}
    for name, value in end.items():
        before = start.get(name, 0)
        # A smaller value was set to zero in between, and counts from zero.
        growth[name] = value - before if value >= before else value
    return growth
