"""What `lldpctl -f json0 show neighbors` would say on each planned machine, cabled as planned.

The shape is that of lldpd 1.0.16 (its own output, recorded 2026-11-24). InfiniBand has no LLDP, so its ports are not heard.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.ports import host_interface, interface


def lldp(plan: Plan) -> dict[str, dict[str, Any]]:
    """Give machine to its neighbours' document."""
    machines = {node.name for node in plan.nodes}
    heard: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for plane in plan.fabrics:
        if plane.kind == "infiniband":
            continue
        for host, port, leaf, leaf_port in plane.cables[: plane.node_leaf]:
            if host in machines:
                heard[host].append(_neighbour(host_interface(port), leaf, interface(leaf_port)))
    return {host: {"lldp": [{"interface": rows}]} for host, rows in heard.items()}


def _neighbour(here: str, switch: str, port: str) -> dict[str, Any]:
    """Give one port's neighbour."""
    chassis = {"id": [{"type": "local", "value": switch}], "name": [{"value": switch}]}
    there = {"id": [{"type": "ifname", "value": port}], "descr": [{"value": port}], "ttl": [{"value": "120"}]}
    return {"name": here, "via": "LLDP", "rid": "1", "age": "0 day, 00:00:03", "chassis": [chassis], "port": [there]}
