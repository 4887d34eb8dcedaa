"""A twin of a fabric: network namespaces for devices, veth pairs for cables, a real FRR on every switch.

Rules of this package:

* Switches start with namespaces, cables and daemons without configuration. The playbook that real switches
  have configures them; the caller passes it as `configure`, for this package imports no deployment.
* Every name that is made has the twin's prefix, so `down` removes all of it, also after a crash, and nothing
  else. A twin that could not be built is torn down before the error is raised.
* Checks read the kernel's own tables (`ip -j route`, `bridge -j fdb`) and send packets. They never rely on
  what a daemon reports.
* Nothing leaves the machine: no namespace has a link to the outside. A twin needs root and FRR.

    from sovereign_ai.fabric_twin import run_checks
    from sovereign_ai.fabric_twin import choose_sample, predict
    from sovereign_ai.fabric_twin import Twin

    chosen = choose_sample(factory, plan)
    with Twin.up(chosen, print, configure_twin) as twin:
        for result in run_checks(twin, predict(chosen, plan)):
            print(result)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.fabric_twin.checks import run_checks
    from sovereign_ai.fabric_twin.result import Result
    from sovereign_ai.fabric_twin.sample import Sample, choose_sample, predict
    from sovereign_ai.fabric_twin.twin import Twin, down, require_frr
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "checks": ("run_checks",),
            "result": ("Result",),
            "sample": ("Sample", "choose_sample", "predict"),
            "twin": ("Twin", "down", "require_frr"),
        },
    )

__all__ = ["Result", "Sample", "Twin", "choose_sample", "down", "predict", "require_frr", "run_checks"]
