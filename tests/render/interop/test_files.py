"""What other systems are told: golden files for the lab, and what must hold of every stack."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
import yaml

from sovereign_ai.render.interop.cabling import cables_csv, length, medium, part, rail_map
from sovereign_ai.render.interop.files import Known, files
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.render.interop.racks import models, stands
from tests.render.lab import stack

GOLDEN = Path(__file__).parent / "golden"
SMALL = ("lab", "plural", "superpod")


@cache
def written(name: str) -> dict[str, str]:
    return dict(files(*stack(name)))


def rows(name: str, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(name)[file])))


@pytest.mark.parametrize(
    "file",
    [
        "compute-fra1-p0/cables.csv",
        "compute-fra1-p0/topograph.yaml",
        "inband-fra1-p0/kea-dhcp4.json",
        "netbox/6-devices.csv",
        "bare-metal/lab.yaml",
        "racks/fra1/h1-r001.svg",
    ],
)
def test_the_labs_files_are_the_golden_ones(file: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / file.replace("/", "."), written("lab")[file])


@pytest.mark.parametrize("name", SMALL)
def test_netboxs_cables_end_at_interfaces_of_devices_that_are_imported_before(name: str) -> None:
    devices = {row["name"] for row in rows(name, "netbox/6-devices.csv")}
    interfaces = [(row["device"], row["name"]) for row in rows(name, "netbox/7-interfaces.csv")]
    cables = rows(name, "netbox/8-cables.csv")
    ends = [(row[f"side_{side}_device"], row[f"side_{side}_name"]) for row in cables for side in "ab"]
    assert len(set(interfaces)) == len(interfaces)
    assert {device for device, _ in interfaces} <= devices
    assert set(ends) == set(interfaces)
    assert max(Counter(ends).values()) == 1
    assert {row["rack"] for row in rows(name, "netbox/6-devices.csv")} <= {row["name"] for row in rows(name, "netbox/5-racks.csv")}
    known = {(row["manufacturer"], row["model"]) for row in rows(name, "netbox/3-device-types.csv")}
    assert {(row["manufacturer"], row["device_type"]) for row in rows(name, "netbox/6-devices.csv")} == known


@pytest.mark.parametrize("name", SMALL)
def test_every_cable_of_the_plan_is_in_a_list_under_a_label_of_its_own(name: str) -> None:
    for plane in stack(name)[1].fabrics:
        found = rows(name, f"{plane.name}/cables.csv")
        assert len({row["label"] for row in found}) == len(plane.cables)
        assert [(row["a"], row["a port"], row["b"], row["b port"]) for row in found] == list(plane.cables)


@pytest.mark.parametrize("name", SMALL)
def test_each_gpu_speaks_through_exactly_one_port_of_its_compute_plane(name: str) -> None:
    plan = stack(name)[1]
    for plane in (one for one in plan.fabrics if one.role == "compute"):
        for host, ports in rail_map(plan, plane).items():
            gpus = next(node.gpus for node in plan.nodes if node.name == host)
            assert sorted(gpu for port in ports for gpu in port["gpus"]) == list(range(gpus)), host


@pytest.mark.parametrize("name", SMALL)
def test_topographs_tree_has_every_machine_once_and_one_root(name: str) -> None:
    plan = stack(name)[1]
    for plane in (one for one in plan.fabrics if one.role == "compute"):
        model = yaml.safe_load(written(name)[f"{plane.name}/topograph.yaml"])
        machines = {host for host, *_ in plane.cables[: plane.node_leaf]} & {node.name for node in plan.nodes}
        under = Counter(node for one in model["switches"].values() for node in one.get("nodes", ()))
        assert under == dict.fromkeys(machines, 1)
        below = Counter(switch for one in model["switches"].values() for switch in one.get("switches", ()))
        assert max(below.values(), default=1) == 1
        assert len(model["switches"].keys() - below.keys()) == 1
        assert {node for block in model["capacity_blocks"].values() for node in block["nodes"]} == model["nodes"].keys() == machines


def test_a_reservation_goes_by_the_port_until_the_machines_mac_is_known() -> None:
    factory, plan = stack("lab")
    text = dict(files(factory, plan, Known(macs={"train-001": "02:00:00:00:00:01"})))
    first, second, *_ = orjson.loads(text["inband-fra1-p0/kea-dhcp4.json"])["Dhcp4"]["subnet4"][0]["reservations"]
    assert (first["hw-address"], first["ip-address"]) == ("02:00:00:00:00:01", "10.64.0.2")
    assert second["circuit-id"] == "'inband-fra1-p0-leaf-r0-001:swp2'"
    host = next(yaml.safe_load_all(text["bare-metal/lab.yaml"]))
    assert host["spec"]["bootMACAddress"] == "02:00:00:00:00:01"


@pytest.mark.parametrize("name", SMALL)
def test_no_file_holds_a_secret_or_turns_verification_off(name: str) -> None:
    for file, text in written(name).items():
        assert "password" not in text.lower(), file
        assert "disableCertificateVerification: true" not in text, file


def test_lengths_grow_with_rows_and_places() -> None:
    assert length((0, 0), (0, 0), same=True) < length((0, 0), (0, 1), same=False) < length((0, 0), (3, 1), same=False)


@pytest.mark.parametrize("name", SMALL)
def test_devices_stand_one_above_the_other_and_within_their_rack(name: str) -> None:
    factory, plan = stack(name)
    known = models(factory, plan)
    for rack in plan.racks:
        top = 0
        for one in stands(rack, known):
            if one.unit is None or one.top is None:
                continue
            assert one.unit == top + 1
            top = one.top
        assert top <= 48
        assert top <= rack.rack_units


@pytest.mark.parametrize("name", SMALL)
def test_every_rack_has_a_front_view_that_names_each_device_or_says_that_it_has_no_place(name: str) -> None:
    factory, plan = stack(name)
    known = models(factory, plan)
    for rack in plan.racks:
        root = ET.fromstring(written(name)[f"racks/{rack.site}/{rack.name}.svg"])  # noqa: S314 - of our own making
        texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
        lost = [one.device for one in stands(rack, known) if one.top is None]
        assert set(rack.devices) - set(lost) <= texts
        assert any("without a known place" in str(text) for text in texts) is bool(lost)


@pytest.mark.parametrize("name", SMALL)
def test_the_parts_of_a_plane_are_as_many_as_its_cables(name: str) -> None:
    for plane in stack(name)[1].fabrics:
        parts = Counter({row["part"]: int(row["cables"]) for row in rows(name, f"{plane.name}/parts.csv")})
        assert parts.total() == len(plane.cables)
        assert parts == Counter(row["part"] or "open: an end has no rack" for row in rows(name, f"{plane.name}/cables.csv"))


@pytest.mark.parametrize("rate", [1, 10, 100, 200, 400, 800])
@pytest.mark.parametrize("metres", [1, 2, 3, 30, 31, 60, 400, 900])
def test_what_is_ordered_is_never_shorter_than_the_cable_and_fits_its_medium(rate: int, metres: int) -> None:
    for kind in ("roce", "infiniband"):
        text = part(rate * 10**9, metres * 100, kind)
        assert int(text.removesuffix(" m").rpartition(" ")[2]) >= metres, text
        words = {"twisted pair": "twisted", "copper": "copper", "active optical": "active", "transceivers and fibre": "2 x"}
        assert words[medium(metres * 100, rate * 10**9)] in text


def test_a_cable_that_no_optics_reach_is_said() -> None:
    assert "no optics here reach so far" in part(400 * 10**9, 500_000, "roce")


def test_machines_boot_from_the_server_that_is_named_each_with_its_own_address() -> None:
    factory, plan = stack("lab")
    text = dict(files(factory, plan, Known(boot="10.64.0.9")))
    dhcp = orjson.loads(text["inband-fra1-p0/kea-dhcp4.json"])["Dhcp4"]
    assert {one["name"] for one in dhcp["client-classes"]} == {"ipxe", "tftp-x86_64", "tftp-arm64", "http-x86_64", "http-arm64"}
    assert all(one["next-server"] == "10.64.0.9" for one in dhcp["client-classes"])
    assert "client-classes" not in orjson.loads(text["oob-fra1-p0/kea-dhcp4.json"])["Dhcp4"]
    scripts = {name for name in text if name.startswith("pxe/hosts/")}
    assert scripts == {f"pxe/hosts/{node.name}.ipxe" for node in plan.nodes}
    assert "ip=10.64.0.2::10.64.0.1:255.255.255.240:train-001::off" in text["pxe/hosts/train-001.ipxe"]
    assert not any(name.startswith("pxe/") for name in written("lab"))


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_rack_pdus_stand_in_their_racks_and_all_their_cables_in_the_tables(name: str) -> None:
    factory, derived = stack(name)
    pdus = {pdu: rack.name for rack in derived.racks for pdu in rack.pdu_names}
    tables = {file: list(csv.DictReader(text.splitlines())) for file, text in netbox(factory, derived).items()}
    assert {row["name"]: row["rack"] for row in tables["6-devices.csv"] if row["role"] == "pdu"} == pdus
    assert {row["u_height"] for row in tables["3-device-types.csv"] if row["model"] == "rack-pdu"} == {"0"}
    managers = sum("-manager-" in cable[0] for plane in derived.fabrics for cable in plane.cables)
    assert len(tables["8-cables.csv"]) == sum(len(plane.cables) for plane in derived.fabrics) - managers
    for plane in derived.fabrics:
        listed = list(csv.DictReader(cables_csv(derived, plane).splitlines()))
        assert {row["a"]: row["a rack"] for row in listed if "-pdu-" in row["a"]}.items() <= pdus.items()
        assert sum(not row["a rack"] for row in listed) == sum("-manager-" in cable[0] for cable in plane.cables)
