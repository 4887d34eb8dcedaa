"""A plan written in a format and read back gives the same pools and fabrics."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.adopt.fabrics import AdoptedFabric, rate_of
from sovereign_ai.adopt.part import AdoptedPart, adopt
from sovereign_ai.adopt.tables import read_tables
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.spec.reader import read_text
from tests.adopt.kit import site as site_from
from tests.adopt.round_trip import PAIRS, read_back
from tests.conftest import STACKS
from tests.render.lab import stack

SMALL = ("lab", "superpod", "plural")


def written(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    for file, text in netbox(*stack(name)).items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


@cache
def adopted(name: str) -> AdoptedPart:
    return adopt(read_back(name, "netbox"))


@pytest.fixture(params=SMALL)
def both(request: pytest.FixtureRequest) -> tuple[Plan, AdoptedPart]:
    """A plan, and the part that is read back from its tables."""
    return stack(request.param)[1], adopted(request.param)


def test_pools_have_the_same_machines_of_the_same_systems(both: tuple[Plan, AdoptedPart]) -> None:
    derived, part = both
    for one in part.pools:
        nodes = [node for node in derived.nodes if node.pool == one.name]
        assert {node.name for node in nodes} == set(one.machines)
        assert {(node.site, node.system) for node in nodes} == {(one.site, one.system)}
    assert sum(len(one.machines) for one in part.pools) == len(derived.nodes)


def of(part: AdoptedPart, plane: FabricPlan) -> AdoptedFabric:
    (found,) = [one for one in part.fabrics if one.name == f"{plane.fabric}-{plane.site}"]
    return found


def test_fabrics_have_the_same_switches_cables_rails_and_rates(both: tuple[Plan, AdoptedPart]) -> None:
    derived, part = both
    assert len(part.fabrics) == len(derived.fabrics)
    for plane in derived.fabrics:
        found = of(part, plane)
        unseen = sum("-manager-" in host for host in plane.host_links.lowers())
        assert (found.leaf, found.spine, found.core) == (plane.leaf, plane.spine, plane.core)
        assert (found.node_leaf, found.inner) == (
            plane.node_leaf - unseen,
            plane.leaf_spine + plane.spine_core,
        )
        assert (found.rails, found.link, found.site) == (plane.rails, plane.link, plane.site)
        assert found.kind == plane.kind
        assert found.role == plane.role


def test_what_the_tables_do_not_contain_becomes_a_question(both: tuple[Plan, AdoptedPart]) -> None:
    derived, part = both
    for site in part.to_data()["sites"]:
        assert set(site) == {"name"}
    for pool in part.to_data()["pools"]:
        assert not {"zone", "purpose"} & set(pool)
        assert any(
            question.startswith(f"pool {pool['name']}: purpose and zone") for question in part.questions
        )
    servers = sum(len(tier.servers) for tier in derived.storage)
    assert sum(int(one.split()[1]) for one in part.left_out if one.startswith("storage: ")) == servers


def test_the_part_as_yaml_has_the_same_data(both: tuple[Plan, AdoptedPart]) -> None:
    _, part = both
    assert yaml.safe_load(part.to_yaml()) == part.to_data()


def test_adopted_pools_and_fabrics_plan_to_the_existing_fabric(tmp_path: Path) -> None:
    part = adopt(read_tables(written(tmp_path / "tables", "lab"))).to_data()
    described = yaml.safe_load((STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8"))
    answers = {
        pool["name"]: {"purpose": pool["purpose"], "zone": pool["zone"]} for pool in described["pools"]
    }
    ours = [one for one in part["fabrics"] if one["role"] in ("compute", "storage")]
    rest = [one for one in described["fabrics"] if one["role"] not in ("compute", "storage")]
    text = yaml.safe_dump(
        described | {"pools": [one | answers[one["name"]] for one in part["pools"]], "fabrics": ours + rest}
    )
    again, before = plan(read_text(text.encode(), "factory.yaml").factory), stack("lab")[1]
    assert {node.name for node in again.nodes} == {node.name for node in before.nodes}
    for plane in again.fabrics:
        (twin,) = [one for one in before.fabrics if one.role == plane.role]
        assert (plane.leaf, plane.spine, plane.node_leaf, plane.leaf_spine) == (
            twin.leaf,
            twin.spine,
            twin.node_leaf,
            twin.leaf_spine,
        )
        assert (plane.rails, plane.link, plane.bisection) == (twin.rails, twin.link, twin.bisection)


def test_a_site_is_adopted_alone_and_an_unknown_one_has_a_hint(tmp_path: Path) -> None:
    tables = read_tables(written(tmp_path / "tables", "lab"))
    assert adopt(tables, only="fra1") == adopt(tables)
    with pytest.raises(SpecError, match="did you mean 'fra1'"):
        adopt(tables, only="fra2")


def test_a_model_that_the_catalogue_does_not_know_is_named_by_the_user(tmp_path: Path) -> None:
    folder = written(tmp_path / "tables", "lab")
    devices = folder / "6-devices.csv"
    devices.write_text(devices.read_text(encoding="utf-8").replace("dgx-h100", "XE9680"), encoding="utf-8")
    with pytest.raises(SpecError, match="no model is a system of the catalogue"):
        adopt(read_tables(folder))
    with pytest.raises(SpecError, match="did you mean 'dgx-h100'"):
        adopt(read_tables(folder), {"XE9680": "dgx-h10"})
    assert {one.system for one in adopt(read_tables(folder), {"XE9680": "dgx-h100"}).pools} == {"dgx-h100"}


def test_switches_without_a_clear_role_are_distinguished_by_their_cables(tmp_path: Path) -> None:
    folder = written(tmp_path / "tables", "lab")
    devices = folder / "6-devices.csv"
    text = devices.read_text(encoding="utf-8").replace(",leaf,", ",switch,").replace(",spine,", ",switch,")
    devices.write_text(text, encoding="utf-8")
    compute = next(one for one in adopt(read_tables(folder)).fabrics if one.role == "compute")
    assert (compute.leaf, compute.spine, compute.core) == (8, 4, 0)


@pytest.mark.parametrize("uplinks", ["1000base-t", "100gbase-x-qsfp28"])
def test_a_switchs_management_port_joins_no_planes_whatever_the_manager_is_cabled_above_with(
    uplinks: str, tmp_path: Path
) -> None:
    folder = written(tmp_path / "tables", "lab")
    interfaces = folder / "7-interfaces.csv"
    text = interfaces.read_text(encoding="utf-8")
    between = re.findall(r"^oob-fra1-p0-(?:spine-.*|leaf-[^,]*,[a-z]*4[5-8],.*)$", text, re.MULTILINE)
    for line in between:
        text = text.replace(line, line.replace("1000base-t", uplinks))
    interfaces.write_text(text, encoding="utf-8")
    found = {one.role: one for one in adopt(read_tables(folder)).fabrics}
    assert (found["compute"].leaf, found["compute"].spine, found["compute"].rails) == (8, 4, 8)
    assert (found["out-of-band"].leaf, found["out-of-band"].spine) == (2, 2)
    assert len(between) == 16


def test_heads_as_netboxs_own_export_has_them_are_read_too(tmp_path: Path) -> None:
    folder = written(tmp_path / "tables", "lab")
    devices = folder / "6-devices.csv"
    head, _, rest = devices.read_text(encoding="utf-8").partition("\n")
    assert "device_type" in head
    devices.write_text("\ufeff" + head.replace("device_type", "Type").title() + "\n" + rest, encoding="utf-8")
    assert sum(len(one.machines) for one in adopt(read_tables(folder)).pools) == 16


def test_every_fault_of_the_tables_is_reported_with_its_line(tmp_path: Path) -> None:
    folder = written(tmp_path / "tables", "lab")
    cables, interfaces = folder / "8-cables.csv", folder / "7-interfaces.csv"
    lines = cables.read_text(encoding="utf-8").splitlines()
    cables.write_text("\n".join([*lines, lines[1], "short,row"]) + "\n", encoding="utf-8")
    interfaces.write_text(interfaces.read_text(encoding="utf-8") + "nobody,eth0,other\n", encoding="utf-8")
    with pytest.raises(SpecError) as told:
        read_tables(folder)
    found = {(problem.code, problem.where.line) for problem in told.value.problems}
    end = len(lines)
    assert {("bad-cable", end + 1), ("bad-row", end + 2)} <= found
    assert "unknown-device" in {code for code, _ in found}


def test_a_table_that_is_missing_or_lacks_a_column_is_reported(tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text("name,site\na,b\n")
    with pytest.raises(SpecError) as told:
        read_tables(tmp_path)
    assert [problem.code for problem in told.value.problems].count("no-table") == 2
    assert "devices.csv lacks device_type" in str(told.value)


@pytest.mark.parametrize(
    ("kind", "rate"),
    [("800gbase-x-osfp", 800), ("infiniband-xdr-4x", 800), ("infiniband-hdr", 50), ("virtual", 0)],
)
def test_an_interfaces_type_determines_its_rate(kind: str, rate: int) -> None:
    assert rate_of(kind) == rate * 10**9


@pytest.mark.parametrize(("name", "form"), PAIRS)
def test_a_part_of_any_format_in_a_description_plans_to_the_stack(name: str, form: str) -> None:
    described = yaml.safe_load((STACKS / name / "factory.yaml").read_text(encoding="utf-8"))
    site = read_back(name, form)
    has_models = any(device.model for device in site.devices.values())
    models = {} if has_models else {pool["name"]: pool["system"] for pool in described["pools"]}
    part = adopt(site, models).to_data()
    text = yaml.safe_dump({**described, **answered(part, described)})
    again, before = plan(read_text(text.encode(), "factory.yaml").factory), stack(name)[1]
    assert {node.name for node in again.nodes} == {node.name for node in before.nodes}
    for plane, planned in zip(again.fabrics, before.fabrics, strict=True):
        assert shape(plane) == shape(planned)


def shape(plane: FabricPlan) -> tuple[int, ...]:
    """Return what of a plane does not depend on the order of pools."""
    switches = (plane.leaf, plane.spine, plane.core)
    cables = (plane.node_leaf, plane.leaf_spine, plane.spine_core)
    return (*switches, *cables, plane.rails, plane.link, plane.bisection)


def answered(part: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return the pools and fabrics of a part, with what it leaves open as the description has it."""
    pools = {pool["name"]: pool for pool in described["pools"]}
    assert {pool["name"] for pool in part["pools"]} == pools.keys()
    by_role = {fabric["role"]: fabric for fabric in part["fabrics"]}
    fabrics = []
    for fabric in described["fabrics"]:
        adopted = dict(by_role.get(fabric["role"], {}))
        # The ports of a switch are a question where the files name no model.
        if "switch" in fabric:
            adopted.pop("radix", None)
        fabrics.append({**fabric, **adopted, "name": fabric["name"]})
    return {"pools": [{**pools[pool["name"]], **pool} for pool in part["pools"]], "fabrics": fabrics}


