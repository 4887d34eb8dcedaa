"""`fabric check`: cables that are too short, and planes that OpenSM routes less evenly."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from tests.plan.wishes import pool, wish

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_fabric_check_finds_cables_that_do_not_reach(tmp_path: Path) -> None:
    lab = (STACKS / "lab" / "factory.yaml").read_text()
    (tmp_path / "factory.yaml").write_text(lab.replace("name: compute,", "name: compute, reach: 1 m,"))
    text, machine = call("fabric", "check", str(tmp_path)), call("fabric", "check", str(tmp_path), "--json")
    assert text.exit_code == machine.exit_code == 1
    assert "reach 1 m: too short" in text.stdout
    found = orjson.loads(machine.stdout)
    assert found["ok"] is False
    assert [plane["cabling"]["holds"] for plane in found["planes"]] == [False, True, True, True]


@pytest.mark.parametrize("stack", ["lab", "superpod", "gigafactory", "plural"])
def test_no_cable_of_a_stack_is_known_to_be_too_short(stack: str) -> None:
    assert call("fabric", "check", str(STACKS / stack)).exit_code == 0


def test_fabric_check_notes_a_plane_that_opensm_takes_for_no_fat_tree(tmp_path: Path) -> None:
    machines = pool(nodes=10, scalable_unit=1)
    plane = {"name": "f", "kind": "infiniband", "rails": 8, "radix": 32, "link": "400 Gbps"}
    uneven = {**plane, "padding": "none", "spines": 3, "leaf_hosts": 5, "uplinks": 5}
    for name, fabric in (("whole", {**plane, "padding": "none"}), ("uneven", uneven)):
        described = wish([machines], fabric).model_dump(mode="json", exclude_defaults=True)
        described["sites"][0]["power"]["survive"] = "none"
        (tmp_path / f"{name}.json").write_bytes(orjson.dumps(described))
    whole, noted = (
        call("fabric", "check", f"{tmp_path}/whole.json"),
        call("fabric", "check", f"{tmp_path}/uneven.json"),
    )
    assert "no fat tree" not in whole.stdout
    assert noted.exit_code == 0
    assert (
        "note: no fat tree to OpenSM's 'ftree': a leaf has 1 to 2 links to each of its spines."
        in " ".join(noted.stdout.split())
    )
    [routing] = orjson.loads(call("fabric", "check", f"{tmp_path}/uneven.json", "--json").stdout)["planes"]
    assert routing["routing"] == {"engine": "updn", "why": "a leaf has 1 to 2 links to each of its spines"}
