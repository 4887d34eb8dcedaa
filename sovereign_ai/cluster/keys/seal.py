"""What the secret gate does with one stored value: seals a secret of a trust level under that level's key.

A sealed value holds the API server's own value whole, encrypted under the level's key, and beside it a
stub: the secret's name, owner and labels without its data, encrypted under the plane's key alone. While
the level's key can be used, the whole is given back byte for byte. Once it is withdrawn, the stub is,
which says so in an annotation; such a secret can be listed, counted and deleted, and not read or changed.
So one withdrawn key never breaks a list, a watch or the API server's own caches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster.keys.custody import PLANE
from sovereign_ai.cluster.keys.envelope import DamagedError, Seed, opened
from sovereign_ai.cluster.keys.ring import Key, RefusedError
from sovereign_ai.cluster.keys.wire import STORED
from sovereign_ai.names import KEYS

SECRETS = b"/registry/secrets/"
SEALED = b"k8s:enc:sovereign-ai:v1:"
"""In front of a sealed value. The API server knows no such provider, and refuses what begins like this and is not one's:
without the gate it fails instead of reading a stub, or data in clear."""
PLANE_VALUE = f"k8s:enc:kms:v2:{PLANE}:".encode()
"""What the API server writes in front of a value of its KMS v2 provider."""
WITHDRAWN_KEY = f"{KEYS.domain}/withdrawn"
"""Annotation of a secret whose level's key is withdrawn; its value is the level."""
_PROTOBUF = b"k8s\x00"
_KEPT_ANNOTATIONS = ("kubernetes.io/service-account.name", "kubernetes.io/service-account.uid")
"""Without these the controller manager deletes a service account's token, taking its account for gone."""


class UnsealableError(Exception):
    """A value came that cannot be sealed: the API server did not encrypt it under the plane's key."""


class Sealer:
    """Seals and opens values; knows which namespace stands under which level."""

    def __init__(self, keys: Mapping[str, Key], levels: Mapping[str, str]) -> None:
        self.keys = keys
        self.levels = levels

    def level(self, place: bytes) -> str | None:
        """Give the trust level under whose key a value in etcd stands; None if it is no secret of a zone."""
        if not place.startswith(SECRETS):
            return None
        namespace = place.removeprefix(SECRETS).split(b"/", 1)[0].decode(errors="replace")
        return self.levels.get(namespace)

    async def seal(self, place: bytes, value: bytes, before: bytes = b"") -> bytes:
        """Seal a value on its way to etcd; what is no secret of a zone passes as it is.

        Args:
            place: its key in etcd.
            value: what the API server writes.
            before: what stands there. A namespace may have left the level that it was sealed under.

        Raises:
            RefusedError: the level's key is withdrawn, so that nothing can be written under it, or what stands
                there is withdrawn, or the value is a withdrawn one's stub.
            SilentError: the key service gave no answer.
            UnsealableError: it is not encrypted under the plane's key.
        """
        level = self.level(place)
        if before.startswith(SEALED):
            with contextlib.suppress(DamagedError):
                await self._whole(place, before)
        if level is None:
            if before.startswith(SEALED):
                await self._stub(place, value, "")  # refuses a stub
            return value
        seed = await self.keys[level].writing_seed()
        stub = await self._stub(place, value, level)
        message = STORED["Sealed"](whole=seed.close(value, place), stub=stub)
        return SEALED + level.encode() + b":" + bytes(message.SerializeToString())

    async def open(self, place: bytes, value: bytes) -> bytes:
        """Open a value on its way from etcd; a sealed one whose key is withdrawn becomes its stub.

        Raises:
            SilentError: the key service gave no answer.
            DamagedError: it was changed, or belongs to another place.
        """
        if not value.startswith(SEALED):
            return value
        try:
            return await self._whole(place, value)
        except RefusedError:
            return bytes(_sealed(value)[1].stub)

    async def _whole(self, place: bytes, value: bytes) -> bytes:
        """Open a sealed value.

        Raises:
            RefusedError: its key is withdrawn.
            SilentError: the key service gave no answer.
            DamagedError: it was changed, or belongs to another place.
        """
        level, message = _sealed(value)
        key = self.keys.get(level)
        if key is None:
            raise DamagedError
        return opened(await key.seed(message.whole.key_id, message.whole.seed), message.whole, place)

    async def _stub(self, place: bytes, value: bytes, level: str) -> bytes:
        """Write the secret without its data, encrypted as the API server encrypts."""
        if not value.startswith(PLANE_VALUE):
            raise UnsealableError
        stored = STORED["EncryptedObject"].FromString(value.removeprefix(PLANE_VALUE))
        try:
            secret = await self.keys[PLANE].seed(stored.key_id, stored.seed)
        except RefusedError:
            raise UnsealableError from None
        plain = without_data(opened(secret, stored, place), level)
        closed = Seed(secret, stored.key_id, stored.seed).close(plain, place)
        return PLANE_VALUE + bytes(closed.SerializeToString())


def without_data(plain: bytes, level: str) -> bytes:
    """Keep of a stored secret what tells which one it is and whose: no data, no annotations, no field managers.

    Raises:
        UnsealableError: it is no secret in Kubernetes' protobuf form.
        RefusedError: it is the stub of a withdrawn one: written back, it would take the place of what it stands for.
    """
    if not plain.startswith(_PROTOBUF):
        raise UnsealableError
    wrapper: Any = STORED["Unknown"].FromString(plain.removeprefix(_PROTOBUF))
    secret: Any = STORED["Secret"].FromString(wrapper.raw)
    secret.DiscardUnknownFields()
    annotations = secret.metadata.annotations
    if WITHDRAWN_KEY in annotations:
        raise RefusedError
    kept = {name: annotations[name] for name in _KEPT_ANNOTATIONS if name in annotations}
    annotations.clear()
    annotations.update(kept | {WITHDRAWN_KEY: level})
    wrapper.raw = secret.SerializeToString()
    return _PROTOBUF + bytes(wrapper.SerializeToString())


def sealed_under(value: bytes) -> tuple[str, str] | None:
    """Tell under which level and key version a stored value is sealed; None if it is not."""
    if not value.startswith(SEALED):
        return None
    level, message = _sealed(value)
    return level, str(message.whole.key_id)


def stub_of(value: bytes) -> bytes | None:
    """Give the stub beside a sealed value; None if it is not sealed."""
    return bytes(_sealed(value)[1].stub) if value.startswith(SEALED) else None


def _sealed(value: bytes) -> tuple[str, Any]:
    """Take a sealed value apart: its level, and the message with its whole and its stub."""
    level, _, rest = value.removeprefix(SEALED).partition(b":")
    return level.decode(errors="replace"), STORED["Sealed"].FromString(rest)


__all__ = ["SEALED", "SECRETS", "WITHDRAWN_KEY", "DamagedError", "Sealer", "UnsealableError", "sealed_under", "stub_of", "without_data"]
