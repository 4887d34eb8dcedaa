"""The container engine that kind nodes run in: the Docker that runs, or one that is started as root.

Rules of this room:

- An engine that answers is used as it is, and never stopped.
- An engine that was started here has its pid and log in the state folder, and `stop` ends it.
- Only where the machine withholds a capability that `--privileged` requests, containers start through
  a runtime that requests what there is (`trim.py`).
"""
