"""Files and objects made from a plan, for Kubernetes, switches, hosts and other systems.

* `kubernetes/` makes the objects of each cluster, `switches/` the configuration of each switch, `hosts/` the
  Ansible inventory, `interop/` the files of other systems. `picture.py` draws the plan, `folder.py` writes
  files into a folder and removes what an earlier run left there.
* A renderer is a pure function of description and plan: its output is sorted, holds no time, and has the same
  bytes everywhere. No renderer opens a connection.
* No renderer repeats what a rule forbids: admission policies are made from `sovereign_ai.rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.folder import write
    from sovereign_ai.render.picture import draw_plan
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "folder": ("write",),
            "picture": ("draw_plan",),
        },
    )

__all__ = ["draw_plan", "write"]
