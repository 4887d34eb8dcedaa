"""Pulumi's protocol as the SDK has it in protobuf, without the SDK itself.

A language host runs nothing of the SDK, whose import would be a third of the host's start, and the engine
starts a host twice in each command. So the packages above the protocol's modules are left out, unless the SDK
is loaded already, as in tests.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_PROTOCOL = "pulumi.runtime.proto"
_ABOVE = ("pulumi", "pulumi.runtime")


def _load(module: str) -> Any:
    """Import a module of the protocol, with empty packages above it where the SDK is not loaded."""
    if "pulumi" in sys.modules:
        return import_module(f"{_PROTOCOL}.{module}")
    spec = find_spec("pulumi")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    for name in _ABOVE:
        empty = ModuleType(name)
        empty.__path__ = [folder + name.removeprefix("pulumi").replace(".", "/") for folder in folders]
        sys.modules[name] = empty
    try:
        return import_module(f"{_PROTOCOL}.{module}")
    finally:
        # Whoever imports the SDK later gets the whole.
        for name in _ABOVE:
            del sys.modules[name]


language_pb2: Any = _load("language_pb2")
language_pb2_grpc: Any = _load("language_pb2_grpc")
plugin_pb2: Any = _load("plugin_pb2")
