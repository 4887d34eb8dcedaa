"""Inventories kept by their digest in the state folder, with mode 0600: a resource names one, and the provider reads it.

What is read is what was named, or it is refused: the digest is taken again over what the file holds.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from sovereign_ai.cluster.state import write_private
from sovereign_ai.deploy.place import state_dir
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.render.hosts.inventory import Host, Inventory

_HINT = "run `sovereign-ai hosts preview STACK`, or your own program, which writes it"


def place(digest: str) -> Path:
    """Give the file of an inventory, whether or not it is there."""
    return state_dir() / "hosts" / "inventories" / f"{digest}.json"


def keep(inventory: Inventory) -> str:
    """Keep an inventory and give its digest."""
    file = place(inventory.digest)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    hosts = [asdict(one) for one in inventory.hosts]
    write_private(file, orjson.dumps({"hosts": hosts, "shared": inventory.shared}))
    return inventory.digest


def kept(digest: str) -> Inventory:
    """Give the inventory of a digest.

    Raises:
        DeploymentError: it is not there, or is another than its name says.
    """
    try:
        data = orjson.loads(place(digest).read_bytes())
        hosts = tuple(Host(one["name"], one["unit"], tuple(one["groups"]), one["variables"]) for one in data["hosts"])
        found = Inventory(hosts, data["shared"])
    except OSError:
        raise DeploymentError(Problem("no-inventory", f"the inventory {digest[:12]} is not in the state folder", hint=_HINT)) from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        found = Inventory((), {})
    if found.digest != digest:
        raise DeploymentError(Problem("other-inventory", f"the file of inventory {digest[:12]} holds something else", hint=_HINT))
    return found


def forget(digest: str) -> None:
    """Remove an inventory that no resource names any more."""
    place(digest).unlink(missing_ok=True)
