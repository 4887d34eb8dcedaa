"""Waiting until the parts of a plane have taken up what became of a key."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.access import Api
from sovereign_ai.cluster.flags import KEY_SERVICE, SECRET_GATE
from sovereign_ai.cluster.keys.custody import Custody, levels_digest, socket_of
from sovereign_ai.cluster.keys.gate import TAKEN, open_etcd, port_of
from sovereign_ai.cluster.keys.ring import Heard, Key
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem

_SERVICE_SECONDS, _API_SERVER_SECONDS, _CALL_SECONDS, _ASK_SECONDS = 30.0, 150.0, 5.0, 0.2
_METRIC = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds"
"""Which key ids the API server heard of from `Status`; it asks once a minute, and with each health check older than 20 s."""


async def until_gate(where: Place, name: str, holds: Callable[[Heard], bool]) -> None:
    """Wait until the key service says so of a key, and then until the gate has heard it.

    Raises:
        EnvironmentLacksError: one of them did not in time.
    """
    key = Key(name, socket_of(where, name))
    deadline = time.monotonic() + _SERVICE_SECONDS
    try:
        await key.refresh()
        while not (key.heard and holds(key.heard)):
            if time.monotonic() > deadline:
                hint = f"see logs/{KEY_SERVICE}.log in {where.folder}"
                raise EnvironmentLacksError(Problem("keys-not-taken-up", f"the key service does not know of {name!r} yet", hint=hint))
            await asyncio.sleep(_ASK_SECONDS)
            await key.refresh()
    finally:
        await key.close()

    def said(taken: Mapping[str, Any]) -> bool:
        heard = taken["keys"].get(name)
        return heard is not None and holds(Heard(**heard))

    await _until_taken(where, said, f"what became of the key {name!r}")


async def until_gate_seals_by(where: Place, custody: Custody) -> None:
    """Wait until the gate seals by these levels: before that it would let a secret of a new one pass as it is.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    wanted = levels_digest(custody.levels)
    await _until_taken(where, lambda taken: taken["levels"] == wanted, "the trust levels")


async def _until_taken(where: Place, said: Callable[[Mapping[str, Any]], bool], what: str) -> None:
    """Wait until the gate says something of what it has taken up.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    deadline = time.monotonic() + _SERVICE_SECONDS
    channel = open_etcd(where, port_of(where, SECRET_GATE))
    ask = channel.unary_unary(TAKEN)
    try:
        while True:
            try:
                if said(json.loads(await ask(b"", timeout=_CALL_SECONDS))):
                    return
                answer = "it goes by what was before"
            except grpc.RpcError as error:
                answer = error.code().name
            if time.monotonic() > deadline:
                anew = f"`sovereign-ai cluster down {where.name} --keep-data`, then `sovereign-ai cluster up {where.name}`"
                hint = f"see logs/{SECRET_GATE}.log in {where.folder}; a plane that an older version started: {anew}"
                raise EnvironmentLacksError(Problem("keys-not-taken-up", f"the secret gate did not take up {what}: {answer}", hint=hint))
            await asyncio.sleep(_ASK_SECONDS)
    finally:
        await channel.close()


def until_api_server_writes_under(api: Api, key_id: str) -> None:
    """Wait until the API server has heard of a key version, from when on it writes under it.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    wanted = f'key_id_hash="sha256:{hashlib.sha256(key_id.encode()).hexdigest()}"'
    deadline = time.monotonic() + _API_SERVER_SECONDS
    while not any(line.startswith(_METRIC) and wanted in line for line in str(api.request("GET", "/metrics").get("text")).splitlines()):
        if time.monotonic() > deadline:
            raise EnvironmentLacksError(Problem("keys-not-taken-up", "the API server did not take up the new version in time"))
        time.sleep(1)
    time.sleep(1)  # it hears of a version first and makes a seed under it then
