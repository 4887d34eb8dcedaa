"""A switch of a user's own whose row gives no power, in a file beside a description."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.catalog.row_template import template

LINE = "catalog: [hardware.yaml]"
"""What the description has in addition."""


def write_dark_switch(folder: Path, kind: str, ports: int, gigabits: int) -> None:
    """Write `hardware.yaml` with a switch called `dark`, of ports without a known power.

    The rows of descriptions that were read before are forgotten, among them other switches of this name.
    """
    clear_description_rows()
    lines = []
    for line in template("switch", "dark").splitlines():
        if " power: " in line or " uplink_" in line:
            continue
        lines.append(line)
    text = "\n".join(lines).replace("FILL IN", "our supplier")
    text = text.replace("value: ethernet", f"value: {kind}")
    text = text.replace("ports: {value: 64", f"ports: {{value: {ports}").replace("800", str(gigabits))
    folder.joinpath("hardware.yaml").write_text(f"{text}\n", encoding="utf-8")
