"""One bad unit of many: it is that unit's problem, and the others are judged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hostile.case import Case, Prepared
from tests.hostile.readers import NEIGHBOURS, _file, _small
from tests.hostile.texts import FORGED, SECRETS

_UNITS: dict[str, bytes] = {
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "empty": b"",
    "half": json.dumps(NEIGHBOURS).encode()[:80],
    "other-layout": b'{"lldp": {"interface": {"eth0": {}}}}',
    "forged": f'{{"lldp": "x"}}\n{FORGED}'.encode(),
    **{f"secret-{name}": json.dumps({"lldp": text}).encode() for name, text in SECRETS.items()},
}
_NAMES = {
    "escape": "train-\x1b[2J.json",
    "line-end": f"x\n{FORGED}.json",
    "surrogate": "x\udcff.json",
    "secret": f"{SECRETS['github']}.json",
    "dash": "-rf.json",
    "long": f"{'x' * 250}.json",
    "filler": "x\u3164.json",
}


def unit_cases() -> Iterator[Case]:
    """Return folders with one bad file among good ones, and files of bad names."""
    for name, content in _UNITS.items():
        yield Case(
            f"units/neighbours/{name}",
            partial(_neighbours, "train-002.json", _bytes(content)),
            frozenset({1}),
        )
        yield Case(
            f"units/results/{name}", partial(_results, "train-002.links.txt", _bytes(content)), frozenset({1})
        )
    for name, file in _NAMES.items():
        yield Case(f"units/neighbours-name/{name}", partial(_neighbours, file, _bytes(b"{}")), frozenset({1}))
        yield Case(f"units/results-name/{name}", partial(_results, file, _bytes(b"x")), frozenset({1, 2}))
        yield Case(f"units/netbox-name/{name}", partial(_netbox, file), frozenset({2}))
    for name, make in {
        "pipe": os.mkfifo,
        "itself": lambda path: path.symlink_to(path.name),
        "zeros": lambda path: path.symlink_to("/dev/zero"),
    }.items():
        yield Case(
            f"units/neighbours-special/{name}", partial(_neighbours, "train-002.json", make), frozenset({1})
        )
        yield Case(
            f"units/results-special/{name}", partial(_results, "train-002.links.txt", make), frozenset({1})
        )


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _neighbours(name: str, make: Callable[[Path], object], folder: Path) -> Prepared:
    stack = _small(folder)
    _file(folder, "lldp/train-001.json", json.dumps(NEIGHBOURS))
    make(folder / "lldp" / name)
    return Prepared(
        folder / "lldp" / name, ("inventory", "label", stack, "--lldp", str(folder / "lldp"), "--json")
    )


def _results(name: str, make: Callable[[Path], object], folder: Path) -> Prepared:
    stack = _small(folder)
    _file(folder, "results/train-001.links.txt", "x\n")
    make(folder / "results" / name)
    return Prepared(
        folder / "results" / name, ("acceptance", "judge", stack, str(folder / "results"), "--json")
    )


def _netbox(name: str, folder: Path) -> Prepared:
    from tests.hostile.readers import CABLES, DEVICES

    _file(folder, "netbox/devices.csv", DEVICES)
    _file(folder, "netbox/cables.csv", CABLES)
    (folder / "netbox" / name.replace(".json", "interfaces.csv")[-200:]).write_text("x\n", encoding="utf-8")
    return Prepared(folder, ("inventory", "adopt", str(folder / "netbox")))
