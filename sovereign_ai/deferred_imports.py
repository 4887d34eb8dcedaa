"""Postpone imports of third-party modules that a package imports at once and needs rarely.

For example, the kubernetes package imports OAuth, and with it requests, for tokens that must be renewed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """A module whose functions and classes import the real one when they are called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        return call


@contextmanager
def deferred(*modules: str) -> Iterator[None]:
    """Postpone the import of some modules within a block, unless they are loaded already.

    What the block imports from them can be called, and is loaded then. It is no class to inherit from or to
    compare with. After the block the modules are imported as always.

    Args:
        modules: full names.
    """
    placed = {}
    for name in modules:
        if name not in sys.modules:
            placed[name] = sys.modules[name] = _Deferred(name)
    try:
        yield
    finally:
        for name, placeholder in placed.items():
            if sys.modules.get(name) is placeholder:
                del sys.modules[name]
