"""Cables judged from a folder of files: what is right, and each way in which a port can be wrong, by every
kind of report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.errors import UsageError
from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.operate.observation import Observation, observe
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.sim.lldp import lldp
from tests.render.lab import STACKS, stack

LEAF = "compute-fra1-p0-leaf-r0-001"


def neighbour(here: str, device: str, port: str) -> dict[str, Any]:
    chassis = {"id": [{"type": "local", "value": device}], "name": [{"value": device}]}
    there = {"id": [{"type": "ifname", "value": port}], "descr": [{"value": port}]}
    return {"name": here, "chassis": [chassis], "port": [there]}


def document(rows: list[dict[str, Any]]) -> str:
    return json.dumps({"lldp": [{"interface": rows}]})


def switches(*, sonic: bool = False) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield what every Ethernet switch of the lab hears, under its own names of ports."""
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    for plane in plan.fabrics:
        for one in port_maps(factory, plan, plane):
            rows = []
            for port in one.ports:
                here = one.panel.port(port.name).name if sonic else port.interface
                rows.append(neighbour(here, *wanted.planned[one.switch.name, port.interface]))
            yield one.switch.name, rows


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Write what everybody hears where all is cabled as planned."""
    for name, data in lldp(stack("lab")[1]).items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    for name, rows in switches():
        (tmp_path / f"{name}.json").write_text(document(rows))
    return tmp_path


def judged(folder: Path, **more: Any) -> Observation:
    return observe(*stack("lab"), folder, **more)


def wrong(observation: Observation) -> dict[tuple[str, str], str]:
    return {(port.device, port.port): str(port.state) for port in observation.wrong}


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text())["lldp"][0]["interface"]
    return found


def test_what_is_cabled_as_planned_is_right_at_every_port(seen: Path) -> None:
    observation = judged(seen)
    assert observation.ok
    assert len(observation.ports) == 2 * sum(len(plane.cables) for plane in stack("lab")[1].fabrics)


def test_sonics_own_port_names_are_the_same_ports(seen: Path) -> None:
    for name, heard in switches(sonic=True):
        (seen / f"{name}.json").write_text(document(heard))
    assert judged(seen).ok


def test_two_exchanged_cables_are_exactly_four_ports_and_say_what_they_meet(seen: Path) -> None:
    heard = rows(seen, LEAF)
    first, second = (next(row for row in heard if row["name"] == name) for name in ("swp1", "swp2"))
    first["name"], second["name"] = "swp2", "swp1"
    (seen / f"{LEAF}.json").write_text(document(heard))
    for machine, port in (("train-001", "swp2"), ("train-002", "swp1")):
        mine = rows(seen, machine)
        changed = [neighbour("compute0", LEAF, port) if row["name"] == "compute0" else row for row in mine]
        (seen / f"{machine}.json").write_text(document(changed))
    found = judged(seen)
    ports = {(LEAF, "swp1"), (LEAF, "swp2"), ("train-001", "compute0"), ("train-002", "compute0")}
    assert wrong(found) == dict.fromkeys(ports, "swapped")
    assert any(
        f"{LEAF} swp1: swapped, meets train-002 compute0; planned: train-001 compute0" in line
        for line in found.lines(every=False)
    )


def test_a_cable_that_is_not_there_is_missing_at_both_ends(seen: Path) -> None:
    (seen / f"{LEAF}.json").write_text(document([row for row in rows(seen, LEAF) if row["name"] != "swp1"]))
    (seen / "train-001.json").write_text(
        document([row for row in rows(seen, "train-001") if row["name"] != "compute0"])
    )
    assert wrong(judged(seen)) == {(LEAF, "swp1"): "missing", ("train-001", "compute0"): "missing"}


def test_a_cable_that_one_end_alone_hears_is_half_seen(seen: Path) -> None:
    (seen / f"{LEAF}.json").write_text(document([row for row in rows(seen, LEAF) if row["name"] != "swp1"]))
    assert wrong(judged(seen)) == {(LEAF, "swp1"): "half seen", ("train-001", "compute0"): "half seen"}


def test_a_stranger_is_unknown_and_a_port_that_is_planned_free_is_named(seen: Path) -> None:
    heard = [
        neighbour("swp1", "laptop", "eth0") if row["name"] == "swp1" else row for row in rows(seen, LEAF)
    ]
    (seen / f"{LEAF}.json").write_text(document([*heard, neighbour("swp99", "laptop", "eth1")]))
    found = judged(seen)
    assert wrong(found)[LEAF, "swp1"] == "unknown"
    assert found.extra == (((LEAF, "swp99"), ("laptop", "eth1")),)


def test_a_port_that_is_down_is_missing_whatever_it_heard_before(seen: Path) -> None:
    (seen / f"{LEAF}.ports.json").write_text(
        json.dumps([{"ifname": "swp1", "operstate": "DOWN"}, {"ifname": "swp2", "operstate": "UP"}])
    )
    assert wrong(judged(seen)) == {(LEAF, "swp1"): "missing", ("train-001", "compute0"): "missing"}


def test_a_mac_table_names_a_machine_whose_address_is_known(tmp_path: Path) -> None:
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    leaf, port = wanted.planned["train-001", "in-band0"]
    table = [
        {"mac": "b8:3f:d2:00:00:01", "ifname": port},
        {"mac": "b8:3f:d2:00:00:02", "ifname": "swp60"},
        {"mac": "b8:3f:d2:00:00:03", "ifname": "swp60"},
    ]
    (tmp_path / f"{leaf}.fdb.json").write_text(json.dumps(table))
    macs = {f"train-00{number}": f"b8:3f:d2:00:00:0{number}" for number in (1, 2, 3)}
    states = {
        (one.device, one.port): str(one.state)
        for one in judged(tmp_path, macs=macs, plane="inband-fra1-p0").ports
    }
    assert states[leaf, port] == states["train-001", "in-band0"] == "right"
    # Two owners behind one port are a switch in between, and no cable to either.
    assert states["train-002", "in-band0"] != "right"


def test_a_silent_factory_is_not_reported_and_never_right(tmp_path: Path) -> None:
    (tmp_path / "train-001.json").write_text(document([]))
    found = judged(tmp_path)
    assert not found.ok
    assert {str(port.state) for port in found.ports} == {"not reported", "missing"}


def test_a_subnet_as_planned_is_right_and_a_lost_adapter_is_missing(tmp_path: Path) -> None:
    factory, plan = stack("superpod")
    plane = plan.fabrics[1]
    text = ["vendid=0x0"]
    wanted = expected(factory, plan)
    names = {
        plain: other
        for other, plain in wanted.aliases.items()
        if wanted.planes.get(plain) == plane.name and "-" in other[0]
    }
    ends: dict[str, dict[str, tuple[str, str]]] = {}
    for near, far in wanted.planned.items():
        if wanted.planes[near] == plane.name:
            here, there = names[near], names[far]
            ends.setdefault(here[0], {})[here[1]] = there
    for name, ports in ends.items():
        kind = "Switch\t64" if "-leaf-" in name or "-spine-" in name else "Ca\t1"
        text.append(f'{kind} "{name}"\t# "{name}" lid 1')
        text += [
            f'[{port}]\t"{far}"[{far_port}]\t# "{far}" lid 2 4xNDR' for port, (far, far_port) in ports.items()
        ]
    (tmp_path / "subnet.txt").write_text("\n".join(text))
    assert observe(factory, plan, tmp_path, plane.name).ok
    lost = next(number for number, line in enumerate(text) if line.startswith("Ca"))
    kept = [
        line for line in text[:lost] + text[lost + 2 :] if f'"{text[lost].split(chr(34))[1]}"' not in line
    ]
    (tmp_path / "subnet.txt").write_text("\n".join(kept))
    found = observe(factory, plan, tmp_path, plane.name)
    assert {str(port.state) for port in found.wrong} == {"missing"}
    assert len(found.wrong) == 2


def test_a_broken_file_is_named_and_the_others_are_judged(seen: Path) -> None:
    (seen / f"{LEAF}.json").write_text("{")
    found = judged(seen)
    assert not found.ok
    assert [
        str(problem.where).endswith(f"{LEAF}.json:1:2") or LEAF in str(problem.where)
        for problem in found.unread
    ] == [True]
    assert not found.wrong


def test_an_unknown_plane_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as empty:
        judged(tmp_path)
    with pytest.raises(UsageError) as unknown:
        judged(tmp_path, plane="compute")
    assert [error.value.problems[0].code for error in (empty, unknown)] == ["no-reports", "unknown-plane"]


def test_the_command_says_it_as_a_list_and_as_json_with_the_same_exit_code(seen: Path) -> None:
    words = ["fabric", "observe", str(STACKS / "lab"), "--from", str(seen)]
    assert CliRunner().invoke(app, words).exit_code == 0
    (seen / "train-001.json").write_text(document([]))
    told = CliRunner().invoke(app, words)
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert told.exit_code == 1
    assert "train-001 compute0: half seen" in told.stdout
    # A machine speaks for all its ports but its management controller's.
    assert data["states"]["half seen"] == 2 * (len(rows(seen, "train-002")) - 1)
    assert {port["rack"] for port in data["ports"] if port["device"] == "train-001"} == {"h1-r001"}
