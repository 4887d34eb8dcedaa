"""Tables of delivered ports: what is right is taken in any common writing, what is wrong is reported whole
and changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.errors import UsageError
from sovereign_ai.render.interop.delivered import guid, mac, read_guids, read_macs
from tests.render.lab import STACKS, stack


def table(folder: Path, text: str) -> Path:
    file = folder / "table.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", ["B8:3F:D2:00:00:01", "b8-3f-d2-00-00-01", "b83f.d200.0001", "b83fd2000001"])
def test_a_mac_address_is_taken_in_every_common_writing(text: str) -> None:
    assert mac(text) == "b8:3f:d2:00:00:01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b8:3f:d2:00:00",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
        "g8:3f:d2:00:00:01",
    ],
)
def test_what_names_no_single_adapter_is_no_mac_address(text: str) -> None:
    assert mac(text) is None


@pytest.mark.parametrize("text", ["0xb83fd20300000001", "B83FD20300000001", "b83f:d203:0000:0001"])
def test_a_guid_is_taken_in_every_common_writing(text: str) -> None:
    assert guid(text) == "0xb83fd20300000001"


@pytest.mark.parametrize(
    "text", ["", "0x1", "0x0000000000000000", "0xb83fd2030000000g", "0xb83fd203000000011"]
)
def test_what_is_no_guid_is_refused(text: str) -> None:
    assert guid(text) is None


def test_columns_may_have_another_order_and_more_beside_them(tmp_path: Path) -> None:
    file = table(
        tmp_path, "serial,MAC,Machine\n1,b8:3f:d2:00:00:01,train-001\n2,b8:3f:d2:00:00:02,train-002\n"
    )
    assert read_macs(file, stack("lab")[1]) == {
        "train-001": "b8:3f:d2:00:00:01",
        "train-002": "b8:3f:d2:00:00:02",
    }


def test_every_wrong_row_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    lines = [
        "machine,port,guid",
        "dgx-001,compute0,0xb83fd20300000001",
        "dgx-999,compute0,0xb83fd20300000002",
        "dgx-001,compute9,0xb83fd20300000003",
        "dgx-001,compute0,0xb83fd20300000004",
        "dgx-001,compute1,b83f",
        "dgx-001,compute2,b83f:d203:0000:0001",
        "dgx-001,compute3",
    ]
    with pytest.raises(UsageError) as error:
        read_guids(table(tmp_path, "\n".join(lines)), stack("superpod")[1])
    seen = [(problem.code, problem.where.line if problem.where else None) for problem in error.value.problems]
    expected = ["unknown-machine", "unknown-port", "named-twice", "bad-guid", "same-address", "bad-row"]
    assert seen == list(zip(expected, range(3, 9), strict=True))


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty-table"), ("machine,mac\n", "empty-table"), ("machine\ntrain-001\n", "no-column")],
)
def test_a_table_without_rows_or_columns_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(UsageError) as error:
        read_macs(table(tmp_path, text), stack("lab")[1])
    assert [problem.code for problem in error.value.problems] == [code]


def test_the_command_puts_every_guid_into_its_zones_partition(tmp_path: Path) -> None:
    plan = stack("superpod")[1]
    ends = [(link.lower, link.lower_port) for plane in plan.fabrics[:2] for link in plane.host_links]
    rows = [f"{host},{port},{number:#018x}" for number, (host, port) in enumerate(ends, 1)]
    file = table(tmp_path, "\n".join(["machine,port,guid", *rows]))
    macs = tmp_path / "macs.csv"
    macs.write_text("machine,mac\ndgx-001,b8:3f:d2:00:00:01\n")
    words = [
        "fabric",
        "render",
        str(STACKS / "superpod"),
        "-o",
        str(tmp_path / "out"),
        "--guids",
        str(file),
        "--macs",
        str(macs),
        "--json",
    ]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    assert (data["guids"], data["macs"]) == (len(ends), 1)
    text = (tmp_path / "out" / plan.fabrics[0].name / "partitions.conf").read_text()
    zones = {node.name: node.zone for node in plan.nodes}
    assert text.count("0x0000000") == sum(host in zones for host in plan.fabrics[0].host_links.lowers())
    assert "GUID not known yet" not in text
    assert (
        '"hw-address": "b8:3f:d2:00:00:01"'
        in (tmp_path / "out" / "inband-lyon-p0" / "kea-dhcp4.json").read_text()
    )


def test_the_command_refuses_an_address_that_is_none_and_writes_nothing(tmp_path: Path) -> None:
    words = ["fabric", "render", str(STACKS / "lab"), "-o", str(tmp_path / "out"), "--dhcp-server", "10.0.0"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 2
    assert not (tmp_path / "out").exists()
