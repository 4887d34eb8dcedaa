"""Save and read inventories in the state folder, in files of mode 0600 that are named by their digest.

A resource names an inventory, and the provider reads it. The digest is computed once more over the content
that is read; a file with another content is refused.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from sovereign_ai.deploy.state.pulumi_environment import state_dir
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.files import INVENTORY, parse_json, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.render.hosts import Host, HostInventory
from sovereign_ai.toolchain import make_folders

_HINT = "run `sovereign-ai hosts preview STACK`, or your own program, which writes it"


def inventory_path(digest: str) -> Path:
    """Return the file of an inventory, whether or not it exists."""
    return state_dir() / "hosts" / "inventories" / f"{digest}.json"


def save_inventory(inventory: HostInventory) -> str:
    """Save an inventory and return its digest."""
    file = inventory_path(inventory.digest)
    make_folders(file.parent)
    hosts = [asdict(host) for host in inventory.hosts]
    write_private(file, orjson.dumps({"hosts": hosts, "shared": inventory.shared}))
    return inventory.digest


def load_inventory(digest: str) -> HostInventory:
    """Return the inventory of a digest.

    Raises:
        DeploymentError: its file does not exist, or holds another inventory.
    """
    file = inventory_path(digest)
    if not file.exists():
        message = f"the inventory {digest[:12]} is not in the state folder"
        raise DeploymentError(Problem("no-inventory", message, hint=_HINT))
    try:
        data = parse_json(read(file, INVENTORY), str(file), INVENTORY).data
        hosts = []
        for entry in data["hosts"]:
            host = Host(entry["name"], entry["unit"], tuple(entry["groups"]), entry["variables"])
            hosts.append(host)
        inventory = HostInventory(tuple(hosts), data["shared"])
        is_same = inventory.digest == digest
    except (EnvironmentLacksError, KeyError, TypeError, AttributeError):
        # A file of another layout shows only when its fields are read.
        is_same = False
    if not is_same:
        message = f"the file of inventory {digest[:12]} holds something else"
        raise DeploymentError(Problem("other-inventory", message, hint=_HINT))
    return inventory


def remove_inventory(digest: str) -> None:
    """Remove an inventory that no resource names any more."""
    inventory_path(digest).unlink(missing_ok=True)