def test_a_machine_without_a_model_is_a_pool_without_a_system() -> None:
    part = adopt(read_back("superpod", "topograph"))
    [pool] = part.to_data()["pools"]
    assert pool == {"name": "dgx", "nodes": 127}
    assert "pool dgx: system, site, purpose and zone are not in the files" in part.questions
    [fabric] = part.to_data()["fabrics"]
    assert fabric == {"name": "compute-lyon", "role": "compute"}
    [question] = [text for text in part.questions if text.startswith("fabric compute-lyon")]
    assert "4 leaves, 1 spine, 0 cores, 32 machines below the fullest leaf" in question


def test_a_system_that_is_named_for_one_pool_leaves_the_others_out() -> None:
    site = read_back("superpod", "ibnetdiscover")
    without = adopt(site)
    assert {pool.name for pool in without.pools} == {
        "compute-lyon-p0-manager",
        "dgx",
        "home-lyon-s",
        "hps-lyon-s",
    }
    part = adopt(site, {"dgx": "dgx-h100"})
    [pool] = part.pools
    assert (pool.system, len(pool.machines)) == ("dgx-h100", 127)
    assert len([text for text in part.left_out if text.startswith("machines: ")]) == 3
    [compute, storage] = part.fabrics
    # The cables of what is left out still fill leaves.
    planes = {plane.role: plane for plane in stack("superpod")[1].fabrics}
    assert (compute.node_leaf, storage.node_leaf) == (
        planes["compute"].node_leaf,
        planes["storage"].node_leaf,
    )
    assert compute.radix == planes["compute"].radix
    with pytest.raises(SpecError, match="did you mean 'dgx'"):
        adopt(site, {"dgy": "dgx-h100"})


