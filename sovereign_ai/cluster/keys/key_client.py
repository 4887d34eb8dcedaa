"""A client of the key service for one key: whether it is usable, its newest version, and its seeds.

Any KMS v2 plugin can serve the other end. `watch` requests the status each second. A key that is withdrawn
loses its seeds at once. A key without an answer for 15 s loses them too, and raises errors until there is
one: silence neither opens nor withdraws anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.keys.envelope import SEED_BYTES, Seed
from sovereign_ai.cluster.keys.messages import KMS, KMS_SERVICE
from sovereign_ai.cluster.keys.plugin import WITHDRAWN
from sovereign_ai.frozen_dataclass import frozen_dataclass

RECONNECT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
"""So a restarted server is reached within a second; gRPC's own back-off grows up to two minutes."""
POLL_SECONDS = 1.0
MOST_SILENCE_SECONDS = 15.0
_CALL_SECONDS = 5.0
_MOST_SEEDS = 4096
"""Seeds kept in memory; a full cache is emptied, and its seeds are decrypted anew when they are needed."""


class SilentError(Exception):
    """The key service gave no answer."""


class KeyRefusedError(Exception):
    """The key is withdrawn."""


@frozen_dataclass
class KeyAnswer:
    """The key service's last answer about a key.

    Attributes:
        key_id: the version under which new values are encrypted.
        withdrawn: whether the key is withdrawn.
    """

    key_id: str
    withdrawn: bool


class KeyHandle:
    """One key behind a KMS v2 socket."""

    def __init__(self, name: str, socket: Path, changed: Callable[[], None] = lambda: None) -> None:
        """Prepare a client without any request.

        Args:
            name: the key's name.
            socket: the Unix socket on which it is served.
            changed: called when the key is withdrawn or restored.
        """
        self.name = name
        self.withdrawn = False
        self.key_id = ""
        self._changed = changed
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=RECONNECT)
        self._calls = {}
        for call in ("Status", "Encrypt", "Decrypt"):
            self._calls[call] = self._channel.unary_unary(
                f"/{KMS_SERVICE}/{call}",
                request_serializer=lambda request: request.SerializeToString(),
                response_deserializer=KMS[f"{call}Response"].FromString,
            )
        self._seeds: dict[tuple[str, bytes], bytes] = {}
        self._writes: Seed | None = None
        self._heard = 0.0

    @property
    def last_answer(self) -> KeyAnswer | None:
        """The last answer; None before the first one."""
        return KeyAnswer(self.key_id, self.withdrawn) if self.key_id else None

    async def watch(self) -> None:
        """Request the status forever."""
        while True:
            await self.refresh()
            await asyncio.sleep(POLL_SECONDS)  # noqa: TID251 - it goes on until its task is cancelled

    async def refresh(self) -> None:
        """Request the status once."""
        with contextlib.suppress(SilentError, KeyRefusedError):
            answer = await self._call("Status", KMS["StatusRequest"]())
            # Any other text means that the module gave no answer, which counts as silence.
            if answer.healthz in {"ok", WITHDRAWN}:
                self._note(withdrawn=answer.healthz == WITHDRAWN, key_id=answer.key_id)
        if time.monotonic() - self._heard > MOST_SILENCE_SECONDS:
            self._forget()

    async def seed(self, key_id: str, encrypted: bytes) -> bytes:
        """Return a seed that was stored encrypted.

        Raises:
            KeyRefusedError: the key is withdrawn.
            SilentError: the key service gave no answer.
        """
        if self.withdrawn:
            raise KeyRefusedError
        known = self._seeds.get((key_id, encrypted))
        if known is not None:
            return known
        request = KMS["DecryptRequest"](ciphertext=encrypted, uid=str(uuid.uuid4()), key_id=key_id)
        answer = await self._call("Decrypt", request)
        secret = bytes(answer.plaintext)
        if len(self._seeds) >= _MOST_SEEDS:
            self._seeds.clear()
        self._seeds[(key_id, encrypted)] = secret
        return secret

    async def writing_seed(self) -> Seed:
        """Return a seed under the newest version; one for each version and each run of this process.

        Raises:
            KeyRefusedError: the key is withdrawn.
            SilentError: the key service gave no answer.
        """
        if self.withdrawn:
            raise KeyRefusedError
        if self._writes is None or self._writes.key_id != self.key_id:
            secret = os.urandom(SEED_BYTES)
            request = KMS["EncryptRequest"](plaintext=secret, uid=str(uuid.uuid4()))
            answer = await self._call("Encrypt", request)
            self._writes = Seed(secret, answer.key_id, answer.ciphertext)
            self._seeds[(answer.key_id, answer.ciphertext)] = secret
        return self._writes

    async def close(self) -> None:
        """Drop every seed and close the channel."""
        self._forget()
        await self._channel.close()

    def _note(self, *, withdrawn: bool, key_id: str) -> None:
        """Record an answer of the key service."""
        self._heard = time.monotonic()
        is_new = (withdrawn, key_id) != (self.withdrawn, self.key_id)
        if withdrawn:
            self._forget()
        was_withdrawn = self.withdrawn
        self.withdrawn, self.key_id = withdrawn, key_id
        # A rotation alone changes nothing for readers: what is stored stays readable.
        if is_new and (withdrawn or was_withdrawn):
            self._changed()

    def _forget(self) -> None:
        """Drop every seed."""
        self._seeds.clear()
        self._writes = None

    async def _call(self, call: str, request: Any) -> Any:
        """Send one call.

        Raises:
            KeyRefusedError: the key is withdrawn.
            SilentError: there was no usable answer.
        """
        try:
            return await self._calls[call](request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                raise KeyRefusedError from None
            raise SilentError(f"{self.name}: {error.code().name}") from None
