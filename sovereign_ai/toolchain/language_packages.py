"""What an interpreter's packages want from Pulumi, and what they are.

An SDK of a provider carries `pulumi-plugin.json`, which names the provider and its version. The
interpreter that will run the program is asked by running it, unless it is the one that runs this.

    >>> [one.name for one in required_packages(Path(sys.executable))]
    ['kubernetes']
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_LIMIT = 60


@dataclass(frozen=True, slots=True, order=True)
class Required:
    """A provider that an installed SDK wants; `server` says where the engine may look for it."""

    name: str
    version: str
    server: str = ""


def required_packages(python: Path) -> list[Required]:
    """List the providers that the interpreter's SDKs want, by name."""
    found = set()
    for folder in _search_path(python):
        for file in sorted(Path(folder).glob("*/pulumi-plugin.json")):
            one = _read(file)
            if one is not None:
                found.add(one)
    return sorted(found)


def _read(file: Path) -> Required | None:
    """Read one SDK's file; an SDK that is no resource provider says so there."""
    try:
        data: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    if not data.get("resource"):
        return None
    name = data.get("name") or file.parent.name.removeprefix("pulumi_").replace("_", "-")
    return Required(str(name), str(data.get("version", "")).removeprefix("v"), str(data.get("server", "")))


def distributions(python: Path, *, transitive: bool) -> list[tuple[str, str]]:
    """List the installed packages with their versions; without `transitive` only those that no other one requires."""
    found: dict[str, str] = {}
    wanted: set[str] = set()
    for one in importlib.metadata.distributions(path=[str(folder) for folder in _search_path(python)]):
        if "Name" not in one.metadata:
            continue  # what is left of a package that was removed in part
        found.setdefault(_normal(one.name), one.version)
        for line in one.requires or []:
            if "extra ==" not in line:
                wanted.add(_normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]))
    return sorted((name, version) for name, version in found.items() if transitive or name not in wanted)


def _normal(name: str) -> str:
    """Write a package's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_version(python: Path) -> str:
    """Give the interpreter's version."""
    return _ask(python, "import sys; print('.'.join(map(str, sys.version_info[:3])))")


def _search_path(python: Path) -> list[Path]:
    """Give the folders that an interpreter imports from."""
    if str(python) == sys.executable:
        folders = sys.path
    else:
        folders = json.loads(_ask(python, "import json, sys; print(json.dumps(sys.path))") or "[]")
    return [Path(folder) for folder in dict.fromkeys(folders) if folder and Path(folder).is_dir()]


@lru_cache(maxsize=16)
def _ask(python: Path, code: str) -> str:
    """Run one line of Python in an interpreter; an empty text if it does not run."""
    try:
        done = subprocess.run(
            [str(python), "-c", code], capture_output=True, text=True, timeout=_LIMIT, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
