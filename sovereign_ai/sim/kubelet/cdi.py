"""CDI files (version 0.6.0): what the container runtime puts into a container that holds a claim.

One file lists a worker's devices. Each prepared claim has a file of its own, with one CDI device a request.
It carries the environment variables, and names in annotations the devices that the claim holds, so it is also
the record of what is prepared. Files are written atomically.

    kind sovereign-ai.internal/gpu      devices 000, 001, …
    kind sovereign-ai.internal/claim    devices <claim UID>-<request>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import read_json, write_json
from sovereign_ai.names import KEYS
from sovereign_ai.sim.kubelet.gpus import (
    GpuDevice,
    device_files,
    devices,
    reading_mounts,
    tool_mounts,
    variables,
)
from sovereign_ai.sim.machine import Machine

_VERSION = "0.6.0"
_DEVICE_KIND, _CLAIM_KIND = f"{KEYS.domain}/gpu", f"{KEYS.domain}/claim"
# Read-only: what a container wrote there, other containers of the node would read.
_BIND = ("ro", "nosuid", "nodev", "bind")
_HELD = f"{KEYS.domain}/devices"
_DEVICES_FILE, _CLAIM_FILE = f"{KEYS.domain}-gpu.json", f"{KEYS.domain}-claim-"

Requests = Mapping[str, Sequence[GpuDevice]]
"""A claim's request to the devices that satisfy it."""


def device_id(device: GpuDevice) -> str:
    """Return the qualified name of a device."""
    return f"{_DEVICE_KIND}={device.folder}"


def request_id(uid: str, request: str) -> str:
    """Return the qualified name of what a claim's request brings besides its devices."""
    return f"{_CLAIM_KIND}={_request_name(uid, request)}"


def write_devices(folder: Path, machine: Machine) -> None:
    """Write the file of a machine's devices."""
    listed = []
    for device in devices(machine):
        edits = _edits(reading_mounts(device), device_files(machine, device))
        listed.append({"name": device.folder, "containerEdits": edits})
    write_json(folder / _DEVICES_FILE, {"cdiVersion": _VERSION, "kind": _DEVICE_KIND, "devices": listed})


def write_claim(folder: Path, machine: Machine, uid: str, requests: Requests) -> None:
    """Write a claim's file."""
    tool = tool_mounts(machine)
    listed = []
    names: set[str] = set()
    for request, held in requests.items():
        edits = _edits(tool, {})
        environment = []
        for key, value in variables(machine, held).items():
            line = f"{key}={value}"
            environment.append(line)
        edits["env"] = environment
        listed.append({"name": _request_name(uid, request), "containerEdits": edits})
        for device in held:
            names.add(device.name)
    document = {
        "cdiVersion": _VERSION,
        "kind": _CLAIM_KIND,
        "annotations": {_HELD: ",".join(sorted(names))},
        "devices": listed,
    }
    write_json(_claim_file(folder, uid), document)


def remove_claim(folder: Path, uid: str) -> None:
    """Remove a claim's file, if it is there."""
    _claim_file(folder, uid).unlink(missing_ok=True)


def prepared(folder: Path) -> dict[str, frozenset[str]]:
    """Return the prepared claims: UID to names of devices.

    Raises:
        EnvironmentLacksError: a claim's file is damaged.
    """
    claims = {}
    for path in sorted(folder.glob(f"{_CLAIM_FILE}*.json")):
        # A file may be removed between the listing and the reading.
        document = read_json(path) or {}
        held = (document.get("annotations") or {}).get(_HELD, "")
        uid = path.stem.removeprefix(_CLAIM_FILE)
        # An empty text splits into one empty name.
        claims[uid] = frozenset(str(held).split(",")) - {""}
    return claims


def _claim_file(folder: Path, uid: str) -> Path:
    """Return a claim's file."""
    return folder / f"{_CLAIM_FILE}{uid}.json"


def _request_name(uid: str, request: str) -> str:
    """Return the name of a claim's request as a CDI device."""
    return f"{uid}-{request}"


def _edits(mounts: Mapping[str, str], files: Mapping[str, str]) -> dict[str, Any]:
    """Return what a device brings into a container.

    Args:
        mounts: path in the container to path in the node.
        files: device file in the container to one in the node.
    """
    edits: dict[str, Any] = {}
    bound = []
    for path, node in mounts.items():
        bound.append({"hostPath": node, "containerPath": path, "options": list(_BIND)})
    nodes = []
    for path, node in files.items():
        nodes.append({"path": path, "hostPath": node, "permissions": "rw"})
    if bound:
        edits["mounts"] = bound
    if nodes:
        edits["deviceNodes"] = nodes
    return edits
