"""From nothing to a ready control plane.

API, controllers, scheduler, KWOK and the default service account.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time

from sovereign_ai.cluster.embedded.lifecycle import down, up

RUNS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    fresh, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        for _ in range(RUNS):
            begun = time.perf_counter()
            up("bench")
            fresh.append(time.perf_counter() - begun)
            down("bench", keep_data=True)
            begun = time.perf_counter()
            up("bench")
            again.append(time.perf_counter() - begun)
            down("bench")
    first = statistics.median(fresh)
    result = {
        "benchmark": "control_plane",
        "runs": RUNS,
        "fresh_seconds": round(first, 2),
        "with_data_seconds": round(statistics.median(again), 2),
    }
    print(json.dumps(result | {"goal": 15, "met": first <= 15}, indent=2))


if __name__ == "__main__":
    main()
