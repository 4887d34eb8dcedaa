"""Runs every hostile case and prints what is wrong; exit code 1 if anything is."""

from __future__ import annotations

import argparse
import difflib
import shutil
import sys
from collections import Counter

from tests.hostile.cases import all_cases, chosen
from tests.hostile.runner import now, processors, run_all, scratch
from tests.hostile.warm import warm


def _nearest(name: str) -> str:
    """Return the names that are most like one, as a list to choose from."""
    names = [case.name for case in all_cases(thorough=True)]
    return ", ".join(difflib.get_close_matches(name, names, 5, 0.3)) or "--count lists the readers"


def main() -> int:
    """Run the cases that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--reader", help="the cases whose name begins so")
    parser.add_argument("--case", help="one case; its output is printed")
    parser.add_argument("--processes", type=int, default=processors(), help="how many run at once")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, the same in each run")
    parser.add_argument("--controls", action="store_true", help="the controls alone, which are valid inputs")
    parser.add_argument("--count", action="store_true", help="count the cases and run none")
    parser.add_argument(
        "--thorough", action="store_true", help="every text and value for every reader and field; an hour"
    )
    asked = parser.parse_args()
    began = now()
    cases = list(all_cases(thorough=asked.thorough or bool(asked.case)))
    if asked.reader:
        cases = [case for case in cases if case.name.startswith(asked.reader)]
    if asked.case:
        cases = [case for case in cases if case.name == asked.case]
    if asked.controls:
        cases = [case for case in cases if case.is_control]
    if asked.sample:
        cases = chosen(cases, asked.sample, b"sample")
    if not cases:
        parser.error(f"no case has that name: {_nearest(asked.case or asked.reader or '')}")
    controls = sum(case.is_control for case in cases)
    print(f"{len(cases) - controls:,} hostile inputs and {controls} controls", flush=True)
    if asked.count:
        print(
            "\n".join(
                f"{count:6,}  {name}"
                for name, count in Counter("/".join(case.name.split("/")[:2]) for case in cases).items()
            )
        )
        return 0
    warm()
    root = scratch()
    wrong = 0
    try:
        for result in run_all(cases, max(1, asked.processes), root):
            if result.faults:
                wrong += 1
                print(f"{result.name}: {'; '.join(result.faults)}", flush=True)
            if asked.case:
                print(result.output)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{wrong:,} of {len(cases):,} wrong, {now() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
