"""A Redfish tree of the planned machines, racked as planned: a mockup that `sushy-static` serves.

One service represents all machines, as an aggregator does. Each has a system by its host name, its CPUs and
GPUs, a chassis in its rack with network adapters, and its firmware. Paths and members follow the DMTF's
schemas. Versions and serial numbers are made up from names, alike on every run.

    sushy-static -i 127.0.0.1 -p 8443 -m tree -c cert.pem -k key.pem
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Node, Plan
from sovereign_ai.sim.identity import identity

ROOT = "/redfish/v1"
FIRMWARE = {"BMC": "24.09.17", "HostBIOS": "1.6.7"}
_ROLES = ("compute", "storage")
_GOOD = {"State": "Enabled", "Health": "OK"}
_INVENTORY = "UpdateService/FirmwareInventory"

Tree = dict[str, dict[str, Any]]
"""Path below `/redfish/v1` to resource."""


def redfish_tree(plan: Plan, names: Iterable[str] | None = None) -> Tree:
    """Return the tree: path below `/redfish/v1` to resource.

    Args:
        plan: the plan.
        names: machines; left out, all of them.
    """
    wanted = None if names is None else set(names)
    ports = _ports(plan)
    tree: Tree = {}
    members, inventory = [], []
    for node in plan.nodes:
        if wanted is not None and node.name not in wanted:
            continue
        tree |= _system(plan, node)
        tree |= _chassis(node, ports.get(node.name, []))
        tree |= _firmware(node)
        members.append(node.name)
        for part in FIRMWARE:
            firmware = f"{node.name}-{part}"
            inventory.append(firmware)
    tree["Systems"] = _collection("Systems", "ComputerSystem", members)
    tree["Chassis"] = _collection("Chassis", "Chassis", members)
    tree[_INVENTORY] = _collection(_INVENTORY, "SoftwareInventory", inventory)
    tree["UpdateService"] = _update_service()
    root: dict[str, Any] = {"RedfishVersion": "1.18.0"}
    for name in ("Systems", "Chassis", "UpdateService"):
        root[name] = _link(name)
    tree[""] = _resource("", "ServiceRoot.v1_15_0.ServiceRoot", "RootService", root)
    return tree


def _update_service() -> dict[str, Any]:
    """Return the service that updates firmware."""
    update = {"target": f"{ROOT}/UpdateService/Actions/UpdateService.SimpleUpdate"}
    more = {
        "FirmwareInventory": _link(_INVENTORY),
        "ServiceEnabled": True,
        "Actions": {"#UpdateService.SimpleUpdate": update},
    }
    return _resource("UpdateService", "UpdateService.v1_11_0.UpdateService", "UpdateService", more)


def _ports(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    """Return machine to the (port, bits a second) that the plan cables."""
    ports: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for plane in plan.fabrics:
        if plane.role not in _ROLES:
            continue
        for link in plane.host_links:
            # A slash would begin a new part of the resource's path.
            ports[link.lower].append((link.lower_port.replace("/", "p"), plane.host_rate(link.lower)))
    return ports


def _link(path: str) -> dict[str, str]:
    """Return a reference."""
    return {"@odata.id": f"{ROOT}/{path}"}


def _resource(path: str, kind: str, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource with the members that each must have, and more."""
    # The root of the service alone ends with a slash (DSP0266).
    address = f"{ROOT}/{path}" if path else f"{ROOT}/"
    return {
        "@odata.id": address,
        "@odata.type": f"#{kind}",
        "Id": path.rpartition("/")[2] or name,
        "Name": name,
        **more,
    }


def _collection(path: str, kind: str, members: list[str]) -> dict[str, Any]:
    """Return a collection."""
    links = [_link(f"{path}/{member}") for member in members]
    return {
        "@odata.id": f"{ROOT}/{path}",
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": f"{path} Collection",
        "Members@odata.count": len(members),
        "Members": links,
    }


