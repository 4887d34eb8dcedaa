"""A key as its users see it: is it usable, which version is written with, and the seeds encrypted under it.

Any KMS v2 plugin will do at the other end. `watch` asks for the status each second. A key that is
withdrawn loses its seeds at once; one of which nothing was heard for 15 s loses them too, and is then
an error until something is heard: silence neither opens nor withdraws anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.keys.envelope import SEED_BYTES, Seed
from sovereign_ai.cluster.keys.plugin import WITHDRAWN
from sovereign_ai.cluster.keys.wire import KMS, KMS_SERVICE

RECONNECT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
"""A process beside ours that was started again is found within a second; gRPC itself would wait ever longer, up to two minutes."""
POLL_SECONDS = 1.0
MOST_SILENCE_SECONDS = 15.0
_CALL_SECONDS = 5.0
_MOST_SEEDS = 4096


class SilentError(Exception):
    """The key service gave no answer."""


class RefusedError(Exception):
    """The key is withdrawn."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the key service said of a key last.

    Attributes:
        key_id: the version that is written with.
        withdrawn: whether the key is withdrawn.
    """

    key_id: str
    withdrawn: bool


class Key:
    """One key behind a KMS v2 socket."""

    def __init__(self, name: str, socket: Path, changed: Callable[[], None] = lambda: None) -> None:
        """Nothing is asked yet; `changed` is called when the key is withdrawn, given back or rotated."""
        self.name = name
        self.withdrawn = False
        self.key_id = ""
        self._changed = changed
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=RECONNECT)
        self._calls = {
            call: self._channel.unary_unary(
                f"/{KMS_SERVICE}/{call}",
                request_serializer=lambda request: request.SerializeToString(),
                response_deserializer=KMS[f"{call}Response"].FromString,
            )
            for call in ("Status", "Encrypt", "Decrypt")
        }
        self._seeds: dict[tuple[str, bytes], bytes] = {}
        self._writes: Seed | None = None
        self._heard = 0.0

    @property
    def heard(self) -> Heard | None:
        """What was heard last; None before anything was."""
        return Heard(self.key_id, self.withdrawn) if self.key_id else None

    async def watch(self) -> None:
        """Ask for the status for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def refresh(self) -> None:
        """Ask for the status once."""
        with contextlib.suppress(SilentError, RefusedError):
            answer = await self._call("Status", KMS["StatusRequest"]())
            if answer.healthz in {"ok", WITHDRAWN}:
                self._note(withdrawn=answer.healthz == WITHDRAWN, key_id=answer.key_id)
        if time.monotonic() - self._heard > MOST_SILENCE_SECONDS:
            self._forget()

    async def seed(self, key_id: str, encrypted: bytes) -> bytes:
        """Give the seed that was stored so.

        Raises:
            RefusedError: the key is withdrawn.
            SilentError: nobody knows.
        """
        if self.withdrawn:
            raise RefusedError
        known = self._seeds.get((key_id, encrypted))
        if known is not None:
            return known
        request = KMS["DecryptRequest"](ciphertext=encrypted, uid=str(uuid.uuid4()), key_id=key_id)
        secret = bytes((await self._call("Decrypt", request)).plaintext)
        if len(self._seeds) >= _MOST_SEEDS:
            self._seeds.clear()
        self._seeds[(key_id, encrypted)] = secret
        return secret

    async def writing_seed(self) -> Seed:
        """Give a seed under the newest version; one for each version and each run of this process.

        Raises:
            RefusedError: the key is withdrawn.
            SilentError: nobody knows.
        """
        if self.withdrawn:
            raise RefusedError
        if self._writes is None or self._writes.key_id != self.key_id:
            secret = os.urandom(SEED_BYTES)
            answer = await self._call("Encrypt", KMS["EncryptRequest"](plaintext=secret, uid=str(uuid.uuid4())))
            self._writes = Seed(secret, answer.key_id, answer.ciphertext)
            self._seeds[(answer.key_id, answer.ciphertext)] = secret
        return self._writes

    async def close(self) -> None:
        """Forget everything and hang up."""
        self._forget()
        await self._channel.close()

    def _note(self, *, withdrawn: bool, key_id: str) -> None:
        """Take in what the key service said."""
        self._heard = time.monotonic()
        is_new = (withdrawn, key_id) != (self.withdrawn, self.key_id)
        if withdrawn:
            self._forget()
        was, self.withdrawn, self.key_id = self.withdrawn, withdrawn, key_id
        if is_new and (withdrawn or was):
            self._changed()

    def _forget(self) -> None:
        """Drop every seed."""
        self._seeds.clear()
        self._writes = None

    async def _call(self, call: str, request: Any) -> Any:
        """Make one call.

        Raises:
            RefusedError: the key is withdrawn.
            SilentError: there was no usable answer.
        """
        try:
            return await self._calls[call](request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                raise RefusedError from None
            raise SilentError(f"{self.name}: {error.code().name}") from None
