"""Wait until a change of a key has reached the parts of a control plane that use it.

These are the key service, the API server, and the secret gate between it and etcd (`secret_proxy.py`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.busy_cluster import is_busy
from sovereign_ai.cluster.embedded.flags import KEY_SERVICE, SECRET_GATE
from sovereign_ai.cluster.keys.custody import Custody, levels_digest, socket_of
from sovereign_ai.cluster.keys.key_client import KeyAnswer, KeyHandle
from sovereign_ai.cluster.keys.secret_proxy import GATE_STATE, open_etcd, port_of
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError
from sovereign_ai.toolchain import polling_async, wait_until

_SERVICE_SECONDS, _API_SERVER_SECONDS, _CALL_SECONDS, _ASK_SECONDS = 30.0, 150.0, 5.0, 0.2
_METRIC = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds"
"""Reports the key ids that the API server knows from `Status`.

It requests the status once a minute, and with each health check older than 20 s.
"""


async def until_gate(cluster_dir: ClusterDir, name: str, holds: Callable[[KeyAnswer], bool]) -> None:
    """Wait until the key service reports a condition of a key, and then until the gate knows it.

    Args:
        cluster_dir: the control plane's folder.
        name: the key.
        holds: the condition.

    Raises:
        EnvironmentLacksError: one of them did not in time.
    """
    key = KeyHandle(name, socket_of(cluster_dir, name))
    try:
        async for is_last in polling_async(_SERVICE_SECONDS, _ASK_SECONDS):
            await key.refresh()
            if key.last_answer and holds(key.last_answer):
                break
            if is_last:
                message = f"the key service does not know of {name!r} yet"
                hint = f"see logs/{KEY_SERVICE}.log in {cluster_dir.folder}"
                raise EnvironmentLacksError(Problem("keys-not-taken-up", message, hint=hint))
    finally:
        await key.close()

    def knows(state: Mapping[str, Any]) -> bool:
        heard = state["keys"].get(name)
        return heard is not None and holds(KeyAnswer(**heard))

    await _until_gate_state(cluster_dir, knows, f"what became of the key {name!r}")


async def until_gate_seals_by(cluster_dir: ClusterDir, custody: Custody) -> None:
    """Wait until the gate seals by these levels; before, a secret of a new level would pass unsealed.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    wanted = levels_digest(custody.levels)
    await _until_gate_state(cluster_dir, lambda state: state["levels"] == wanted, "the trust levels")


async def _until_gate_state(
    cluster_dir: ClusterDir, holds: Callable[[Mapping[str, Any]], bool], subject: str
) -> None:
    """Wait until the gate reports a state.

    Args:
        cluster_dir: the control plane's folder.
        holds: whether the state is the expected one.
        subject: what the gate should follow, for the error.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    channel = open_etcd(cluster_dir, port_of(cluster_dir, SECRET_GATE))
    request_state = channel.unary_unary(GATE_STATE)
    try:
        async for is_last in polling_async(_SERVICE_SECONDS, _ASK_SECONDS):
            try:
                state = json.loads(await request_state(b"", timeout=_CALL_SECONDS))
                if holds(state):
                    return
                answer = "it still uses what was before"
            except grpc.RpcError as error:
                answer = error.code().name
            if is_last:
                name = cluster_dir.name
                # A gate of an older version has no such call and answers UNIMPLEMENTED.
                hint = (
                    f"see logs/{SECRET_GATE}.log in {cluster_dir.folder}; "
                    "a control plane that an older version started: "
                    f"`sovereign-ai cluster down {name} --keep-data`, then `sovereign-ai cluster up {name}`"
                )
                message = f"the secret gate did not take up {subject}: {answer}"
                raise EnvironmentLacksError(Problem("keys-not-taken-up", message, hint=hint))
    finally:
        await channel.close()


def until_api_server_writes_under(api: Api, key_id: str) -> None:
    """Wait until the API server encrypts new values under a key version.

    Raises:
        EnvironmentLacksError: it did not in time.
    """
    digest = hashlib.sha256(key_id.encode()).hexdigest()
    label = f'key_id_hash="sha256:{digest}"'
    if not wait_until(partial(_has_metric, api, label), _API_SERVER_SECONDS, 1):
        message = "the API server did not take up the new version in time"
        raise EnvironmentLacksError(Problem("keys-not-taken-up", message))
    # The API server records a version first, and only then generates a seed under it.
    time.sleep(1)  # noqa: TID251 - there is nothing to ask


def _has_metric(api: Api, label: str) -> bool:
    """Return whether the API server's metrics report a key id; one that is too busy to say has not yet."""
    try:
        text = str(api.request("GET", "/metrics").get("text"))
    except SovereignError as error:
        if is_busy(error):
            return False
        raise
    return any(line.startswith(_METRIC) and label in line for line in text.splitlines())