def test_devices_with_management_ports_alone_are_no_pool() -> None:
    part = adopt(read_back("superpod", "containerlab"))
    assert {pool.name for pool in part.pools} == {"dgx", "home-lyon-s", "hps-lyon-s"}
    assert any("compute-lyon-p0-spine" in text for text in part.left_out)
    assert [fabric.role for fabric in part.fabrics] == ["in-band", "out-of-band"]


def test_gpus_that_are_not_those_of_the_system_are_a_question() -> None:
    nodes = "NodeName=a[1-2] Gres=gpu:4 Feature=dgx-h100\nNodeName=b1 Gres=gpu:4\n"
    nodes += "NodeName=c1 Gres=gpu:8 Feature=dgx-h100\n"
    part = adopt(site_from("slurm", nodes_conf=nodes))
    said = [text for text in part.questions if "GPUs" in text]
    assert said == [
        "pool a: its machines have 4 GPUs, a dgx-h100 has 8",
        "pool b: its machines have 4 GPUs",
    ]
    assert "fabrics: no link is in the files" in part.questions


def test_files_without_a_machine_are_refused() -> None:
    with pytest.raises(SpecError, match="no machine is in the files"):
        adopt(site_from("topograph", topograph_yaml="switches: {s1: {}}\n"))


@pytest.mark.parametrize(("name", "form"), PAIRS)
def test_the_yaml_of_every_format_has_the_data_of_the_part(name: str, form: str) -> None:
    part = adopt(read_back(name, form))
    data = {section: entries for section, entries in part.to_data().items() if entries}
    assert yaml.safe_load(part.to_yaml()) == data
