"""A twin of a fabric: network namespaces for switches and hosts, veth pairs for cables, one real FRR a switch.

The room's rules:

* Here switches get namespaces, cables and running daemons with nothing configured. What they shall be is brought by the playbook
  that real switches have; whoever builds a twin hands it in (`configure`), for this room knows no deployment.
* Everything made carries the twin's prefix, so `down` finds all of it, also after a crash; nothing else is touched. A twin
  that could not be built is torn down before the error is raised.
* What the twin shows is judged by the kernel's own tables (`ip -j route`, `bridge -j fdb`) and by packets, never by a daemon's word.
* Nothing leaves the machine: no namespace has a link to the outside. It needs root and FRR.

    from sovereign_ai.sim.twin.sample import sample
    from sovereign_ai.sim.twin.twin import Twin

    with Twin.up(sample(factory, plan), print, configure_twin) as twin:
        for result in check(twin, predicted): print(result)
"""

from __future__ import annotations
