"""What the provider says to Pulumi's log, through the engine's own service."""

from __future__ import annotations

import contextlib
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sovereign_ai.toolchain.plugin_server import CHANNEL


class EngineLog:
    """Speaks to the engine at an address; without one, to nobody."""

    def __init__(self, address: str) -> None:
        """Open the way to the engine; nothing is sent yet."""
        self._engine: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=CHANNEL)) if address else None

    def step(self, urn: str, text: str) -> None:
        """Say what is being done; a terminal shows it until the next."""
        self._say(engine_pb2.INFO, urn, text, ephemeral=True)

    def info(self, urn: str, text: str) -> None:
        """Say what was found or done."""
        self._say(engine_pb2.INFO, urn, text)

    def warn(self, urn: str, text: str) -> None:
        """Say what a person should look at."""
        self._say(engine_pb2.WARNING, urn, text)

    def _say(self, severity: Any, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """Send one line; an engine that has gone needs none."""
        if self._engine is None:
            return
        with contextlib.suppress(grpc.RpcError):
            self._engine.Log(engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral), timeout=5)
