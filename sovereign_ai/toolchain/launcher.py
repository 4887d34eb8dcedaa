"""Write the executables that start the project's own Pulumi plugins.

They are its language host, its provider of hosts, and its component package.

The engine looks for a program of that name. Each is a two-line shell script that names the
interpreter which has this project installed, so that it needs no activated environment.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from sovereign_ai.files import CACHED, content_if_whole
from sovereign_ai.files.writing import replace
from sovereign_ai.toolchain.cache import ensure, interpreter

NAME = "pulumi-language-python"
HOSTS = "pulumi-resource-sovereign-hosts"
HOSTS_VERSION = "0.1.0"
"""The version of the provider of hosts, as resources ask for it.

Changed when its inputs change their meaning.
"""
PACKAGE = "pulumi-resource-sovereign"
PACKAGE_VERSION = "0.1.0"
"""The version of the component package, as SDKs ask for it; changed when its inputs or outputs change."""
_MODULES = {
    NAME: "sovereign_ai.deploy.language_host.host",
    HOSTS: "sovereign_ai.deploy.hosts.provider.service",
    PACKAGE: "sovereign_ai.deploy.package.service",
}


def starting(module: str) -> list[str]:
    """Return the command that runs a module's `main` in this interpreter, from wherever the project lies."""
    package_root = Path(__file__).resolve().parents[2]
    code = (
        f"import sys; sys.path.append({str(package_root)!r}); from {module} import main; main(sys.argv[1:])"
    )
    # `-P`: the working folder may be anybody's, and comes first among the folders that `-c` imports from.
    return [str(interpreter()), "-P", "-u", "-c", code]


def write_launcher(folder: Path, name: str = NAME) -> Path:
    """Write a plugin's launcher into a folder, in one step, unless it is there already; give its path."""
    text = f'#!/bin/sh\nexec {shlex.join(starting(_MODULES[name]))} "$@"\n'
    place = ensure(folder) / name
    if not place.is_symlink() and content_if_whole(place, CACHED) == text.encode():
        return place
    replace(place, text.encode(), mode=0o755, durable=False)
    return place
