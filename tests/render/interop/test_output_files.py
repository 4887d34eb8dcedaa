"""What other systems are told: golden files for the lab, and what must hold of every stack."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from sovereign_ai.render.interop.cabling import cables_csv
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.render.interop.output_files import file_sets, files
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
    assert {row["rack"] for row in rows(name, "netbox/6-devices.csv")} <= {
        row["name"] for row in rows(name, "netbox/5-racks.csv")
    }
    known = {(row["manufacturer"], row["model"]) for row in rows(name, "netbox/3-device-types.csv")}
    assert {(row["manufacturer"], row["device_type"]) for row in rows(name, "netbox/6-devices.csv")} == known


@pytest.mark.parametrize("name", SMALL)
def test_topographs_tree_has_every_machine_once_and_one_root(name: str) -> None:
    plan = stack(name)[1]
    for plane in (one for one in plan.fabrics if one.role == "compute"):
        model = yaml.safe_load(written(name)[f"{plane.name}/topograph.yaml"])
        machines = set(plane.host_links.lowers()) & {node.name for node in plan.nodes}
        under = Counter(node for one in model["blocks"] for node in one["nodes"])
        assert under == dict.fromkeys(machines, 1)
        below = Counter(switch for one in model["switches"].values() for switch in one.get("switches", ()))
        assert max(below.values(), default=1) == 1
        assert len(model["switches"].keys() - below.keys()) == 1


@pytest.mark.parametrize("name", SMALL)
def test_no_file_holds_a_secret_or_turns_verification_off(name: str) -> None:
    for file, text in written(name).items():
        assert "password" not in text.lower(), file
        assert "disableCertificateVerification: true" not in text, file


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_rack_pdus_stand_in_their_racks_and_all_their_cables_in_the_tables(name: str) -> None:
    factory, derived = stack(name)
    pdus = {pdu: rack.name for rack in derived.racks for pdu in rack.pdu_names}
    tables = {
        file: list(csv.DictReader(text.splitlines())) for file, text in netbox(factory, derived).items()
    }
    assert {row["name"]: row["rack"] for row in tables["6-devices.csv"] if row["role"] == "pdu"} == pdus
    assert {row["u_height"] for row in tables["3-device-types.csv"] if row["model"] == "rack-pdu"} == {"0"}
    managers = sum("-manager-" in cable.lower for plane in derived.fabrics for cable in plane.cables)
    assert len(tables["8-cables.csv"]) == sum(len(plane.cables) for plane in derived.fabrics) - managers
    for plane in derived.fabrics:
        listed = list(csv.DictReader(cables_csv(derived, plane).splitlines()))
        assert {row["a"]: row["a rack"] for row in listed if "-pdu-" in row["a"]}.items() <= pdus.items()
        assert sum(not row["a rack"] for row in listed) == sum(
            "-manager-" in cable.lower for cable in plane.cables
        )


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("form", ["netbox", "slurm", "topograph", "containerlab"])
def test_the_sets_of_a_format_are_the_files_that_are_written(name: str, form: str) -> None:
    sets = list(file_sets(form, *stack(name)))
    texts = [text for texts in sets for text in texts.values()]
    folders = {"netbox": "netbox/", "slurm": "slurm/"}
    endings = {"topograph": "/topograph.yaml", "containerlab": ".clab.yml"}
    planned = []
    for path, text in written(name).items():
        if path.startswith(folders.get(form, "-")) or path.endswith(endings.get(form, "-")):
            planned.append(text)
    assert sorted(texts) == sorted(planned)
    assert len(sets) >= 1
