"""Compare the servers in the racks, as their management controllers report them over Redfish, with the plan.

Rules of this package:

* Read only: no request posts, patches or resets. TLS is always verified; a service without TLS is refused.
* Credentials come from a file of mode 0600 that the endpoints file names. They appear in no argument, log or
  report.
* A controller that does not answer is `unreachable`: its server counts neither as missing nor as fine.
* `comparison.py` is pure. Only `read.py` uses the network, through sushy (the extra `inventory`).

    >>> from sovereign_ai.verify.redfish.names import same_model, gpu_of
    >>> same_model("dgx-h100", "DGXH100", ()), gpu_of("NVIDIA GB200 192GB")
    (True, 'gb200')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.verify.redfish.comparison import compare
    from sovereign_ai.verify.redfish.endpoints import read_endpoints
    from sovereign_ai.verify.redfish.read import read_all
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "comparison": ("compare",),
            "endpoints": ("read_endpoints",),
            "read": ("read_all",),
        },
    )

__all__ = ["compare", "read_all", "read_endpoints"]
