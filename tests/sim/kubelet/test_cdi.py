"""CDI files of a worker and its claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet.cdi import (
    device_id,
    prepared,
    remove_claim,
    request_id,
    write_claim,
    write_devices,
)
from sovereign_ai.sim.kubelet.gpus import devices
from tests.sim.kubelet.conftest import machine

WORKER = machine("train-0001")
FIRST, SECOND, THIRD = devices(WORKER)[:3]


def named(folder: Path) -> dict[str, dict[str, object]]:
    """Every CDI device of a folder by its qualified name."""
    edits = {}
    for path in folder.iterdir():
        spec = json.loads(path.read_text(encoding="utf-8"))
        for device in spec["devices"]:
            edits[f"{spec['kind']}={device['name']}"] = device["containerEdits"]
    return edits


def test_every_device_of_a_worker_is_a_cdi_device(tmp_path: Path) -> None:
    write_devices(tmp_path, WORKER)
    assert set(named(tmp_path)) == {device_id(device) for device in devices(WORKER)}


def test_mounts_are_read_only(tmp_path: Path) -> None:
    write_devices(tmp_path, WORKER)
    mounts = named(tmp_path)[device_id(FIRST)]["mounts"]
    assert isinstance(mounts, list)
    assert all("ro" in mount["options"] for mount in mounts)


def test_a_claims_file_is_the_record_of_its_devices_until_it_is_removed(tmp_path: Path) -> None:
    write_devices(tmp_path, WORKER)
    write_claim(tmp_path, WORKER, "uid-1", {"a": [SECOND, FIRST], "b": [THIRD]})
    write_claim(tmp_path, WORKER, "uid-2", {})
    assert prepared(tmp_path) == {
        "uid-1": frozenset({FIRST.name, SECOND.name, THIRD.name}),
        "uid-2": frozenset(),
    }
    assert {request_id("uid-1", "a"), request_id("uid-1", "b")} <= set(named(tmp_path))
    remove_claim(tmp_path, "uid-1")
    remove_claim(tmp_path, "uid-1")
    assert set(prepared(tmp_path)) == {"uid-2"}


def test_a_requests_variables_name_its_own_devices(tmp_path: Path) -> None:
    write_claim(tmp_path, WORKER, "uid-1", {"a": [SECOND], "b": [THIRD]})
    environment = named(tmp_path)[request_id("uid-1", "b")]["env"]
    assert isinstance(environment, list)
    assert f"SOVEREIGN_DEVICES={THIRD.name}" in environment


def test_a_damaged_record_is_an_error_and_no_free_device(tmp_path: Path) -> None:
    write_claim(tmp_path, WORKER, "uid-1", {"a": [FIRST]})
    (path,) = tmp_path.iterdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(EnvironmentLacksError):
        prepared(tmp_path)
