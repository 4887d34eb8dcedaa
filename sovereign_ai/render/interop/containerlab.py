"""An Ethernet plane as a topology of containerlab: every switch, host and cable of the plan.

The form is that of containerlab's schema at version 0.79 (srl-labs/containerlab, read 2026-11-27). Switches
are Linux containers with FRR and take the `frr.conf` beside the file; images are whoever runs it decides,
`SWITCH_IMAGE` and `HOST_IMAGE` of the environment, which containerlab fills in.

What the file does not have: VLANs, VXLAN interfaces and bridges of zones, which a switch's own role makes,
and addresses of hosts. The underlay is complete: sessions are unnumbered, one a cable. Links to the outside
end at nothing that the plan knows, and are left out.
"""

from __future__ import annotations

import orjson

from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches import host_interface, interface
from sovereign_ai.render.switches.block import yaml_block

_SWITCH_IMAGE, _HOST_IMAGE = "${SWITCH_IMAGE}", "${HOST_IMAGE}"


def containerlab(plan: Plan, plane: FabricPlan) -> str:
    """Return the topology file of one Ethernet plane, `<plane>.clab.yml`."""
    switches = {}
    for switch in plane.switches:
        switches[switch.name] = {
            "kind": "linux",
            "image": _SWITCH_IMAGE,
            "group": switch.tier,
            "binds": [f"switches/{switch.name}/frr.conf:/etc/frr/frr.conf"],
            "labels": {KEYS.rack: switch.rack},
        }
    racks = {node.name: node.rack for node in plan.nodes}
    nodes: dict[str, object] = dict(switches)
    links: list[str] = []
    for lower, lower_port, upper, upper_port in (*plane.host_links, *plane.switch_links):
        name = interface(lower_port) if lower in switches else host_interface(lower_port)
        ends = [f"{lower}:{name}", f"{upper}:{interface(upper_port)}"]
        links.append(f"  - endpoints: {orjson.dumps(ends).decode()}\n")
        if lower not in nodes:
            host: dict[str, object] = {"kind": "linux", "image": _HOST_IMAGE, "group": "host"}
            if lower in racks:
                host["labels"] = {KEYS.rack: racks[lower]}
            nodes[lower] = host
    text = yaml_block(nodes, indent=4)
    return f"name: {plane.name}\ntopology:\n  nodes:\n{text}  links:\n{''.join(links)}"
