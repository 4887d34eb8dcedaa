"""What NetBox holds is updated by its number, what factories share is left alone, and the rest is added."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.errors import UsageError
from sovereign_ai.render.interop.netbox_exports import read_netbox_exports, without_known
from sovereign_ai.render.interop.output_files import DeliveredFacts, files
from tests.render.interop.test_output_files import written
from tests.render.lab import STACKS, stack

# Our column under the head that an export of NetBox 4.7.3 has for it (seen 2026-11-27), and the file's name.
EXPORTED = {
    "1-manufacturers.csv": ("netbox_manufacturers.csv", {"Name": "name", "Slug": "slug"}),
    "2-device-roles.csv": ("netbox_device roles.csv", {"Name": "name", "Slug": "slug"}),
    "3-device-types.csv": (
        "netbox_device types.csv",
        {"Device Type": "model", "Manufacturer": "manufacturer"},
    ),
    "4-sites.csv": ("netbox_sites.csv", {"Name": "name"}),
    "5-racks.csv": ("netbox_racks.csv", {"Name": "name", "Site": "site"}),
    "6-devices.csv": ("netbox_devices.csv", {"Name": "name", "Site": "site"}),
    "7-interfaces.csv": ("netbox_interfaces.csv", {"Name": "name", "Device": "device"}),
    "8-cables.csv": (
        "netbox_cables.csv",
        {
            "Termination A": "side_a_name",
            "Termination B": "side_b_name",
            "Device A": "side_a_device",
            "Device B": "side_b_device",
        },
    ),
    "9-vrfs.csv": ("netbox_VRFs.csv", {"Name": "name"}),
    "10-prefixes.csv": ("netbox_prefixes.csv", {"Prefix": "prefix", "VRF": "vrf"}),
    "11-ip-addresses.csv": ("netbox_IP addresses.csv", {"IP Address": "address", "VRF": "vrf"}),
}


def export(folder: Path, name: str, but: int = 0) -> None:
    """Write what NetBox exports once a stack is imported, without the last rows of each list."""
    for file, (export_name, heads) in EXPORTED.items():
        rows = list(csv.DictReader(io.StringIO(written(name)[f"netbox/{file}"])))
        with (folder / export_name).open("w", newline="") as text:
            table = csv.writer(text)
            table.writerow([*heads, "ID", "Tags"])
            for number, row in enumerate(rows[: len(rows) - but], 1000):
                table.writerow([*(row[column] for column in heads.values()), number, ""])


def again(folder: Path, name: str) -> dict[str, list[dict[str, str]]]:
    known = DeliveredFacts(netbox=read_netbox_exports(folder))
    return {
        file.removeprefix("netbox/"): list(csv.DictReader(io.StringIO(text)))
        for file, text in files(*stack(name), known)
        if file.startswith("netbox/")
    }


def test_a_second_import_updates_every_object_and_adds_none(tmp_path: Path) -> None:
    export(tmp_path, "lab")
    tables = again(tmp_path, "lab")
    assert set(tables) == set(EXPORTED) - {
        "1-manufacturers.csv",
        "2-device-roles.csv",
        "3-device-types.csv",
    }
    for file, rows in tables.items():
        first = list(csv.DictReader(io.StringIO(written("lab")[f"netbox/{file}"])))
        assert [row.pop("id") for row in rows] == [str(1000 + number) for number in range(len(first))]
        assert rows == first


def test_what_netbox_lacks_is_added_beside_what_it_has(tmp_path: Path) -> None:
    export(tmp_path, "lab", but=1)
    tables = again(tmp_path, "lab")
    assert [len(tables[file]) for file in sorted(EXPORTED)[:1]] == [1]
    assert len(tables["3-device-types.csv"]) == 1
    for file in ("6-devices.csv", "8-cables.csv", "11-ip-addresses.csv"):
        assert [bool(row["id"]) for row in tables[file]] == [*[True] * (len(tables[file]) - 1), False]


def test_another_factory_adds_its_own_and_repeats_nothing_shared(tmp_path: Path) -> None:
    export(tmp_path, "lab")
    tables = again(tmp_path, "superpod")
    assert [row["model"] for row in tables["3-device-types.csv"]] == ["qm9700"]
    assert not {"1-manufacturers.csv", "2-device-roles.csv"} & set(tables)
    assert not any(row["id"] for row in tables["6-devices.csv"])


def test_without_an_export_a_file_is_as_for_an_empty_netbox() -> None:
    assert without_known("4-sites.csv", "name\na\n", {"racks": {("a", "b"): "1"}}) == "name\na\n"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("netbox_sites.csv", "Name,Slug\nfra1,fra1\n", "no-column"),
        ("netbox_sites.csv", "Name,ID\nfra1,x\n", "bad-number"),
        ("netbox_sites.csv", "Name,ID\nfra1\n", "bad-row"),
        ("netbox_sites.csv", "", "no-column"),
        ("notes.csv", "Name,ID\nfra1,1\n", "no-table"),
    ],
)
def test_an_export_that_cannot_be_read_says_where(tmp_path: Path, name: str, text: str, code: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as told:
        read_netbox_exports(tmp_path)
    assert [problem.code for problem in told.value.problems] == [code]
    assert all(problem.hint for problem in told.value.problems)


def test_what_netbox_holds_twice_matters_where_it_is_ours(tmp_path: Path) -> None:
    (tmp_path / "netbox_VRFs.csv").write_text("Name,ID\nother,1\nother,2\nlab,3\n")
    known = read_netbox_exports(tmp_path)
    assert without_known("9-vrfs.csv", "name\nlab\n", known) == "id,name\n3,lab\n"
    with pytest.raises(UsageError, match="NetBox holds other twice, as 1 and 2") as told:
        without_known("9-vrfs.csv", "name\nother\n", known)
    assert [problem.code for problem in told.value.problems] == ["named-twice"]


def test_two_exports_of_one_list_are_refused(tmp_path: Path) -> None:
    for name in ("netbox_sites.csv", "sites.csv"):
        (tmp_path / name).write_text("Name,ID\nfra1,1\n")
    with pytest.raises(UsageError, match="a second export of sites"):
        read_netbox_exports(tmp_path)


def test_the_command_counts_what_netbox_holds(tmp_path: Path) -> None:
    (tmp_path / "has").mkdir()
    export(tmp_path / "has", "lab")
    words = ["fabric", "render", str(STACKS / "lab"), "-o", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(app, [*words, "--netbox-exports", str(tmp_path / "has")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["netbox_objects"] > 1900
    assert (tmp_path / "out/netbox/8-cables.csv").read_text().startswith("id,side_a_site")
