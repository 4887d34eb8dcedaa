"""CDI files (version 0.6.0): what the container runtime puts into a container that holds a claim.

One file lists a worker's devices. Each prepared claim has a file of its own, with one CDI device a
request; it carries the variables, and says in annotations which devices the claim holds, so that it is
also the record of what is prepared. Writing is whole or not at all.

    kind sovereign-ai.internal/gpu      devices 000, 001, …
    kind sovereign-ai.internal/claim    devices <claim UID>-<request>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.state import read_json, write_json
from sovereign_ai.names import KEYS
from sovereign_ai.sim.kubelet.gpus import Device, device_files, devices, reading_mounts, tool_mounts, variables
from sovereign_ai.sim.machine import Machine

_VERSION = "0.6.0"
_DEVICE_KIND, _CLAIM_KIND = f"{KEYS.domain}/gpu", f"{KEYS.domain}/claim"
_HELD = f"{KEYS.domain}/devices"
_DEVICES_FILE, _CLAIM_FILE = f"{KEYS.domain}-gpu.json", f"{KEYS.domain}-claim-"

Requests = Mapping[str, Sequence[Device]]
"""A claim's request to the devices that answer it."""


def device_id(one: Device) -> str:
    """Give the qualified name of a device."""
    return f"{_DEVICE_KIND}={one.folder}"


def request_id(uid: str, request: str) -> str:
    """Give the qualified name of what a claim's request brings besides its devices."""
    return f"{_CLAIM_KIND}={_request_name(uid, request)}"


def write_devices(folder: Path, machine: Machine) -> None:
    """Write the file of a machine's devices."""
    listed = [{"name": one.folder, "containerEdits": _edits(reading_mounts(one), device_files(machine, one))} for one in devices(machine)]
    write_json(folder / _DEVICES_FILE, {"cdiVersion": _VERSION, "kind": _DEVICE_KIND, "devices": listed})


def write_claim(folder: Path, machine: Machine, uid: str, requests: Requests) -> None:
    """Write a claim's file."""
    tool = tool_mounts(machine)
    listed = [
        {
            "name": _request_name(uid, name),
            "containerEdits": _edits(tool, {}) | {"env": [f"{key}={value}" for key, value in variables(machine, held).items()]},
        }
        for name, held in requests.items()
    ]
    names = sorted({one.name for held in requests.values() for one in held})
    whole = {"cdiVersion": _VERSION, "kind": _CLAIM_KIND, "annotations": {_HELD: ",".join(names)}, "devices": listed}
    write_json(_claim_file(folder, uid), whole)


def remove_claim(folder: Path, uid: str) -> None:
    """Remove a claim's file, if it is there."""
    _claim_file(folder, uid).unlink(missing_ok=True)


def prepared(folder: Path) -> dict[str, frozenset[str]]:
    """Read which claims are prepared: UID to names of devices.

    Raises:
        EnvironmentLacksError: a file of ours is damaged.
    """
    found = {}
    for path in sorted(folder.glob(f"{_CLAIM_FILE}*.json")):
        held = ((read_json(path) or {}).get("annotations") or {}).get(_HELD, "")
        found[path.stem.removeprefix(_CLAIM_FILE)] = frozenset(str(held).split(",")) - {""}
    return found


def _claim_file(folder: Path, uid: str) -> Path:
    """Give the place of a claim's file."""
    return folder / f"{_CLAIM_FILE}{uid}.json"


def _request_name(uid: str, request: str) -> str:
    """Name a request."""
    return f"{uid}-{request}"


def _edits(mounts: Mapping[str, str], files: Mapping[str, str]) -> dict[str, Any]:
    """Give what a device brings into a container."""
    bound = [{"hostPath": node, "containerPath": path, "options": ["ro", "nosuid", "nodev", "bind"]} for path, node in mounts.items()]
    nodes = [{"path": path, "hostPath": node, "permissions": "rw"} for path, node in files.items()]
    return ({"mounts": bound} if bound else {}) | ({"deviceNodes": nodes} if nodes else {})
