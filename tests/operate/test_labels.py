"""Nodes get the labels of the place their cables lead to: on outputs in lldpd's shape, and on a real control
plane.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.errors import SovereignError, UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.operate.labels import (
    MANAGER,
    LabelledNode,
    cabling,
    lldpctl_rows,
    locate_node,
    locate_nodes,
    neighbours,
    write_labels,
)
from sovereign_ai.render.interop.labels import place_labels
from sovereign_ai.render.interop.topograph import switch_tiers
from sovereign_ai.sim.lldp import lldp
from sovereign_ai.sim.nodes import node_objects
from tests.conftest import STACKS, Deployed
from tests.render.lab import stack

RECORDED = Path(__file__).parent / "lldp" / "one-port.json"
"""lldpd 1.0.16 of Debian 12 on two ends of a cable between namespaces, `lldpcli -f json0 show neighbors`."""
PLAN = stack("lab")[1]
PLACE = {KEYS.tier(0), KEYS.tier(1), KEYS.rack, KEYS.scalable_unit, KEYS.hall}


def heard(node: str) -> dict[str, tuple[str, str]]:
    return neighbours(orjson.dumps(lldp(PLAN)[node]), f"{node}.json")


def texts() -> dict[str, bytes | SovereignError]:
    return {node: orjson.dumps(document) for node, document in lldp(PLAN).items()}


def at(node: str, met: dict[str, tuple[str, str]]) -> LabelledNode:
    return locate_node(cabling(PLAN), node, met)


def test_what_lldpd_really_prints_is_read() -> None:
    assert neighbours(RECORDED.read_bytes(), RECORDED.name) == {
        "compute0": ("compute-fra1-p0-leaf-r0-001", "swp7")
    }


def test_a_port_named_by_its_address_is_known_by_its_description() -> None:
    document = orjson.loads(RECORDED.read_bytes())
    document["lldp"][0]["interface"][0]["port"][0]["id"][0] = {"type": "mac", "value": "02:00:00:00:00:01"}
    assert neighbours(orjson.dumps(document), "n.json")["compute0"][1] == "swp7"


def test_of_several_neighbours_firmware_does_not_count_and_two_devices_leave_no_place() -> None:
    document = lldp(PLAN)["train-001"]
    rows = document["lldp"][0]["interface"]
    whole = neighbours(orjson.dumps(document), "n.json")
    firmware = {**rows[0], "chassis": [{"id": [{"type": "mac", "value": "02:00:00:00:00:01"}]}]}
    rows.append(firmware)
    assert neighbours(orjson.dumps(document), "n.json") == whole
    rows.append({**rows[0], "chassis": [{**rows[0]["chassis"][0], "name": [{"value": "stranger"}]}]})
    assert neighbours(orjson.dumps(document), "n.json").keys() == whole.keys() - {rows[0]["name"]}
    assert len(lldpctl_rows(orjson.dumps(document), "n.json")) == len(whole) + 2


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"lldp": {"interface": {}}}', '{"lldp": [{"interface": [{"name": "a"}]}]}']
)
def test_what_is_no_output_of_lldpctl_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        neighbours(text.encode("utf-8", "surrogatepass"), "n.json")


@pytest.mark.parametrize(
    ("text", "amiss"),
    [
        ("", ":1:1: it is empty; expected what lldpctl printed"),
        ("{}", ":1:1: lldp: it is not what lldpctl printed: expected a list"),
        ('{\n "lldp": [\n', ":3:1: it breaks off; expected what lldpctl printed"),
        ("lldpd does not run", ":1:1: this is no JSON; expected what lldpctl printed"),
        ('{"lldp": {"interface": []}}', ":1:10: lldp: it is not what lldpctl printed: expected a list"),
    ],
)
def test_what_is_amiss_is_told_in_words_with_the_file_and_what_was_expected(text: str, amiss: str) -> None:
    [found] = locate_nodes(PLAN, {"train-001": text.encode()})
    assert found.findings == (f"train-001.json{amiss}",)
    assert found.labels == {}


@given(st.text())
def test_no_text_is_read_as_neighbours_by_accident(text: str) -> None:
    with pytest.raises(UsageError):
        neighbours(text.encode("utf-8", "surrogatepass"), "n.json")


def test_cabled_as_planned_every_node_gets_what_the_simulator_gives_it() -> None:
    factory, plan = stack("lab")
    simulated = {
        obj["metadata"]["name"]: obj["metadata"]["labels"] for obj in node_objects(factory, plan, "lab")
    }
    found = locate_nodes(plan, texts())
    assert len(found) == 16
    for one in found:
        assert one.findings == ()
        assert one.labels.keys() == PLACE
        assert one.labels.items() <= simulated[one.node].items()


def test_a_switch_with_its_domain_behind_its_name_is_the_same_switch() -> None:
    met = {name: (f"{switch}.fabric.example", port) for name, (switch, port) in heard("train-003").items()}
    assert at("train-003", met) == at("train-003", heard("train-003"))


def test_a_machine_in_anothers_place_gets_the_places_labels_and_is_told() -> None:
    one = at("train-001", heard("serve-002"))
    assert one.place == "serve-002"
    assert one.labels == place_labels(
        next(node for node in PLAN.nodes if node.name == "serve-002"), switch_tiers(PLAN)["serve-002"]
    )
    assert one.labels[KEYS.tier(0)].startswith("compute-fra1-p0-leaf-r0-")
    assert one.findings == ("is cabled where serve-002 is planned",)


def test_two_nodes_in_one_place_get_no_labels_either_of_them() -> None:
    found = {one.node: one for one in locate_nodes(PLAN, texts() | {"train-001": texts()["train-002"]})}
    assert found["train-001"].labels == found["train-002"].labels == {}
    assert "2 nodes are cabled where train-002 is planned" in found["train-002"].findings


def test_a_cable_of_another_machine_takes_the_labels_away_and_is_named() -> None:
    met = heard("train-001") | {"compute3": heard("train-002")["compute3"]}
    one = at("train-001", met)
    assert (one.place, one.labels) == ("", {})
    switch, port = heard("train-002")["compute3"]
    assert f"compute3 meets {switch} {port}, which is planned for train-002 compute3" in one.findings


def test_two_rails_swapped_on_one_machine_leave_it_its_place_and_are_named() -> None:
    met = heard("train-001")
    met["compute3"], met["compute4"] = met["compute4"], met["compute3"]
    one = at("train-001", met)
    assert one.place == "train-001"
    assert sorted(text.partition(" meets ")[0] for text in one.findings) == ["compute3", "compute4"]


def test_a_silent_port_and_one_at_a_free_port_are_told() -> None:
    met = heard("train-001")
    switch, _ = met.pop("compute3")
    met["compute3"] = (switch, "swp999")
    one = at("train-001", met)
    assert one.findings == (
        f"1 of {cabling(PLAN).counts['train-001']} planned ports hear no switch",
        f"compute3 meets {switch} swp999, which no machine is planned for",
    )


def test_a_node_that_hears_none_of_our_switches_has_no_place() -> None:
    assert at("train-001", {"eth0": ("core-of-somebody", "swp1")}) == LabelledNode(
        "train-001", "", findings=("no port meets a switch port of the plan",)
    )


def test_the_command_prints_by_default_and_tells_what_is_off(tmp_path: Path) -> None:
    for node, text in texts().items():
        (tmp_path / f"{node}.json").write_bytes(text)
    arguments = ["inventory", "label", str(STACKS / "lab"), "--lldp", str(tmp_path)]
    fine = CliRunner().invoke(app, arguments)
    assert (fine.exit_code, fine.stdout) == (0, "16 of 16 nodes would have their labels\n")
    (tmp_path / "train-001.json").write_text("lldpd does not run", encoding="utf-8")
    data: dict[str, Any] = orjson.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [one["node"] for one in data["nodes"] if one["findings"]] == ["train-001"]
    assert CliRunner().invoke(app, [*arguments[:-1], str(tmp_path / "none")]).exit_code == 2


@pytest.mark.cluster
def test_a_real_control_plane_gets_back_what_was_lost_and_keeps_what_is_anothers(
    deployed_lab: Deployed,
) -> None:
    api, plan = deployed_lab.api, deployed_lab.plan
    before = labels(deployed_lab)
    placed = locate_nodes(plan, texts())
    done = write_labels(api, placed, progress=lambda _line: None)
    assert all(one.findings == () for one in done)
    assert labels(deployed_lab) == before
    owners = {field["manager"] for field in api.get("v1", "Node", "train-001")["metadata"]["managedFields"]}  # type: ignore[index]
    assert MANAGER in owners
    (absent,) = write_labels(api, [LabelledNode("nobody", "nobody")], progress=lambda _line: None)
    assert absent.findings == ("the cluster has no such node",)
    (contested,) = write_labels(
        api, [LabelledNode("train-001", "train-001", {KEYS.rack: "elsewhere"})], progress=lambda _line: None
    )
    assert "the server refused" in contested.findings[0]
    assert labels(deployed_lab) == before


def labels(deployed: Deployed) -> dict[str, dict[str, str]]:
    """Give every node's labels."""
    return {obj["metadata"]["name"]: obj["metadata"]["labels"] for obj in deployed.api.list("v1", "Node")}
