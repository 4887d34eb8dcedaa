"""The container engine that kind nodes run in: Docker, found, or started as root where none runs.

Rules of this room:

- An engine that answers is used as it is, and never stopped by us.
- One that we started is ours: its pid and log lie in the state folder, and `stop` ends it.
- Where the machine withholds a capability that `--privileged` asks for, and only there, containers
  start through a runtime that asks for what there is (`trim.py`).
"""
