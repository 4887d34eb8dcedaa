"""NetBox's tables, read from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.adopt.standing import Device
from sovereign_ai.adopt.tables import read_tables
from sovereign_ai.errors import SpecError

DEVICES = "name,device_type,site,rack,role\nn1,DGX H100,a,r1,server\nsw1,SN5600,a,,leaf\n"
INTERFACES = "device,name,type\nn1,eth0,400gbase-x-osfp\nsw1,1,400gbase-x-osfp\n"
CABLES = "side_a_device,side_a_name,side_b_device,side_b_name\nn1,eth0,sw1,1\n"


def written(folder: Path, devices: str = DEVICES, interfaces: str = INTERFACES, cables: str = CABLES) -> Path:
    (folder / "devices.csv").write_text(devices)
    (folder / "interfaces.csv").write_text(interfaces)
    (folder / "cables.csv").write_text(cables)
    return folder


def codes(folder: Path) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_tables(folder)
    return [problem.code for problem in caught.value.problems]


def test_devices_interfaces_and_cables_are_read(tmp_path: Path) -> None:
    tables = read_tables(written(tmp_path))
    assert tables.devices["n1"] == Device("n1", "DGX H100", "a", "r1", "server")
    assert tables.interfaces["sw1", "1"] == "400gbase-x-osfp"
    assert tables.cables == ((("n1", "eth0"), ("sw1", "1")),)


def test_the_column_heads_of_exports_are_read_too(tmp_path: Path) -> None:
    exported = DEVICES.replace("name,device_type,site,rack,role", "Name,Type,Site,Rack,Role")
    assert read_tables(written(tmp_path, devices=exported)).devices["sw1"].model == "SN5600"


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        ({"devices": DEVICES + "n1,DGX H100,a,,\n"}, "bad-device"),
        ({"devices": "name,site\nn1,a\n"}, "no-column"),
        ({"interfaces": INTERFACES + "n2,eth0,other\n"}, "unknown-device"),
        ({"cables": CABLES + "n1,eth0,sw1,1\n"}, "bad-cable"),
        ({"cables": CABLES + "n1,eth9,sw1,2\n"}, "unknown-interface"),
        ({"cables": CABLES + "n1\n"}, "bad-row"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, tables: dict[str, str], code: str) -> None:
    assert code in codes(written(tmp_path, **tables))


def test_a_table_is_there_once(tmp_path: Path) -> None:
    assert codes(tmp_path)[0] == "no-table"
    (written(tmp_path) / "more-cables.csv").write_text(CABLES)
    assert codes(tmp_path) == ["no-table"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert codes(tmp_path / "nowhere") == ["no-folder"]


def test_the_heads_of_exported_cables_and_interfaces_are_read_too(tmp_path: Path) -> None:
    interfaces = "ID,Device,Name,Type,Enabled\n1,n1,eth0,QSFP-DD (400GE),True\n2,sw1,1,QSFP-DD (400GE),True\n"
    cables = "ID,Label,Device A,Termination A,Device B,Termination B,Status\n7,,n1,eth0,sw1,1,Connected\n"
    tables = read_tables(written(tmp_path, interfaces=interfaces, cables=cables))
    assert tables.cables == ((("n1", "eth0"), ("sw1", "1")),)
    assert tables.interfaces["n1", "eth0"] == "QSFP-DD (400GE)"


def test_racks_are_compared_where_their_table_is_there(tmp_path: Path) -> None:
    racks = written(tmp_path) / "racks.csv"
    racks.write_text("site,name,width\na,r1,19\na,r2,19\n", encoding="utf-8")
    assert read_tables(tmp_path).left_out == ("rack without a device",)
    racks.write_text("site,name\na,r1x\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_tables(tmp_path)
    [problem] = caught.value.problems
    assert (problem.code, problem.where.line, problem.hint) == ("unknown-rack", 2, "did you mean 'r1x'?")
    racks.write_text("name,width\nr1,19\n", encoding="utf-8")
    assert "no-column" in codes(tmp_path)
