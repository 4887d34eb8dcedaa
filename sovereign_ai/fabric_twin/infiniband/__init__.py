"""The twin of an InfiniBand plane: ibsim plays switches and adapters, the real OpenSM manages them.

* `net.py` writes the plane as ibsim reads it, with a GUID for every node.
* `subnet.py` starts ibsim and OpenSM in a network namespace of their own and runs infiniband-diags there.
* `checks.py` compares what they report with the plan, breaks parts, and puts in faults that must be reported.

No rate, error or congestion is simulated. ibsim knows switches of at most 255 ports.
"""

from __future__ import annotations
