"""Seal one secret under the key of its trust level, and open it, as the secret gate does.

A sealed value holds the API server's own value whole, encrypted under the level's key, and beside it a stub:
the secret's name, owner and labels without its data, encrypted under the control plane's key alone. While the
level's key can be used, the whole is given out byte for byte. Once it is withdrawn, the stub is given out,
with an annotation that marks it; such a secret can be listed, counted and deleted, but neither read nor
changed. So a withdrawn key never breaks a list, a watch or the API server's own caches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sovereign_ai.cluster.keys.custody import PLANE
from sovereign_ai.cluster.keys.envelope import DamagedError, Seed, opened, parse
from sovereign_ai.cluster.keys.key_client import KeyHandle, KeyRefusedError
from sovereign_ai.cluster.keys.messages import STORED
from sovereign_ai.names import KEYS

SECRETS = b"/registry/secrets/"
SEALED = b"k8s:enc:sovereign-ai:v1:"
"""The prefix of a sealed value.

The API server knows no such encryption provider and refuses a value with this prefix. So without the gate it
fails, instead of reading a stub or plain data.
"""
PLANE_VALUE = f"k8s:enc:kms:v2:{PLANE}:".encode()
"""The prefix that the API server puts before a value of its KMS v2 provider."""
WITHDRAWN_KEY = f"{KEYS.domain}/withdrawn"
"""Annotation of a secret whose level's key is withdrawn; its value is the level."""
_PROTOBUF = b"k8s\x00"
"""The magic number before an object in Kubernetes' protobuf form."""
_KEPT_ANNOTATIONS = ("kubernetes.io/service-account.name", "kubernetes.io/service-account.uid")
"""Without these the controller manager takes a token's service account for deleted, and deletes the token."""


class UnsealableError(Exception):
    """A value cannot be sealed: the API server did not encrypt it under the control plane's key."""


class Sealer:
    """Seals and opens values, by the trust level of each namespace."""

    def __init__(self, keys: Mapping[str, KeyHandle], levels: Mapping[str, str]) -> None:
        self.keys = keys
        self.levels = levels

    def level(self, place: bytes) -> str | None:
        """Return the trust level under whose key a value is sealed; None if it is no secret of a zone."""
        if not place.startswith(SECRETS):
            return None
        namespace = place.removeprefix(SECRETS).split(b"/", 1)[0].decode(errors="replace")
        return self.levels.get(namespace)

    async def seal(self, place: bytes, value: bytes, before: bytes = b"") -> bytes:
        """Return a value sealed, on its way to etcd; what is no secret of a zone is returned as it is.

        Args:
            place: its key in etcd.
            value: what the API server writes.
            before: the stored value. A namespace may have left the level that it was sealed under.

        Raises:
            RefusedError: the level's key is withdrawn, so that nothing can be written under it, or the stored
                value is withdrawn, or the new value is the stub of a withdrawn one.
            SilentError: the key service gave no answer.
            UnsealableError: it is not encrypted under the control plane's key.
        """
        level = self.level(place)
        if before.startswith(SEALED):
            # Refuses to overwrite a withdrawn secret. A damaged one may be replaced: it cannot be read any
            # more.
            with contextlib.suppress(DamagedError):
                await self._opened(place, before)
        if level is None:
            if before.startswith(SEALED):
                await self._stub(place, value, "")  # only to refuse a stub
            return value
        seed = await self.keys[level].writing_seed()
        stub = await self._stub(place, value, level)
        message = STORED["Sealed"](whole=seed.close(value, place), stub=stub)
        return SEALED + level.encode() + b":" + bytes(message.SerializeToString())

    async def open(self, place: bytes, value: bytes) -> bytes:
        """Return a value opened, on its way from etcd; a sealed one whose key is withdrawn becomes its stub.

        Raises:
            SilentError: the key service gave no answer.
            DamagedError: it was changed, or belongs to another place.
        """
        if not value.startswith(SEALED):
            return value
        try:
            return await self._opened(place, value)
        except KeyRefusedError:
            _, message = _parse_sealed(value)
            return bytes(message.stub)

    async def _opened(self, place: bytes, value: bytes) -> bytes:
        """Return the whole of a sealed value.

        Raises:
            RefusedError: its key is withdrawn.
            SilentError: the key service gave no answer.
            DamagedError: it was changed, or belongs to another place.
        """
        level, message = _parse_sealed(value)
        key = self.keys.get(level)
        if key is None:
            raise DamagedError
        whole = message.whole
        seed = await key.seed(whole.key_id, whole.seed)
        return opened(seed, whole, place)

    async def _stub(self, place: bytes, value: bytes, level: str) -> bytes:
        """Return the secret without its data, encrypted as the API server encrypts."""
        if not value.startswith(PLANE_VALUE):
            raise UnsealableError
        stored = parse(STORED["EncryptedObject"], value.removeprefix(PLANE_VALUE))
        try:
            secret = await self.keys[PLANE].seed(stored.key_id, stored.seed)
        except KeyRefusedError:
            # Of the control plane's own key: to the caller, a refusal means that a level's key is withdrawn.
            raise UnsealableError from None
        plain = without_data(opened(secret, stored, place), level)
        closed = Seed(secret, stored.key_id, stored.seed).close(plain, place)
        return PLANE_VALUE + bytes(closed.SerializeToString())


