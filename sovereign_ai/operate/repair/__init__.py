"""The repair controller: detects faults of machines, drains, resets, restarts, accepts, returns or gives up.

It would run unchanged beside real nodes: it reads what node agents and drivers report (`faults.py`), decides
by a function without state (`decide.py`), and keeps where each repair stands on the Node itself
(`record.py`), so that it can be killed at any moment and run twice. `controller.py` reads the cluster and
writes what was decided. It requests resets and restarts in the Node's record; an agent of the site, or the
simulation, carries them out.
"""
