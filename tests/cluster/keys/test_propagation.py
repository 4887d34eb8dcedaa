"""Waiting for the gate, with a gate and a key service that say what they are told to."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from sovereign_ai.cluster.keys import propagation
from sovereign_ai.cluster.keys.key_client import KeyAnswer
from sovereign_ai.cluster.keys.messages import KMS, KMS_SERVICE
from sovereign_ai.cluster.keys.propagation import until_gate
from sovereign_ai.cluster.keys.secret_proxy import GATE_STATE, port_of
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem

OLD, NEW = "lab/high/1", "lab/high/2"


class Said:
    """What the gate answers, one after the other; the last one for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, 0

    async def taken(self, _request: bytes, _context: Any) -> bytes:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return json.dumps({"levels": "", "keys": answer}).encode()

    async def status(self, _request: bytes, _context: Any) -> bytes:
        return bytes(KMS["StatusResponse"](version="v2", healthz="ok", key_id=NEW).SerializeToString())


@asynccontextmanager
async def plane(said: Said, where: ClusterDir, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Serve both on the socket of the level's key."""
    server = grpc.aio.server()
    gate = {"Taken": grpc.unary_unary_rpc_method_handler(said.taken)}
    service = {"Status": grpc.unary_unary_rpc_method_handler(said.status)}
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(GATE_STATE.split("/")[1], gate),
            grpc.method_handlers_generic_handler(KMS_SERVICE, service),
        ]
    )
    socket = f"unix:{where.folder / 'kms' / 'high.sock'}"
    server.add_insecure_port(socket)
    monkeypatch.setattr(propagation, "open_etcd", lambda *_: grpc.aio.insecure_channel(socket))
    monkeypatch.setattr(propagation, "port_of", lambda *_: 0)
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    (tmp_path / "kms").mkdir()
    return ClusterDir("lab", tmp_path)


def test_it_is_waited_for_what_the_gate_heard_and_not_for_a_time(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
):
    said = Said(
        {}, {"high": {"key_id": OLD, "withdrawn": False}}, {"high": {"key_id": NEW, "withdrawn": False}}
    )

    async def run() -> None:
        async with plane(said, where, monkeypatch):
            await until_gate(where, "high", lambda heard: heard == KeyAnswer(NEW, withdrawn=False))

    asyncio.run(run())
    assert said.asked == 3


def test_a_gate_that_never_hears_of_it_is_named(where: ClusterDir, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(propagation, "_SERVICE_SECONDS", 1)

    async def run() -> None:
        async with plane(Said({"high": {"key_id": OLD, "withdrawn": True}}), where, monkeypatch):
            await until_gate(where, "high", lambda heard: not heard.withdrawn)

    with pytest.raises(
        EnvironmentLacksError, match=r"the secret gate did not take up what became of the key 'high'"
    ):
        asyncio.run(run())


def test_a_plane_that_was_not_started_with_its_keys_yet_says_so(tmp_path: Path):
    with pytest.raises(EnvironmentLacksError, match="cluster up lab"):
        port_of(ClusterDir("lab", tmp_path), "secret-gate")


def test_an_api_server_that_is_too_busy_to_say_its_key_is_waited_for_and_one_that_is_gone_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Server:
        def __init__(self, *answers: str) -> None:
            self.answers = list(answers)

        def request(self, *_: str) -> dict[str, str]:
            answer = self.answers.pop(0)
            if answer in {"cluster-slow", "cluster-unreachable"}:
                raise EnvironmentLacksError(Problem(answer, "no answer"))
            return {"text": answer}

    monkeypatch.setattr(propagation, "wait_until", lambda holds, *_: holds() or holds())
    monkeypatch.setattr("sovereign_ai.cluster.keys.propagation.time.sleep", lambda _seconds: None)
    digest = hashlib.sha256(b"v2").hexdigest()
    metric = f'{propagation._METRIC}{{key_id_hash="sha256:{digest}"}} 1'
    busy: Any = Server("cluster-slow", metric)
    propagation.until_api_server_writes_under(busy, "v2")
    gone: Any = Server("cluster-unreachable")
    with pytest.raises(EnvironmentLacksError, match="no answer"):
        propagation.until_api_server_writes_under(gone, "v2")
