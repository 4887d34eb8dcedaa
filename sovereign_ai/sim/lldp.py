"""The output of `lldpctl -f json0 show neighbors` on each planned machine, cabled as planned.

The shape is that of lldpd 1.0.16 (its own output, recorded 2026-11-24).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sovereign_ai.plan import Plan
from sovereign_ai.render.switches import host_interface, interface


def lldp(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return machine to its neighbours' document."""
    names = {node.name for node in plan.nodes}
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for plane in plan.fabrics:
        # InfiniBand has no LLDP.
        if plane.kind == "infiniband":
            continue
        for link in plane.host_links:
            # Storage servers and fabric managers are hosts too, but no nodes.
            if link.lower in names:
                port, leaf_port = host_interface(link.lower_port), interface(link.upper_port)
                rows[link.lower].append(_neighbour(port, link.upper, leaf_port))
    return {host: {"lldp": [{"interface": listed}]} for host, listed in rows.items()}


def _neighbour(name: str, switch: str, port: str) -> dict[str, Any]:
    """Return the neighbour of one interface."""
    chassis = {"id": [{"type": "local", "value": switch}], "name": [{"value": switch}]}
    peer = {"id": [{"type": "ifname", "value": port}], "descr": [{"value": port}], "ttl": [{"value": "120"}]}
    return {
        "name": name,
        "via": "LLDP",
        "rid": "1",
        "age": "0 day, 00:00:03",
        "chassis": [chassis],
        "port": [peer],
    }
