"""The installed packages of an interpreter, and the Pulumi providers that their SDKs require.

An SDK of a provider carries `pulumi-plugin.json`, which names the provider and its version. The
interpreter that will run the program is asked by running it, unless it is the one that runs this.

    >>> [package.name for package in required_packages(Path(sys.executable))]
    ['kubernetes']
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import CACHED, captured, content_if_whole

_LIMIT = 60


@dataclass(frozen=True, slots=True, order=True)
class Required:
    """A provider that an installed SDK requires; `server` is the address where the engine may find it."""

    name: str
    version: str
    server: str = ""


def required_packages(python: Path) -> list[Required]:
    """List the providers that the interpreter's SDKs want, by name."""
    packages = set()
    for folder in _search_path(python):
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            package = _read(file)
            if package is not None:
                packages.add(package)
    return sorted(packages)


def _read(file: Path) -> Required | None:
    """Read an SDK's file; None for an SDK that is of no resource provider."""
    try:
        data = orjson.loads(content_if_whole(file, CACHED) or b"")
    except ValueError:
        return None
    if not isinstance(data, dict) or not data.get("resource"):
        return None
    name = data.get("name") or file.parent.name.removeprefix("pulumi_").replace("_", "-")
    return Required(str(name), str(data.get("version", "")).removeprefix("v"), str(data.get("server", "")))


def distributions(python: Path, *, transitive: bool) -> list[tuple[str, str]]:
    """List the installed packages with their versions.

    Without `transitive` only those that no other one requires.
    """
    versions: dict[str, str] = {}
    required: set[str] = set()
    folders = list(map(str, _search_path(python)))
    for distribution in importlib.metadata.distributions(path=folders):
        if "Name" not in distribution.metadata:
            continue  # the rest of a package that was removed in part
        # The first on the path is the one that is imported.
        versions.setdefault(_normal(distribution.name), distribution.version)
        for line in distribution.requires or []:
            # Requirements of extras need not be installed.
            if "extra ==" not in line:
                name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
                required.add(_normal(name))
    names = versions if transitive else versions.keys() - required
    return sorted((name, versions[name]) for name in names)


def _normal(name: str) -> str:
    """Write a package's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_version(python: Path) -> str:
    """Return the interpreter's version."""
    return _output_of(python, "import sys; print('.'.join(map(str, sys.version_info[:3])))")


def _search_path(python: Path) -> list[Path]:
    """Return the folders that an interpreter imports from."""
    if str(python) == sys.executable:
        folders = sys.path
    else:
        folders = orjson.loads(_output_of(python, "import json, sys; print(json.dumps(sys.path))") or "[]")
    return [Path(folder) for folder in dict.fromkeys(folders) if folder and Path(folder).is_dir()]


@lru_cache(maxsize=16)
def _output_of(python: Path, code: str) -> str:
    """Run one line of Python in an interpreter; an empty text if it does not run."""
    try:
        # With `-c` the working folder comes first among those that modules are imported from.
        done = captured([str(python.absolute()), "-c", code], folder=os.sep, seconds=_LIMIT)
    except (OSError, subprocess.SubprocessError, SovereignError):
        return ""
    return "" if done.returncode else done.stdout.decode(errors="replace").strip()
