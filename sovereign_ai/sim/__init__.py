"""Simulated machines: nodes, accelerators, metrics, faults and power, at the level of the Kubernetes API.

Rules of this room:

- Everything simulated follows from the plan and the catalogue; nothing is described a second time.
- Builders (`nodes.py`, `slices.py`) are pure: the same plan gives the same objects, with the same
  device identities, on any machine. `factory.py` alone brings them to a cluster, and repairs them.
- What is simulated, what is static and what is absent stands in docs/fidelity.md, and is tested.
- A cluster with machines that we did not make is never simulated onto, unless told to by name.

    from sovereign_ai.sim.factory import remove, simulate

    simulated = simulate(api, factory, plan, "lab", progress=print)
    assert simulated.ready == simulated.nodes
    remove(api, factory, "lab")
"""
