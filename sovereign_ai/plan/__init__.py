"""The plan that follows from a description: every rack, port, cable, address, kilowatt and cluster.

`plan(factory)` in `factory.py` is the only entry point. It is pure and deterministic, and refuses what cannot
be built. `fabric/size.py` has the closed forms, which feasibility checks share with the planner. Every derived
number has a reason: the `why` mappings give the formula and its inputs in words.

    from sovereign_ai.plan.factory import plan
    from sovereign_ai.spec.load import load

    planned = plan(load("stacks/lab"))
    print(planned.digest, len(planned.nodes))
"""
