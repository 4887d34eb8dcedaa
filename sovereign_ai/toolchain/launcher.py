"""Write the executable `pulumi-language-python` that starts the project's own language host.

The engine looks for a program of that name on PATH. Ours is a two-line shell script that names the
interpreter which has this project installed, so that it needs no activated environment.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from sovereign_ai.toolchain.place import ensure, interpreter

NAME = "pulumi-language-python"
_MODULE = "sovereign_ai.toolchain.language_host"


def write_launcher(folder: Path) -> Path:
    """Write the launcher into a folder, in one step, unless it is there already; give its path."""
    package_root = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.append({str(package_root)!r}); from {_MODULE} import main; main(sys.argv[1:])"
    text = f'#!/bin/sh\nexec {shlex.quote(str(interpreter()))} -u -c {shlex.quote(code)} "$@"\n'
    place = ensure(folder) / NAME
    if place.is_file() and not place.is_symlink() and place.read_text() == text:
        return place
    fresh = place.with_name(f".{NAME}.{os.getpid()}")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(place)
    return place