def _system(plan: Plan, node: Node) -> Tree:
    """Return a machine's system and processors."""
    row = system(node.system)
    path = f"Systems/{node.name}"
    processors = f"{path}/Processors"
    tree = _processors(processors, node)
    names = [member.rpartition("/")[2] for member in tree]
    tree[processors] = _collection(processors, "Processor", names)
    serial = str(identity(plan.factory, node.name, "serial"))
    more = {
        "SystemType": "Physical",
        "HostName": node.name,
        "Manufacturer": row.vendor,
        "Model": node.system,
        "SerialNumber": serial[:12],
        "UUID": str(identity(plan.factory, node.name)),
        "BiosVersion": FIRMWARE["HostBIOS"],
        "PowerState": "On",
        "Status": _GOOD,
        "Processors": _link(processors),
        "Links": {"Chassis": [_link(f"Chassis/{node.name}")]},
    }
    tree[path] = _resource(path, "ComputerSystem.v1_22_0.ComputerSystem", node.name, more)
    return tree


def _processors(path: str, node: Node) -> Tree:
    """Return a machine's two CPUs and its GPUs."""
    chip = accelerator_of(system(node.system))
    model = (chip.product or chip.name).replace("-", " ").replace("_", " ") if chip else ""
    maker = chip.vendor if chip else system(node.system).vendor
    tree = {}
    for number in range(2):
        name = f"CPU_{number}"
        tree[f"{path}/{name}"] = _processor(path, name, "CPU", "", maker)
    for number in range(node.gpus):
        name = f"GPU_{number}"
        tree[f"{path}/{name}"] = _processor(path, name, "GPU", model, maker)
    return tree


def _processor(path: str, name: str, sort: str, model: str, vendor: str) -> dict[str, Any]:
    """Return one processor."""
    more = {"ProcessorType": sort, "Model": model, "Manufacturer": vendor, "Status": _GOOD}
    return _resource(f"{path}/{name}", "Processor.v1_20_0.Processor", name, more)


def _chassis(node: Node, ports: list[tuple[str, int]]) -> Tree:
    """Return a machine's chassis in its rack, with an adapter a port."""
    path = f"Chassis/{node.name}"
    adapters = f"{path}/NetworkAdapters"
    placement = {"Rack": node.rack, "RackOffset": node.place, "RackOffsetUnits": "EIA_310"}
    more = {
        "ChassisType": "RackMount",
        "Status": _GOOD,
        "Location": {"Placement": placement},
        "NetworkAdapters": _link(adapters),
        "Links": {"ComputerSystems": [_link(f"Systems/{node.name}")]},
    }
    tree = {path: _resource(path, "Chassis.v1_25_0.Chassis", node.name, more)}
    names = [name for name, _ in ports]
    tree[adapters] = _collection(adapters, "NetworkAdapter", names)
    for name, rate in ports:
        tree |= _adapter(f"{adapters}/{name}", name, rate)
    return tree


def _adapter(path: str, name: str, rate: int) -> Tree:
    """Return a network adapter with one port.

    Args:
        path: its path.
        name: its name.
        rate: its bits a second.
    """
    ports = f"{path}/Ports"
    more = {"Ports": _link(ports), "Status": _GOOD}
    gigabits = rate // 10**9
    speed = {
        "MaxSpeedGbps": gigabits,
        "CurrentSpeedGbps": gigabits,
        "LinkStatus": "LinkUp",
        "Status": _GOOD,
    }
    return {
        path: _resource(path, "NetworkAdapter.v1_11_0.NetworkAdapter", name, more),
        ports: _collection(ports, "Port", ["0"]),
        f"{ports}/0": _resource(f"{ports}/0", "Port.v1_12_0.Port", "Port 0", speed),
    }


def _firmware(node: Node) -> Tree:
    """Return a machine's firmware."""
    related = [_link(f"Systems/{node.name}")]
    tree = {}
    for name, version in FIRMWARE.items():
        path = f"{_INVENTORY}/{node.name}-{name}"
        more = {"SoftwareId": name, "Version": version, "RelatedItem": related}
        kind = "SoftwareInventory.v1_10_0.SoftwareInventory"
        tree[path] = _resource(path, kind, f"{name} of {node.name}", more)
    return tree
