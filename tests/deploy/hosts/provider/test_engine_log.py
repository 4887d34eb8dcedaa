"""The provider's messages in Pulumi's log."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sovereign_ai.deploy.hosts.provider.engine_log import EngineLog


class Engine(engine_pb2_grpc.EngineServicer):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, str, str, bool]] = []

    def Log(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        self.messages.append((request.severity, request.urn, request.message, request.ephemeral))
        return Empty()


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    """Serve an engine's log on loopback, and return it with its address."""
    servicer = Engine()
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    port = server.add_insecure_port("127.0.0.1:0")
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_only_a_step_is_replaced_by_the_next_message(engine: tuple[Engine, str]) -> None:
    servicer, address = engine
    messages = EngineLog(address)
    messages.step("urn:a", "at work")
    messages.info("urn:a", "done")
    messages.warn("urn:b", "look at this")
    assert servicer.messages == [
        (engine_pb2.INFO, "urn:a", "at work", True),
        (engine_pb2.INFO, "urn:a", "done", False),
        (engine_pb2.WARNING, "urn:b", "look at this", False),
    ]


def test_an_engine_that_is_gone_or_was_never_there_is_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    EngineLog(f"127.0.0.1:{port}").info("urn:a", "lost")
    EngineLog("").info("urn:a", "lost")
