"""The container engine that kind nodes run in: the Docker that runs, or one that is started as root.

Rules of this package:

- An engine that answers is used as it is, and never stopped.
- An engine that was started here has its pid and log in the state folder, and `stop` ends it.
- Only where the machine withholds a capability that `--privileged` requests, containers start through
  a runtime that requests what there is (`trim.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.toolchain.container_engine.daemon import EngineState, ensure, state, stop
    from sovereign_ai.toolchain.container_engine.docker import ENGINE_VARIABLES, Docker
    from sovereign_ai.toolchain.container_engine.pruning import prune
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "daemon": ("EngineState", "ensure", "state", "stop"),
            "docker": ("Docker", "ENGINE_VARIABLES"),
            "pruning": ("prune",),
        },
    )

__all__ = ["ENGINE_VARIABLES", "Docker", "EngineState", "ensure", "prune", "state", "stop"]
