"""Run one Pulumi plugin or policy pack in this process; started by the language host, never imported by it.

    python -u plugin_program.py (module NAME | path FOLDER) ARGUMENTS…

The plugin makes a gRPC server of its own on loopback. This file closes that to other accounts before the
plugin begins, and leaves everything else as `python -m NAME` and `python FOLDER` have it. The interpreter may
be a plugin's own and need not have this package.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def main() -> None:
    """Close the plugin's ports to other accounts, and run it."""
    how, what, *arguments = sys.argv[1:]
    # The folder of this file is no part of the plugin's path; Python puts it first for every script that it
    # runs.
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != _HERE]

    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415 - only once the path is right

    spec = importlib.util.spec_from_file_location("_owner_only", _HERE / "owner_only.py")
    assert spec is not None  # noqa: S101 - the name ends with .py
    assert spec.loader is not None  # noqa: S101
    owner_only = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(owner_only)
    owner_only.protect(grpc)

    sys.argv = [what, *arguments]
    if how == "module":
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `python -m` does
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
