"""How KWOK plays the kubelet of a simulated machine: it reports once that the machine is Ready.

KWOK's own stages add a heartbeat that writes all conditions anew: every twenty seconds where it renews
leases, and every ten minutes where it does not (0.7.0, pkg/kwok/cmd/root.go, has these the wrong way round).
It goes on after the annotation by which KWOK knows its machines is gone, so that a machine that fell silent
would be Ready again soon. No component asks for it: the node controller watches leases.
"""

from __future__ import annotations

import json

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_AT = "lastHeartbeatTime: {{ $now }}, lastTransitionTime: {{ $now }}"
_PRESSURE = f"- {{type: {{{{ $type }}}}, status: 'False', reason: Simulated, {_AT}}}"
_READY = f"""
{{{{ $now := Now | Quote }}}}
phase: Running
conditions:
{{{{ range $type := list {" ".join(f'"{name}"' for name in _PRESSURES)} }}}}
{_PRESSURE}
{{{{ end }}}}
- {{type: Ready, status: 'True', reason: KubeletReady, message: KWOK plays the kubelet, {_AT}}}
"""
"""The conditions of a kubelet that is well; capacity, addresses and versions come from `sim/nodes.py`."""


def node_stage() -> str:
    """Return the stage of machines as a document of KWOK's configuration file, in place of KWOK's own."""
    is_not_ready = {
        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
        "operator": "NotIn",
        "values": ["True"],
    }
    stage = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "node-is-ready"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Node"},
            "selector": {"matchExpressions": [is_not_ready]},
            "next": {"statusTemplate": _READY},
        },
    }
    return f"---\n{json.dumps(stage)}\n"
