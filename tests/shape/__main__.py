"""Print how readable the package is, in figures: `python -m tests.shape [--json] [--files] [PACKAGE ...]`.

The limits are those of codebases that engineers hold up as readable, measured in the same way.

    python -m tests.shape                       # the whole package, as CI prints it
    python -m tests.shape plan spec             # two subpackages, each by itself
    python -m tests.shape --files plan          # the files of a subpackage that miss a limit, by figure
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.shape.measures import LIMITS, measure

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sovereign_ai"


def main(arguments: list[str] | None = None) -> int:
    """Print each figure beside its limit.

    Args:
        arguments: of the command line; those of the process if None.

    Returns:
        0 where every printed figure is within its limit, else 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.shape", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("packages", nargs="*", help="subpackages, such as `plan`; the whole if none")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON document")
    parser.add_argument("--files", action="store_true", help="print each file that misses a limit")
    options = parser.parse_args(arguments)
    folders = [PACKAGE / package for package in options.packages] or [PACKAGE]
    missing = [str(folder.relative_to(ROOT)) for folder in folders if not folder.is_dir()]
    if missing:
        parser.error(f"no such package: {', '.join(missing)}")
    figures = {str(folder.relative_to(ROOT)): measure(folder, ROOT / "tests") for folder in folders}
    if options.json:
        document = figures if options.packages else figures[PACKAGE.name]
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return _exit_code(figures.values())
    for folder, values in figures.items():
        _print(folder, values)
        if options.files:
            _print_files(ROOT / folder)
    return _exit_code(figures.values())


def _exit_code(measured: Iterable[Mapping[str, float]]) -> int:
    """Return 1 where a figure misses its limit, else 0."""
    for values in measured:
        for name, value in values.items():
            if not LIMITS[name].reached(value):
                return 1
    return 0


def _print(title: str, values: Mapping[str, float]) -> None:
    """Print the figures of a folder, each beside its limit."""
    sys.stdout.write(f"{title}\n")
    for name, value in values.items():
        limit = LIMITS[name]
        word = "yes" if limit.reached(value) else "no"
        sys.stdout.write(f"  {word:3}  {name:52} {value:8.1f}  {limit.words}\n")


def _print_files(folder: Path) -> None:
    """Print what each file of a folder misses, in short words."""
    for path in sorted(folder.rglob("*.py")):
        values = measure(path, ROOT / "tests")
        missed = [f"{name} {value:.1f}" for name, value in values.items() if not LIMITS[name].reached(value)]
        if missed:
            sys.stdout.write(f"{path.relative_to(ROOT)}: {'; '.join(missed)}\n")


if __name__ == "__main__":
    sys.exit(main())
