"""The lab's planned machines, served by sushy-tools' own static server with TLS and an account, read back and
compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.sim.redfish import FIRMWARE, redfish_tree
from sovereign_ai.verify.redfish.comparison import RedfishInventory, compare
from sovereign_ai.verify.redfish.endpoints import read_endpoints
from sovereign_ai.verify.redfish.read import read_all
from tests.conftest import STACKS
from tests.render.lab import stack
from tests.verify.redfish.racks import certificates, endpoints, served, write_tree

Tree = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def planned() -> Tree:
    return redfish_tree(stack("lab")[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("racks")
    certificates(place)
    return place


def without(collection: dict[str, Any], name: str) -> dict[str, Any]:
    return collection | {
        "Members": [one for one in collection["Members"] if not one["@odata.id"].endswith(f"/{name}")]
    }


OFF: dict[str, tuple[str, dict[str, Any], str, Any, Any]] = {
    "train-001": ("Systems/train-001", {"Model": "PowerEdge R750"}, "model", "dgx-h100", "PowerEdge R750"),
    "train-002": ("Systems/train-002", {"PowerState": "Off"}, "power", "On", "Off"),
    "train-003": ("Systems/train-003/Processors/GPU_2", {"Status": {"State": "Absent"}}, "gpus", 8, 7),
    "train-004": (
        "Systems/train-004/Processors/GPU_2",
        {"Model": "NVIDIA A100 SXM4"},
        "gpus.GPU_2.model",
        "h100-sxm",
        "NVIDIA A100 SXM4",
    ),
    "train-005": (
        "Systems/train-005/Processors/GPU_2",
        {"Status": {"Health": "Critical"}},
        "gpus.GPU_2.health",
        "OK",
        "Critical",
    ),
    "train-006": (
        "Chassis/train-006/NetworkAdapters/compute5/Ports/0",
        {"MaxSpeedGbps": 200},
        "ports of 400 Gbps or more",
        10,
        9,
    ),
    "train-007": (
        "Chassis/train-007",
        {"Location": {"Placement": {"Rack": "h1-r009"}}},
        "rack",
        "h1-r002",
        "h1-r009",
    ),
    "train-008": (
        "UpdateService/FirmwareInventory/train-008-BMC",
        {"Version": "23.01"},
        "firmware.BMC",
        FIRMWARE["BMC"],
        "23.01",
    ),
}
"""Machine to what is changed of it, and the finding that is wanted."""


@pytest.fixture(scope="module")
def address(folder: Path, planned: Tree) -> Iterator[str]:
    """One server for the module."""
    with served(folder, planned) as found:
        yield found


def racked(folder: Path, address: str) -> RedfishInventory:
    """Read the server's tree and compare it with the lab."""
    given, access = read_endpoints(endpoints(folder, [{"address": address}]))
    plan = stack("lab")[1]
    return compare(plan, *read_all(given.services(plan), access, lambda _line: None), given)


@pytest.fixture(scope="module")
def off(folder: Path, address: str, planned: Tree) -> RedfishInventory:
    """What is found where each of some machines is off in its own way.

    What was as planned before is asked first.
    """
    found = racked(folder, address)
    assert (found.planned, found.seen, found.findings, found.unreachable, found.ok) == (16, 16, (), (), True)
    changes = {path: planned[path] | more for path, more, *_ in OFF.values()}
    changes["Systems"] = without(planned["Systems"], "train-009")
    changes["Systems/train-010"] = planned["Systems/train-010"] | {"HostName": "trian-010"}
    changes["Systems/train-012"] = planned["Systems/train-012"] | {"HostName": "train-011"}
    write_tree(folder / "tree", changes)
    (folder / "tree" / "Systems" / "serve-001" / "Processors" / "GPU_7" / "index.json").unlink()
    return racked(folder, address)


def of(found: RedfishInventory, machine: str) -> list[tuple[str, str, Any, Any]]:
    return [
        (one.kind, one.field, one.wanted, one.found)
        for one in found.findings
        if one.resource == f"Machine/{machine}"
    ]


@pytest.mark.parametrize("machine", sorted(OFF))
def test_each_deviation_is_found_on_its_machine_and_nothing_else(off: RedfishInventory, machine: str) -> None:
    _, _, field, wanted, seen = OFF[machine]
    assert of(off, machine) == [("changed", field, wanted, seen)]


def test_a_machine_that_is_not_there_is_missing(off: RedfishInventory) -> None:
    assert of(off, "train-009") == [("missing", "", None, None)]


def test_a_machine_of_another_name_is_extra_and_its_own_is_missing(off: RedfishInventory) -> None:
    assert [of(off, name)[0][0] for name in ("train-010", "trian-010")] == ["missing", "foreign"]
    assert "did you mean 'train-010'" in next(
        one.hint for one in off.findings if one.resource == "Machine/trian-010"
    )


def test_two_machines_of_one_name_are_told(off: RedfishInventory) -> None:
    assert [of(off, name)[0][0] for name in ("train-011", "train-012")] == ["foreign", "missing"]


def test_a_gpu_that_is_listed_and_does_not_answer_is_not_there(off: RedfishInventory) -> None:
    assert of(off, "serve-001") == [("changed", "gpus", 8, 7)]


def test_machines_that_are_as_planned_are_in_no_finding(off: RedfishInventory) -> None:
    named = {one.resource.partition("/")[2] for one in off.findings}
    assert named == {*OFF, "train-009", "train-010", "trian-010", "train-011", "train-012", "serve-001"}
    assert not off.ok


