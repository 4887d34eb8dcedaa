"""The digest of this package's own code, so that evidence identifies the program that was used.

The digest covers every file of the package by its path and content: modules, catalogue data, and the sources
of built tools. Compiled files do not count. Nor do the playbooks, which lie elsewhere in a checkout than in a
wheel.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import orjson

import sovereign_ai
from sovereign_ai.files import package_file

_ROOT = Path(sovereign_ai.__file__).resolve().parent
_NOT_COVERED = frozenset({"__pycache__", "playbooks"})


@cache
def package_digests() -> dict[str, str]:
    """Return the SHA-256 of each folder of the package, and of its top files as `.`; read once a process."""
    folders: dict[str, dict[str, str]] = {}
    for path in sorted(_ROOT.rglob("*")):
        parts = path.relative_to(_ROOT).parts
        if _NOT_COVERED.intersection(parts) or not path.is_file():
            continue
        folder = parts[0] if len(parts) > 1 else "."
        digests = folders.setdefault(folder, {})
        digests["/".join(parts)] = hashlib.sha256(package_file(path)).hexdigest()
    return {folder: _digest(folders[folder]) for folder in sorted(folders)}


def package_digest() -> str:
    """Return the SHA-256 of the whole package."""
    return _digest(package_digests())


def _digest(digests: dict[str, str]) -> str:
    # Sorted keys, so that the digest does not depend on the order of files.
    return hashlib.sha256(orjson.dumps(digests, option=orjson.OPT_SORT_KEYS)).hexdigest()
