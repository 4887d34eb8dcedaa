"""Fabrics: the size of each plane in closed forms, and then every switch, port and cable of it.

`planes.py` puts the planes together. `size.py` and `layout.py` have the closed forms, which feasibility checks
share with the planner; `port_assignment.py` says which server is at which place of which leaf.
"""
