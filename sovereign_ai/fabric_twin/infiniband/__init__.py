"""The twin of an InfiniBand plane: ibsim plays switches and adapters, the real OpenSM manages them.

* `ibsim_net.py` writes the plane as ibsim reads it, with a GUID for every node.
* `subnet.py` starts ibsim and OpenSM in a network namespace of their own and runs infiniband-diags there.
* `checks.py` compares what they report with the plan, breaks parts, and puts in faults that must be reported.

No rate, error or congestion is simulated. ibsim knows switches of at most 255 ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.fabric_twin.infiniband.checks import run_checks
    from sovereign_ai.fabric_twin.infiniband.ibsim_net import net
    from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet, require_ibsim
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "checks": ("run_checks",),
            "ibsim_net": ("net",),
            "subnet": ("RunningSubnet", "require_ibsim"),
        },
    )

__all__ = ["RunningSubnet", "net", "require_ibsim", "run_checks"]
