"""Designs that no stack resembles, in the programs of Debian: Kea, promtool, ibdm, and FRR's own parser.

A missing program fails, it is never skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.plan import Plan
from tests.loads.test_debian import put, run
from tests.outputs.designs import design
from tests.outputs.edge_designs import edge_design_names

pytestmark = pytest.mark.loads

LEFT_OUT = {"shortest names", "no network", "small clusters", "names that begin alike", "last numbers"}
"""Others have the same networks, and these programs read of them nothing else."""
SHAPES = [f"edge {name}" for name in edge_design_names() if name not in LEFT_OUT]
ASK_IBDM = """set f [new_IBFabric]
puts [IBFabric_parseTopology $f topology.topo]
puts "nodes [llength [IBFabric_NodeByName_get $f]]"
exit
"""


def refusals(folder: Path, plan: Plan) -> list[str]:
    """Return what the programs refuse of the files of a folder, after how many files were asked about."""
    asked = [(file, run("/usr/sbin/kea-dhcp4", "-t", str(file))) for file in folder.rglob("kea-dhcp4.json")]
    for file in _of_each_tier(folder):
        asked.append((file, run("vtysh", "-C", "-f", str(file))))
    for place in (folder / "monitoring").glob("*"):
        for words in (
            ("check", "config", "prometheus.yaml"),
            ("check", "rules", "rules.yaml"),
            ("test", "rules", "rules_test.json"),
        ):
            asked.append((place / words[2], run("promtool", *words, cwd=place)))
    refused = [f"{file}: {told[-400:]}" for file, told in asked if not told.endswith("exit 0")]
    for plane in plan.fabrics:
        place = folder / plane.name
        if plane.kind == "infiniband":
            told = run("ibdmsh", env={"IBDM_IBNL_PATH": str(place / "ibnl")}, text=ASK_IBDM, cwd=place)
            if f"nodes {len(plane.switches) + len(plane.host_links)}\n" not in told:
                refused.append(f"{place}: {told[-400:]}")
    assert asked
    return refused


def _of_each_tier(folder: Path) -> list[Path]:
    """Return `frr.conf` of the first and the last switch of each tier of each plane."""
    ends: dict[tuple[str, str], list[Path]] = {}
    for file in sorted(folder.glob("*/switches/*/frr.conf")):
        plane, switch = file.parts[-4], file.parts[-2]
        ends.setdefault((plane, switch.rstrip("0123456789")), []).append(file)
    return [file for files in ends.values() for file in dict.fromkeys((files[0], files[-1]))]


@pytest.mark.parametrize("name", SHAPES)
def test_debians_programs_take_what_is_written_of_a_design(name: str, tmp_path: Path) -> None:
    list(put(tmp_path, name, ""))
    assert refusals(tmp_path, design(name)[1]) == []


def test_each_program_notices_damage(tmp_path: Path) -> None:
    """The test above would be worth nothing if they took every file."""
    name = "edge pairs of switches in InfiniBand"
    plan = design(name)[1]
    for number, (pattern, old, new) in enumerate(
        (
            ("*/kea-dhcp4.json", '"circuit-id"', '"circuit"'),
            ("*/switches/*-leaf-r0-001/frr.conf", " bgp router-id", " bgp ruter-id"),
            ("monitoring/*/rules.yaml", " < on (switch) ", " > on (switch) "),
            ("compute-*/ibnl/*.ibnl", "TOPSYSTEM ", "TOPSYSTEMS "),
        )
    ):
        folder = tmp_path / str(number)
        list(put(folder, name, ""))
        assert old in "".join(file.read_text() for file in folder.glob(pattern)), pattern
        for file in folder.glob(pattern):
            file.write_text(file.read_text().replace(old, new))
        assert refusals(folder, plan), pattern
