"""A switch of a user's own whose row gives no power, in a file beside a description."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from sovereign_ai.catalog.row_template import template

DarkSwitch = Callable[[str, int, int], None]
LINE = "catalog: [hardware.yaml]"
"""What the description has in addition."""


def write_dark_switch(folder: Path, kind: str, ports: int, gigabits: int) -> None:
    """Write `hardware.yaml` with a switch called `dark`, of ports without a known power.

    Tests use the fixture `dark_switch`, which forgets the row afterwards: it would be a switch of every later
    description of the process.
    """
    lines = []
    for line in template("switch", "dark", date(2026, 11, 27)).splitlines():
        if " power: " in line or " uplink_" in line:
            continue
        lines.append(line)
    text = "\n".join(lines).replace("FILL IN", "our supplier")
    text = text.replace("value: ethernet", f"value: {kind}")
    text = text.replace("ports: {value: 64", f"ports: {{value: {ports}").replace("800", str(gigabits))
    folder.joinpath("hardware.yaml").write_text(f"{text}\n", encoding="utf-8")
