"""What follows from the description: every rack, port, cable, address, kilowatt and cluster.

`plan(factory)` in `factory.py` is the one way in; it is pure, deterministic, and refuses what
cannot be. `size.py` holds the closed forms, which feasibility checks share with the planner.
Every derived number says why: the `why` mappings give the formula and its inputs in words.
"""
