"""Takes each defence against a fault out of a copy of the project, and shows that its tests then fail.

    python -m tests.faults.mutation [NAME…]

The table `mutation.yaml` says of each defence against which fault it is, which text of which file is it, what
stands there without it, and which tests must fail then. The program writes back what it saw; the tests hold
the table to the code, and to the list of faults.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.mutants import main, read

TABLE = Path(__file__).with_name("mutation.yaml")
MUTANTS = read(TABLE)
FAULTS = (
    "own process killed",
    "engine killed",
    "language host killed",
    "provider killed",
    "SIGINT once",
    "SIGINT twice",
    "SIGSTOP and a rival",
    "disk full",
    "read-only folders",
    "failing writes",
    "truncated state",
    "rolled-back state",
    "API server gone",
    "another cluster behind the same kubeconfig",
    "401",
    "403",
    "429 with Retry-After",
    "500",
    "503",
    "reply lost after the commit",
    "slow connections",
    "cut connections",
    "conflicts",
    "drift",
    "finalizers",
    "webhooks down",
    "CRDs missing",
    "CRDs late",
    "etcd killed",
    "etcd full",
    "watches cut",
    "watches expired",
    "clock steps",
    "memory limit",
    "descriptor limit",
    "lock of a dead owner",
    "engine of a killed command at work",
    "namespace of somebody else",
    "guard left open by a refused down",
    "guard that refuses the change of the same run",
    "silence read as absence",
    "empty lock file of a full disk",
    "namespace that is terminating",
    "damaged state without a copy named",
    "stopped owner that writes over its rival",
    "expired token told as an unreachable cluster",
    "drift of an immutable field",
    "server that accepts and never answers",
    "limit on the size of files",
    "damaged guard file",
)
"""Every fault that a deployment meets; each has at least one row."""

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], TABLE))
