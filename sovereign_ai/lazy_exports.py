"""The names that a package exports, each loaded from its module on first use.

A package's `__init__.py` lists its public names. Importing them all at once would make `sovereign-ai --help`
load Pulumi and gRPC, so a name's module is imported when somebody asks for the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Nothing is kept: a name is read from its module each time, so that a test which replaces it there replaces
    it for everybody who imports it later.

    Args:
        package: the package's full name.
        modules: the exported names by the module, below the package, that defines them.
    """
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home), name)

    return load
