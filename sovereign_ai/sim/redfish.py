"""A Redfish tree of the planned machines, as a mockup that `sushy-static` serves: every machine racked as planned.

One service speaks for all machines, as an aggregator does; each has a system by its host name, its CPUs and GPUs, a chassis
in its rack with network adapters, and its firmware. Paths and members follow the DMTF's schemas; versions and
serial numbers are made up from names, alike on every run.

    sushy-static -i 127.0.0.1 -p 8443 -m tree -c cert.pem -k key.pem
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.sim.identity import identity

ROOT = "/redfish/v1"
FIRMWARE = {"BMC": "24.09.17", "HostBIOS": "1.6.7"}
_ROLES = ("compute", "storage")
_GOOD = {"State": "Enabled", "Health": "OK"}


def redfish_tree(plan: Plan, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Give path below `/redfish/v1` to resource.

    Args:
        plan: the plan.
        names: machines; left out, all of them.
    """
    wanted = None if names is None else set(names)
    nodes = [node for node in plan.nodes if wanted is None or node.name in wanted]
    ports = _ports(plan)
    found: dict[str, dict[str, Any]] = {}
    for node in nodes:
        found |= _system(plan, node)
        found |= _chassis(node, ports.get(node.name, []))
        found |= _firmware(node)
    members = [node.name for node in nodes]
    inventory = [f"{name}-{part}" for name in members for part in FIRMWARE]
    found["Systems"] = _collection("Systems", "ComputerSystem", members)
    found["Chassis"] = _collection("Chassis", "Chassis", members)
    found["UpdateService/FirmwareInventory"] = _collection("UpdateService/FirmwareInventory", "SoftwareInventory", inventory)
    update = {"#UpdateService.SimpleUpdate": {"target": f"{ROOT}/UpdateService/Actions/UpdateService.SimpleUpdate"}}
    firmware = {"FirmwareInventory": _link("UpdateService/FirmwareInventory"), "ServiceEnabled": True, "Actions": update}
    found["UpdateService"] = _resource("UpdateService", "UpdateService.v1_11_0.UpdateService", "UpdateService", firmware)
    tops = {name: _link(name) for name in ("Systems", "Chassis", "UpdateService")}
    found[""] = _resource("", "ServiceRoot.v1_15_0.ServiceRoot", "RootService", {"RedfishVersion": "1.18.0", **tops})
    return found


def _ports(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    """Give machine to (port, bits a second) of what the plan cables."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for plane in plan.fabrics:
        if plane.role in _ROLES:
            for host, port, _, _ in plane.cables[: plane.node_leaf]:
                found[host].append((port.replace("/", "p"), plane.link))
    return found


def _link(path: str) -> dict[str, str]:
    """Give a reference."""
    return {"@odata.id": f"{ROOT}/{path}"}


def _resource(path: str, kind: str, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Give a resource with what each must have."""
    here = f"{ROOT}/{path}" if path else f"{ROOT}/"
    return {"@odata.id": here, "@odata.type": f"#{kind}", "Id": path.rpartition("/")[2] or name, "Name": name, **more}


def _collection(path: str, kind: str, members: list[str]) -> dict[str, Any]:
    """Give a collection."""
    listed = {"Members@odata.count": len(members), "Members": [_link(f"{path}/{one}") for one in members]}
    kind = f"{kind}Collection.{kind}Collection"
    return {"@odata.id": f"{ROOT}/{path}", "@odata.type": f"#{kind}", "Name": f"{path} Collection", **listed}


def _system(plan: Plan, node: Node) -> dict[str, dict[str, Any]]:
    """Give a machine's system and processors."""
    row = system(node.system)
    chip = accelerator(row.accelerator)
    path = f"Systems/{node.name}"
    kind = "Processor.v1_20_0.Processor"
    processors = {f"CPU_{number}": ("CPU", "") for number in range(2)}
    processors |= {f"GPU_{number}": ("GPU", (chip.product or chip.name).replace("-", " ").replace("_", " ")) for number in range(node.gpus)}
    found = {
        f"{path}/Processors/{name}": _resource(
            f"{path}/Processors/{name}", kind, name, {"ProcessorType": sort, "Model": model, "Manufacturer": chip.vendor, "Status": _GOOD}
        )
        for name, (sort, model) in processors.items()
    }
    found[f"{path}/Processors"] = _collection(f"{path}/Processors", "Processor", list(processors))
    more = {
        "SystemType": "Physical",
        "HostName": node.name,
        "Manufacturer": row.vendor,
        "Model": node.system,
        "SerialNumber": str(identity(plan.factory, node.name, "serial"))[:12],
        "UUID": str(identity(plan.factory, node.name)),
        "BiosVersion": FIRMWARE["HostBIOS"],
        "PowerState": "On",
        "Status": _GOOD,
        "Processors": _link(f"{path}/Processors"),
        "Links": {"Chassis": [_link(f"Chassis/{node.name}")]},
    }
    found[path] = _resource(path, "ComputerSystem.v1_22_0.ComputerSystem", node.name, more)
    return found


def _chassis(node: Node, ports: list[tuple[str, int]]) -> dict[str, dict[str, Any]]:
    """Give a machine's chassis in its rack, with an adapter a port."""
    path = f"Chassis/{node.name}"
    adapters = f"{path}/NetworkAdapters"
    placement = {"Rack": node.rack, "RackOffset": node.place, "RackOffsetUnits": "EIA_310"}
    more = {"ChassisType": "RackMount", "Status": _GOOD, "Location": {"Placement": placement}, "NetworkAdapters": _link(adapters)}
    links = {"ComputerSystems": [_link(f"Systems/{node.name}")]}
    found = {path: _resource(path, "Chassis.v1_25_0.Chassis", node.name, {**more, "Links": links})}
    found[adapters] = _collection(adapters, "NetworkAdapter", [name for name, _ in ports])
    for name, rate in ports:
        here = f"{adapters}/{name}"
        found[here] = _resource(here, "NetworkAdapter.v1_11_0.NetworkAdapter", name, {"Ports": _link(f"{here}/Ports"), "Status": _GOOD})
        found[f"{here}/Ports"] = _collection(f"{here}/Ports", "Port", ["0"])
        speed = {"MaxSpeedGbps": rate // 10**9, "CurrentSpeedGbps": rate // 10**9, "LinkStatus": "LinkUp", "Status": _GOOD}
        found[f"{here}/Ports/0"] = _resource(f"{here}/Ports/0", "Port.v1_12_0.Port", "Port 0", speed)
    return found


def _firmware(node: Node) -> dict[str, dict[str, Any]]:
    """Give a machine's firmware."""
    base = "UpdateService/FirmwareInventory"
    of = [_link(f"Systems/{node.name}")]
    return {
        f"{base}/{node.name}-{name}": _resource(
            f"{base}/{node.name}-{name}",
            "SoftwareInventory.v1_10_0.SoftwareInventory",
            f"{name} of {node.name}",
            {"SoftwareId": name, "Version": version, "RelatedItem": of},
        )
        for name, version in FIRMWARE.items()
    }
