"""Simulated machines: nodes, accelerators, metrics, faults and power, at the level of the Kubernetes API.

Rules of this package:

- Everything simulated follows from the plan and the catalogue; nothing is described a second time.
- Builders (`nodes.py`, `slices.py`) are pure: the same plan gives the same objects, with the same device
  identities, on any machine. `factory.py` alone writes them to a cluster, and repairs them.
- docs/fidelity.md lists what is simulated, what is static and what is absent; tests check it.
- A cluster with nodes that this package did not make is never simulated onto, unless the caller permits it.

    from sovereign_ai.sim import remove, simulate

    simulated = simulate(api, factory, plan, "lab", progress=print)
    assert simulated.ready == simulated.nodes
    remove(api, factory, "lab")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.sim.allocation import holders, read_holders
    from sovereign_ai.sim.factory import is_ready, is_simulated, remove, simulate
    from sovereign_ai.sim.fault_replay import FaultReplay
    from sovereign_ai.sim.faults import heal, heal_machine, inject
    from sovereign_ai.sim.machine import Machine, machines
    from sovereign_ai.sim.power import full_power, power_draw
    from sovereign_ai.sim.redfish import redfish_tree
    from sovereign_ai.sim.samples import dry_run_samples
    from sovereign_ai.sim.working import Working, count_working, unwell_machines
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "allocation": ("holders", "read_holders"),
            "factory": ("is_ready", "is_simulated", "remove", "simulate"),
            "fault_replay": ("FaultReplay",),
            "faults": ("heal", "heal_machine", "inject"),
            "machine": ("Machine", "machines"),
            "power": ("full_power", "power_draw"),
            "redfish": ("redfish_tree",),
            "samples": ("dry_run_samples",),
            "working": ("Working", "count_working", "unwell_machines"),
        },
    )

__all__ = [
    "FaultReplay",
    "Machine",
    "Working",
    "count_working",
    "dry_run_samples",
    "full_power",
    "heal",
    "heal_machine",
    "holders",
    "inject",
    "is_ready",
    "is_simulated",
    "machines",
    "power_draw",
    "read_holders",
    "redfish_tree",
    "remove",
    "simulate",
    "unwell_machines",
]
