"""What is racked, as its management controllers tell it over Redfish, held against what was planned.

The room's rules:

* Read only: nothing is ever posted, patched or reset. TLS is always verified; a service without TLS is refused.
* Credentials come from a file of mode 0600 that the endpoints file names; they stand in no argument, log or report.
* A controller that does not answer is `unreachable`: never a machine that is missing, and never one that is fine.
* `compare.py` is pure; only `read.py` speaks to the network, by sushy (the extra `inventory`).

    >>> from sovereign_ai.verify.redfish.names import same_model, gpu_of
    >>> same_model("dgx-h100", "DGXH100", ()), gpu_of("NVIDIA GB200 192GB")
    (True, 'gb200')
"""

from __future__ import annotations
