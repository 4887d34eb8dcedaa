"""How long a command takes beyond the interpreter's own start.

`--help`, `validate` and `plan` of the gigafactory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "sovereign_ai.cli"]
GIGAFACTORY = str(ROOT / "stacks" / "gigafactory")
RUNS = 7


def seconds(*command: str) -> float:
    """Give the median wall time of a command over several runs."""
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    empty = seconds(sys.executable, "-c", "pass")
    measured = {
        "help": (seconds(*PROGRAM, "--help"), 0.3),
        "validate gigafactory": (seconds(*PROGRAM, "validate", GIGAFACTORY) - empty, 0.5),
        "plan gigafactory with its canonical JSON": (
            seconds(*PROGRAM, "plan", GIGAFACTORY, "--json") - empty,
            3.0,
        ),
    }
    rows = {
        name: {"seconds": round(value, 3), "goal": goal, "met": value <= goal}
        for name, (value, goal) in measured.items()
    }
    print(
        json.dumps(
            {"benchmark": "start", "interpreter_seconds": round(empty, 3), "runs": RUNS, **rows}, indent=2
        )
    )


if __name__ == "__main__":
    main()
