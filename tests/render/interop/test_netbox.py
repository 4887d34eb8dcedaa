"""What other projects' own readers ask of the files: NetBox's import forms, and Topograph's model.

These tests run neither project (NetBox 4.7 needs Python 3.12, PostgreSQL and Redis; Topograph is a Go
program), so their rules are here in own words: NetBox's columns, required columns and choices as its forms
have them, and what Topograph's model refuses.
"""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

FORMS: dict[str, Any] = orjson.loads(Path(__file__).with_name("netbox-4.7.3.json").read_bytes())["files"]


@cache
def rows(name: str, file: str) -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(io.StringIO(written(name)[f"netbox/{file}"])))


@pytest.mark.parametrize("name", SMALL)
def test_netbox_has_a_form_for_every_file_and_no_other_is_written(name: str) -> None:
    assert {file for file in written(name) if file.startswith("netbox/")} == {
        f"netbox/{file}" for file in FORMS
    }


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("file", sorted(FORMS))
def test_every_row_is_one_that_netboxs_form_takes(name: str, file: str) -> None:
    form = FORMS[file]
    found = rows(name, file)
    assert found
    assert set(found[0]) <= set(form["columns"])
    choices = {column: set(words) for column, words in form.get("choices", {}).items()}
    known = {
        column: {row[key] for row in rows(name, other)}
        for column, (other, key) in form.get("refers", {}).items()
    }
    for row in found:
        assert all(row.get(column) for column in form["required"]), row
        assert all(not row.get(column) or row[column] in words for column, words in choices.items()), row
        assert all(not row.get(column) or row[column] in names for column, names in known.items()), row


@pytest.mark.parametrize("name", SMALL)
def test_what_netbox_wants_single_is_single(name: str) -> None:
    single = {
        "1-manufacturers.csv": ("slug",),
        "2-device-roles.csv": ("slug",),
        "3-device-types.csv": ("manufacturer", "model"),
        "4-sites.csv": ("slug",),
        "5-racks.csv": ("site", "name"),
        "6-devices.csv": ("site", "name"),
        "7-interfaces.csv": ("device", "name"),
        "11-ip-addresses.csv": ("vrf", "address"),
    }
    for file, columns in single.items():
        keys = [tuple(row[column] for column in columns) for row in rows(name, file)]
        assert len(set(keys)) == len(keys), file


@pytest.mark.parametrize("name", SMALL)
def test_two_devices_never_share_a_unit_of_a_rack(name: str) -> None:
    heights = {row["model"]: int(row["u_height"]) for row in rows(name, "3-device-types.csv")}
    taken: set[tuple[str, str, int]] = set()
    for row in rows(name, "6-devices.csv"):
        if row["position"]:
            units = {
                (row["site"], row["rack"], int(float(row["position"])) + more)
                for more in range(heights[row["device_type"]])
            }
            assert not units & taken, row
            taken |= units


@pytest.mark.parametrize("name", SMALL)
def test_a_cables_length_is_that_of_the_cable_list(name: str) -> None:
    listed: dict[str, str] = {}
    for plane in stack(name)[1].fabrics:
        listed |= {
            row["label"]: row["length m"]
            for row in csv.DictReader(io.StringIO(written(name)[f"{plane.name}/cables.csv"]))
        }
    for row in rows(name, "8-cables.csv"):
        assert float(row["length"]) == pytest.approx(float(listed[row["label"]]), abs=0.051)
