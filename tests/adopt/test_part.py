"""A plan written as NetBox's tables and read back has the same servers, switches and cables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sovereign_ai.adopt.fabrics import AdoptedFabric, rate_of
from sovereign_ai.adopt.part import AdoptedPart, adopt
from sovereign_ai.adopt.tables import read_tables
from sovereign_ai.cli.main import app
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.spec.reader import read_text
from tests.conftest import STACKS
from tests.render.lab import stack

SMALL = ("lab", "superpod", "plural")


def written(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    for file, text in netbox(*stack(name)).items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(params=SMALL)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Plan, AdoptedPart]:
    """A plan, and the part that is read back from its tables."""
    return stack(request.param)[1], adopt(read_tables(written(tmp_path / "tables", request.param)))


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


def test_the_command_prints_a_part_and_refuses_half_a_model(tmp_path: Path) -> None:
    folder = written(tmp_path / "tables", "lab")
    told = CliRunner().invoke(app, ["inventory", "adopt", str(folder)])
    assert told.exit_code == 0
    assert yaml.safe_load(told.stdout)["pools"][0]["nodes"] == 4
    assert (
        CliRunner()
        .invoke(app, ["inventory", "adopt", str(folder), "-o", str(tmp_path / "part.yaml")])
        .exit_code
        == 0
    )
    assert (tmp_path / "part.yaml").read_text(encoding="utf-8") == told.stdout
    assert CliRunner().invoke(app, ["inventory", "adopt", str(folder), "--model", "XE9680"]).exit_code == 2
