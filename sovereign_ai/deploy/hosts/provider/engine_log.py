"""The provider's messages in Pulumi's log, through the engine's own service."""

from __future__ import annotations

import contextlib
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sovereign_ai.deploy.language_host.plugin_server import CHANNEL


class EngineLog:
    """Sends messages to the engine at an address; without an address, drops them."""

    def __init__(self, address: str) -> None:
        """Open a channel to the engine; nothing is sent yet."""
        self._engine: Any = None
        if address:
            # The engine listens on the loopback address, without TLS.
            self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=CHANNEL))

    def step(self, urn: str, text: str) -> None:
        """Report the current step; a terminal shows it until the next message."""
        self._send(engine_pb2.INFO, urn, text, ephemeral=True)

    def info(self, urn: str, text: str) -> None:
        """Report a result."""
        self._send(engine_pb2.INFO, urn, text)

    def warn(self, urn: str, text: str) -> None:
        """Report what a person should look at."""
        self._send(engine_pb2.WARNING, urn, text)

    def _send(self, severity: Any, urn: str, text: str, *, ephemeral: bool = False) -> None:
        """Send one line."""
        if self._engine is None:
            return
        message = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        # An engine that has exited needs no messages; work on hosts must not fail for a lost line.
        with contextlib.suppress(grpc.RpcError):
            self._engine.Log(message, timeout=5)