def without_data(plain: bytes, level: str) -> bytes:
    """Return a stored secret with its identity and owner only: no data, no annotations, no field managers.

    Raises:
        UnsealableError: it is no secret in Kubernetes' protobuf form.
        RefusedError: it is the stub of a withdrawn secret, which would replace that secret if it were
            written.
    """
    if not plain.startswith(_PROTOBUF):
        raise UnsealableError
    try:
        wrapper = parse(STORED["Unknown"], plain.removeprefix(_PROTOBUF))
        secret = parse(STORED["Secret"], wrapper.raw)
    except DamagedError:
        raise UnsealableError from None
    # `messages.py` declares no field for the data, so that it goes with the unknown fields.
    secret.DiscardUnknownFields()
    annotations = secret.metadata.annotations
    if WITHDRAWN_KEY in annotations:
        raise KeyRefusedError
    kept = {name: annotations[name] for name in _KEPT_ANNOTATIONS if name in annotations}
    kept[WITHDRAWN_KEY] = level
    annotations.clear()
    annotations.update(kept)
    wrapper.raw = secret.SerializeToString()
    return _PROTOBUF + bytes(wrapper.SerializeToString())


def sealed_under(value: bytes) -> tuple[str, str] | None:
    """Return under which level and key version a stored value is sealed; None if it is not sealed.

    Raises:
        DamagedError: it begins as a sealed value and is none.
    """
    if not value.startswith(SEALED):
        return None
    level, message = _parse_sealed(value)
    return level, str(message.whole.key_id)


def stub_of(value: bytes) -> bytes | None:
    """Return the stub beside a sealed value; None if the value is not sealed.

    Raises:
        DamagedError: it begins as a sealed value and is none.
    """
    if not value.startswith(SEALED):
        return None
    _, message = _parse_sealed(value)
    return bytes(message.stub)


def _parse_sealed(value: bytes) -> tuple[str, Any]:
    """Return the level of a sealed value, and the message with its whole and its stub.

    Raises:
        DamagedError: it is no sealed value.
    """
    level, _, rest = value.removeprefix(SEALED).partition(b":")
    return level.decode(errors="replace"), parse(STORED["Sealed"], rest)


__all__ = [
    "SEALED",
    "SECRETS",
    "WITHDRAWN_KEY",
    "DamagedError",
    "Sealer",
    "UnsealableError",
    "sealed_under",
    "stub_of",
    "without_data",
]
