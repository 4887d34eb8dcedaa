"""A twin of a fabric: network namespaces for switches and hosts, veth pairs for cables, one real FRR a switch.

The room's rules:

* Switches are configured by the very files of `render/switches`: `frr.conf` goes to `vtysh -f`, and the port map says which
  port is in which segment. (They are brought by this package; Ansible does not yet drive it.)
* Everything made carries the twin's prefix, so `down` finds all of it, also after a crash; nothing else is touched. A twin
  that could not be built is torn down before the error is raised.
* What the twin shows is judged by the kernel's own tables (`ip -j route`, `bridge -j fdb`) and by packets, never by a daemon's word.
* Nothing leaves the machine: no namespace has a link to the outside. It needs root and FRR.

    from sovereign_ai.sim.twin.sample import sample
    from sovereign_ai.sim.twin.twin import Twin

    with Twin.up(sample(factory, plan), print) as twin:
        for result in check(twin): print(result)
"""

from __future__ import annotations