def test_a_controller_of_one_machine_speaks_for_that_machine_whatever_it_calls_itself(tmp_path: Path) -> None:
    certificates(tmp_path)
    plan = stack("lab")[1]
    tree = redfish_tree(plan, ["train-001"])
    tree["Systems/train-001"]["HostName"] = "localhost"
    board = {
        "Systems/HGX_Baseboard_0": {
            "@odata.id": "/redfish/v1/Systems/HGX_Baseboard_0",
            "Id": "HGX_Baseboard_0",
            "Name": "GPU board",
        }
    }
    tree["Systems"]["Members"].append({"@odata.id": "/redfish/v1/Systems/HGX_Baseboard_0"})
    with served(tmp_path, tree | board) as address:
        given, access = read_endpoints(endpoints(tmp_path, [{"address": address, "machine": "train-001"}]))
        (one,), silent = read_all(given.services(plan), access, lambda _line: None)
    assert (one.name, one.model, len(one.gpus), len(one.ports), silent) == (
        "train-001",
        "dgx-h100",
        8,
        10,
        [],
    )


def test_a_controller_that_tells_of_no_system_is_unreachable_and_ends_nothing(tmp_path: Path) -> None:
    certificates(tmp_path)
    tree = redfish_tree(stack("lab")[1], ["train-001"])
    tree["Systems"]["Members"] = []
    with served(tmp_path, tree) as address:
        given, access = read_endpoints(endpoints(tmp_path, [{"address": address, "machine": "train-001"}]))
        racked, (silent,) = read_all(given.services(stack("lab")[1]), access, lambda _line: None)
    assert (racked, silent.reason) == ([], "it reports no system")


def test_a_wrong_account_is_unreachable_and_says_why(folder: Path, address: str) -> None:
    file = endpoints(folder, [{"address": address, "machine": "train-001"}])
    (folder / "password").write_text("guess\n", encoding="utf-8")
    given, access = read_endpoints(file)
    _, (silent,) = read_all(given.services(stack("lab")[1]), access, lambda _line: None)
    assert silent.reason == "it refuses the account"


def test_a_certificate_of_nobody_we_trust_is_refused(folder: Path, address: str) -> None:
    certificates(folder, "other")
    given, access = read_endpoints(
        endpoints(folder, [{"address": address, "machine": "train-001"}], ca="other.pem")
    )
    racked, (silent,) = read_all(given.services(stack("lab")[1]), access, lambda _line: None)
    assert racked == []
    assert "certificate verify failed" in silent.reason


def test_nobody_there_is_unreachable_and_not_missing(folder: Path) -> None:
    given, access = read_endpoints(
        endpoints(folder, [{"address": "https://127.0.0.1:1", "machine": "train-001"}])
    )
    plan = stack("lab")[1]
    found = compare(plan, *read_all(given.services(plan), access, lambda _line: None), given)
    assert [one.machine for one in found.unreachable] == ["train-001"]
    assert {one.resource for one in found.findings} == {f"Machine/{node.name}" for node in plan.nodes} - {
        "Machine/train-001"
    }


@pytest.mark.parametrize("elsewhere", ["https://127.0.0.1:1", "http://127.0.0.1:1", "//127.0.0.1:1"])
def test_the_account_is_never_sent_where_an_answer_points(tmp_path: Path, elsewhere: str) -> None:
    certificates(tmp_path)
    tree = redfish_tree(stack("lab")[1], ["train-001"])
    tree["Systems"]["Members"] = [{"@odata.id": f"{elsewhere}/redfish/v1/Systems/1"}]
    with served(tmp_path, tree) as address:
        given, access = read_endpoints(endpoints(tmp_path, [{"address": address, "machine": "train-001"}]))
        racked, (silent,) = read_all(given.services(stack("lab")[1]), access, lambda _line: None)
    assert racked == []
    assert "which is another" in silent.reason


def test_a_tree_without_an_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sovereign_ai.verify.redfish import connector

    monkeypatch.setattr(connector, "MOST_REQUESTS", 5)
    certificates(tmp_path)
    with served(tmp_path, redfish_tree(stack("lab")[1], ["train-001"])) as address:
        given, access = read_endpoints(endpoints(tmp_path, [{"address": address, "machine": "train-001"}]))
        _, (silent,) = read_all(given.services(stack("lab")[1]), access, lambda _line: None)
    assert "more than 5 resources" in silent.reason


def test_nothing_but_reading_leaves_the_connection() -> None:
    from sushy.exceptions import ConnectionError as RefusedError

    from sovereign_ai.verify.redfish.connector import ReadOnlyConnector

    for verb in ("post", "patch", "put", "delete"):
        with pytest.raises(RefusedError, match="only reads"):
            getattr(ReadOnlyConnector("https://127.0.0.1:1"), verb)("/redfish/v1/Systems/1")


def test_the_command_asks_tells_and_writes_the_tree_it_was_asked_for(tmp_path: Path) -> None:
    certificates(tmp_path)
    stack_folder = str(STACKS / "lab")
    assert (
        CliRunner()
        .invoke(app, ["inventory", "simulate", stack_folder, "-o", str(tmp_path / "written")])
        .exit_code
        == 0
    )
    tree = redfish_tree(stack("lab")[1], ["serve-001"])
    written = orjson.loads((tmp_path / "written" / "Systems" / "serve-001" / "index.json").read_bytes())
    assert written == tree["Systems/serve-001"]
    tree["Systems/serve-001"]["PowerState"] = "Off"
    with served(tmp_path, tree) as address:
        file = endpoints(tmp_path, [{"address": address, "machine": "serve-001"}])
        told = CliRunner().invoke(app, ["inventory", "check", stack_folder, "--redfish", str(file)])
    assert told.exit_code == 1
    assert 'changed Machine/serve-001: power: wanted "On", found "Off"' in told.stdout
    assert "missing Machine/train-001" in told.stdout
