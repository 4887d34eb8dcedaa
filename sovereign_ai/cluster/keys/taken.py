"""Waiting until the parts of a plane have taken up what became of a key."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable

from sovereign_ai.cluster.access import Api
from sovereign_ai.cluster.keys.custody import socket_of
from sovereign_ai.cluster.keys.ring import POLL_SECONDS, Key
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem

_SERVICE_SECONDS, _API_SERVER_SECONDS = 30.0, 150.0
_METRIC = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds"
"""Which key ids the API server heard of from `Status`; it asks once a minute, and with each health check older than 20 s."""


async def until_gate(where: Place, name: str, holds: Callable[[Key], bool]) -> None:
    """Wait until the key service says so, and for one more round of the gate's asking.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    key = Key(name, socket_of(where, name))
    deadline = time.monotonic() + _SERVICE_SECONDS
    try:
        await key.refresh()
        while not holds(key):
            if time.monotonic() > deadline:
                hint = f"see logs/keys.log in {where.folder}"
                raise EnvironmentLacksError(Problem("keys-not-taken-up", f"the key service does not know of {name!r} yet", hint=hint))
            await asyncio.sleep(0.2)
            await key.refresh()
    finally:
        await key.close()
    await asyncio.sleep(2 * POLL_SECONDS)


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
